"""Every kind of page at every width, light, dark, in forced colours: quiet and whole, and its links lead somewhere."""

from dataclasses import replace
from urllib.parse import unquote

import pytest
from audited import recorded_life
from PIL import Image

from explain_gate.commands.history import versions_of
from explain_gate.comparing.profiles import compare_profiles
from explain_gate.publishing.pages.comparison import write_comparison
from explain_gate.publishing.pages.history import render_history
from explain_gate.publishing.publish import publish
from explain_gate.records import Evidence

pytestmark = pytest.mark.browser
WIDTHS = (390, 1280, 2560)
LOADED = """async () => {
  const images = [...document.querySelectorAll('img')].filter((one) => one.checkVisibility());
  images.forEach((one) => { one.loading = 'eager'; });
  await Promise.all(images.map((one) => one.decode().catch(() => {})));
  return images.filter((one) => !one.naturalWidth).map((one) => one.getAttribute('src'));
}"""


def _not_applicable(run):
    """Rules of behaviour that apply to none, or to half of the images."""
    kept = {"not_applicable": 9, "images": 9}
    none = {"not_applicable": 18, "images": 0, "value": None, "interval": None, "status": "unmeasured", "worst": ()}
    changed = [
        replace(finding, **(none if finding.check == "reliance.background_gap" else kept))
        for finding in run.verdict.findings
    ]
    return replace(run.verdict, findings=tuple(changed))


def _inconclusive(run):
    """Nothing blocks, one row cannot tell."""
    counted = Evidence(
        question="turn to another class", yes=4, images=18, bound=0.1, must_catch=0.6, part=0.005, fails_from=7,
        finds=0.4, needed=30,
        limits=(0.06, 0.48), upper=0.44, more=12,
    )  # fmt: skip
    findings = tuple(
        replace(finding, status="inconclusive", evidence=counted, bound={"at_most": 0.1})
        if finding.check == "reliance.background_gap"
        else replace(finding, status="passed", worst=())
        for finding in run.verdict.findings
    )
    return replace(run.verdict, findings=findings, verdict="passed", exit_code=0, failed_tests=())


@pytest.fixture
def pages(run, make_run, crashed, tmp_path):
    """One of every kind, by name."""
    published = {}
    for name, verdict, profile in (
        ("failed", run.verdict, run.profile),
        ("not applicable", _not_applicable(run), run.profile),
        ("inconclusive", _inconclusive(run), run.profile),
        ("crashed", crashed, None),
    ):
        folder = tmp_path / name
        folder.mkdir()
        publish(verdict, profile, folder, config_text="version: 1\n", reference=profile)
        published |= {name: folder / "index.html", f"{name}, audit": folder / "audit.html"}
    other = make_run(name="other").profile
    compared = compare_profiles(run.profile, other)
    published["comparison"] = write_comparison(compared, run.profile, other, tmp_path / "compared")
    published["history"] = tmp_path / "history.html"
    published["history"].write_text(render_history("pets", versions_of(recorded_life())), encoding="utf-8")
    return published


def test_every_page_is_quiet_and_fits(browser, pages):
    """No complaint of the browser, nothing that sticks out, no picture that is not there, whatever the screen."""
    complaints = []
    context = browser.new_context()
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    for name, path in pages.items():
        page.goto(path.as_uri())
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            for media in ({"color_scheme": "light"}, {"color_scheme": "dark"}, {"forced_colors": "active"}):
                page.emulate_media(**{"color_scheme": "light", "forced_colors": "none", **media})
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width, media)
        assert page.evaluate(LOADED) == [], name
    context.close()
    assert complaints == []


def test_every_link_leads_somewhere_and_no_picture_is_empty(pages, page_of):
    """Inside the page to an id, beside it to a file; a photograph has more than one colour."""
    for name, path in pages.items():
        page = page_of(path)
        for link in (attributes["href"] for attributes in page.all("a") if attributes.get("href")):
            if link.startswith("#"):
                assert unquote(link[1:]) in page.ids, (name, link)
            elif not link.startswith(("http://", "https://")):
                assert (path.parent / unquote(link)).is_file(), (name, link)
        for source in {attributes["src"] for attributes in page.all("img")}:
            if source.startswith("assets/"):
                with Image.open(path.parent / source) as picture:
                    assert any(low < high for low, high in picture.convert("RGBA").getextrema()), (name, source)
