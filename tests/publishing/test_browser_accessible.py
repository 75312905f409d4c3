"""axe-core finds nothing against WCAG 2.2 AA on the pages, in light and dark, on a phone and a laptop."""

import pytest

from explain_gate.comparing.profiles import compare_profiles
from explain_gate.publishing.pages.comparison import write_comparison
from explain_gate.publishing.publish import publish

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (320, "dark")])
def test_the_pages_have_no_violation(axe, browser, run, tmp_path, width, scheme):
    """The report, the auditor's page and a comparison."""
    publish(run.verdict, run.profile, run.folder, config_text="version: 1\n", reference=run.profile)
    comparison = compare_profiles(run.profile, run.profile)
    compared = write_comparison(comparison, run.profile, run.profile, tmp_path, findings=run.verdict.findings)
    violations = []
    # The pages' own policy lets no other script in, which is as it must be.
    context = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True
    )
    for path in (run.folder / "index.html", run.folder / "audit.html", compared):
        page = context.new_page()
        page.goto(path.as_uri())
        violations += [f"{path.name} {told}" for told in axe(page)]
        if page.locator("#filters").count():
            page.locator("#filters").get_by_role("radio", name="table", exact=True).check()
            violations += [f"table of {path.name} {told}" for told in axe(page)]
    context.close()
    assert violations == []


def test_forced_colours_keep_what_a_chart_says(browser, run):
    """Where the system picks the colours, bar and bound still stand out from the page."""
    publish(run.verdict, run.profile, run.folder)
    context = browser.new_context(forced_colors="active")
    page = context.new_page()
    page.goto((run.folder / "index.html").as_uri())
    line = page.locator(".rule.failed .row-chart").first
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert line.locator(".length").evaluate("node => getComputedStyle(node).fill") != ground
    assert line.locator(".bound").evaluate("node => getComputedStyle(node).stroke") != ground
    context.close()
