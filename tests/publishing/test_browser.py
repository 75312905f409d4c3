"""The report in a real browser: filters, the enlarged view by keyboard, a phone's width."""

from dataclasses import replace

import numpy as np
import pytest
from audited import recorded_life

from explain_gate.commands.history import versions_of
from explain_gate.comparing.profiles import compare_profiles
from explain_gate.comparing.versions import Run, Version
from explain_gate.publishing.pages.comparison import write_comparison
from explain_gate.publishing.pages.history import render_history
from explain_gate.publishing.publish import publish
from explain_gate.records import Measurement

CONFIG = "\n".join(["version: 1", *(f"# line {number}" for number in range(2, 14))])
pytestmark = pytest.mark.browser


@pytest.fixture
def open_page(browser, run):
    """Open the report, or another page, from disk; complaints of the browser and requests to elsewhere fail."""
    publish(run.verdict, run.profile, run.folder, config_text=CONFIG, reference=run.profile)
    contexts, complaints = [], []

    def open_(width=1280, height=800, scheme="light", path=None):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
        page.on("request", lambda r: None if r.url.startswith("file:") else complaints.append(r.url))
        page.goto((path or run.folder / "index.html").as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


def test_filters_narrow_the_gallery(open_page):
    """Choosing wrong predictions, then a class, leaves those cards and counts them."""
    page = open_page()
    page.get_by_role("group", name="Prediction").get_by_role("radio", name="wrong", exact=True).check()
    visible = page.locator(".card:visible")
    assert visible.count() == 4
    assert set(visible.evaluate_all("cards => cards.map(card => card.dataset.right)")) == {"no"}
    assert page.locator("#tells").inner_text() == "4 images"
    page.get_by_label("Class").select_option("Abyssinian")
    assert page.locator("#tells").inner_text() == "2 images"
    page.get_by_role("group", name="Status").get_by_role("radio", name="passed", exact=True).check()
    assert (
        page.locator(".card:visible").count()
        == page.locator('.card[data-right="no"][data-class="Abyssinian"][data-status="passed"]').count()
    )


def test_one_method_or_all_side_by_side(open_page):
    """Choosing a method hides the other's maps and keeps the image."""
    page = open_page()
    card = page.locator(".card").first
    assert card.locator(".view:visible").count() == 3
    page.locator("#filters").get_by_role("radio", name="grad_cam", exact=True).check()
    assert card.locator(".view:visible").count() == 2


def test_order_by_a_score_puts_the_worst_first(open_page):
    """Sorting by a column follows its direction; images without the score come last."""
    page = open_page()
    page.get_by_label("Order").select_option(label="alignment.iou · grad_cam")
    values = page.evaluate(
        "() => { const s = JSON.parse(document.querySelector('#scores').textContent);"
        " const scores = new Map(s.rows.map(row => [String(row[0]), row.at(-1)]));"
        " return [...document.querySelectorAll('.card')].map(card => scores.get(card.dataset.row)[1]); }"
    )
    assert values[-1] is None
    assert values[:-1] == sorted(values[:-1])


def test_an_image_opens_by_keyboard_and_closes_back(open_page):
    """Enter opens, arrows step, R and M switch layers, Escape returns the focus to the gallery."""
    page = open_page()
    page.locator(".card .open").first.focus()
    page.keyboard.press("Enter")
    viewer = page.locator("#viewer")
    assert viewer.is_visible()
    first = page.locator("#viewer-title").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("#viewer-title").inner_text() != first
    page.keyboard.press("ArrowLeft")
    assert page.locator("#viewer-title").inner_text() == first
    page.keyboard.press("r")
    assert viewer.locator(".outline").first.evaluate("node => getComputedStyle(node).visibility") == "hidden"
    page.keyboard.press("m")
    assert viewer.locator(".map").first.evaluate("node => getComputedStyle(node).opacity") == "0"
    assert viewer.locator("#viewer-scores tr").count() == 6
    page.keyboard.press("Escape")
    assert not viewer.is_visible()
    assert page.evaluate("document.activeElement.className") == "open"


def test_pictures_are_shown_under_the_policy(open_page):
    """The policy lets this page's pictures, style and script through."""
    page = open_page()
    photo = page.locator(".exhibits .photo").first
    page.wait_for_function("() => document.querySelector('.exhibits .photo').naturalWidth > 0")
    assert photo.evaluate("image => image.naturalWidth") == 32
    assert page.locator("#filters").is_visible()
    width = page.locator(".exhibits .outline .line").first.evaluate("node => getComputedStyle(node).strokeWidth")
    assert width == "1.7px"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 768, 1280])
def test_nothing_sticks_out_sideways(open_page, width, scheme):
    """No horizontal scrolling on a phone, a tablet and a laptop, also in the enlarged view."""
    page = open_page(width=width, height=844, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator(".card .open").first.click()
    assert page.locator("#viewer").evaluate("node => node.scrollWidth <= node.clientWidth")


def test_a_link_to_a_folded_line_unfolds_it(open_page):
    """The line in thresholds.yaml opens when a rule points at it."""
    page = open_page()
    page.locator('a[href="#L12"]').first.click()
    assert page.locator("#L12").is_visible()


def test_text_is_readable_in_both_schemes(open_page):
    """Body text, soft text and every status colour have a contrast of at least 4.5 to the page."""
    script = """() => {
      const probe = document.createElement('span'); document.body.append(probe);
      const rgb = (name) => { probe.style.color = `var(--${name})`;
        return getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map(Number); };
      const luminance = (c) => c.map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
      const page = luminance(rgb('page'));
      return ['ink', 'soft', 'faint', 'accent', 'failed', 'unmeasured', 'warned', 'waived', 'passed'].map(name => {
        const ink = luminance(rgb(name));
        return [name, (Math.max(ink, page) + 0.05) / (Math.min(ink, page) + 0.05)]; });
    }"""
    for scheme in ("light", "dark"):
        for name, contrast in open_page(scheme=scheme).evaluate(script):
            assert contrast >= 4.5, (scheme, name, contrast)


def test_the_slider_moves_by_keyboard_and_says_where_it_is(open_page):
    """Arrow keys and Home move the border between the two maps, and a screen reader is told."""
    page = open_page()
    slider = page.locator(".wipe input").first
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "52 % candidate, 48 % reference"
    page.keyboard.press("Home")
    wipe = page.locator(".wipe").first
    assert wipe.evaluate("node => node.style.getPropertyValue('--split')") == "0%"
    assert wipe.locator(".told").inner_text() == "reference"
    assert "100%" in wipe.locator(".after").evaluate("node => getComputedStyle(node).clipPath")
    assert wipe.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"


def test_pairs_of_one_method(open_page):
    """Choosing a method leaves its pairs."""
    page = open_page()
    page.locator("#pair-filters").get_by_role("radio", name="grad_cam", exact=True).check()
    shown = page.locator(".pair:visible").evaluate_all("pairs => pairs.map(pair => pair.dataset.method)")
    assert set(shown) == {"grad_cam"}


def test_history_picks_a_version_and_filters_the_list(open_page, run, tmp_path):
    """The slider shows one version's values in every chart; the list folds and filters; nothing sticks out."""
    broken = run.verdict.findings
    held = tuple(f for f in broken if f.status == "passed")
    versions = [
        Version(
            label=str(n),
            runs=(Run(verdict="failed" if n % 9 == 4 else "passed", findings=broken if n % 9 == 4 else held),),
        )
        for n in range(1, 41)
    ]
    file = tmp_path / "history.html"
    file.write_text(render_history("pets", versions), encoding="utf-8")
    for scheme, width in (("light", 1280), ("dark", 390)):
        page = open_page(path=file, width=width, scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator(".version:visible").count() == 20
        page.locator("#pick-range").focus()
        page.keyboard.press("Home")
        assert page.locator("#pick-told").inner_text() == "1 of 40, passed"
        assert "not judged" in page.locator(".trend-card .now").all_inner_texts()[0]
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        assert page.locator("#pick-told").inner_text() == "4 of 40, blocked"
        # By keyboard: folding the list moves the box away from under a pointer while it is clicked.
        page.locator("#only-blocked").focus()
        page.keyboard.press("Space")
        assert page.locator("#only-blocked").is_checked()
        assert page.locator(".version:visible").count() == 5
        page.locator(".version:visible summary").first.click()
        assert page.locator(".version[open] table tr").count() == len(broken) + 1


def test_the_history_that_an_auditor_reads_fits_and_opens(open_page, tmp_path):
    """Eight versions are eight rows; a version opened shows its runs newest first; nothing sticks out."""
    file = tmp_path / "history.html"
    file.write_text(render_history("pets", versions_of(recorded_life())), encoding="utf-8")
    for scheme, width in (("light", 1280), ("dark", 390)):
        page = open_page(path=file, width=width, scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator(".version:visible").count() == 8
        assert page.locator(".ribbon li").count() == 8
        page.locator(".version summary", has_text="2 runs").first.click()
        assert page.locator(".version[open] .runs > li").count() == 2
        assert "the regression set changed" in page.locator(".version[open] .runs > li").first.inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_comparison_fits_a_phone(open_page, run, tmp_path):
    """No horizontal scrolling, in both schemes."""
    comparison = compare_profiles(run.profile, run.profile)
    file = write_comparison(comparison, run.profile, run.profile, tmp_path, findings=run.verdict.findings)
    for scheme, width in (("light", 390), ("dark", 1280)):
        page = open_page(path=file, width=width, scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert "equal to the bit" in page.locator("h1").inner_text()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1280, "dark")])
def test_the_cascade_is_readable_on_a_phone(open_page, run, tmp_path, width, scheme):
    """Chart, legend and table fit; lines stand out from the page, and labels are at least ten pixels high."""
    rows = np.arange(18)
    steps = [(f"@{number} block.{number} to block.{number}.9", 0.9 - number / 5) for number in range(1, 7)]
    cascade = [
        Measurement(
            check=f"randomization.cascade{name}",
            method=method,
            rows=rows,
            values=np.full(18, value),
            reasons=(None,) * 18,
        )
        for method in ("grad_cam", "integrated_gradients", "occlusion", "rise")
        for name, value in [("", 0.2), *steps]
    ]
    finding = replace(run.verdict.findings[0], check="randomization.cascade", method="grad_cam")
    folder = tmp_path / "cascade"
    folder.mkdir()
    profile = replace(run.profile, measurements=(*run.profile.measurements, *cascade))
    publish(replace(run.verdict, findings=(finding,)), profile, folder)
    page = open_page(path=folder / "index.html", width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    figure = page.locator("figure.curve")
    box = figure.locator(".cascade").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    heights = figure.locator(".cascade .label").evaluate_all(
        "labels => labels.map(l => l.getBoundingClientRect().height)"
    )
    assert min(heights) >= 10
    inside = figure.locator(".cascade").evaluate(
        "svg => [...svg.querySelectorAll('text, path')].every(part => { const a = part.getBoundingClientRect(),"
        " b = svg.getBoundingClientRect(); return a.left >= b.left - 1 && a.right <= b.right + 1; })"
    )
    assert inside
    colours = figure.locator(".cascade .fall").evaluate_all("lines => lines.map(l => getComputedStyle(l).stroke)")
    assert len(set(colours)) == 4
    figure.locator("summary").click()
    assert figure.locator("tbody tr").count() == 6
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (390, "dark"), (2560, "light")])
def test_the_line_of_a_broken_rule_is_drawn_and_fits(open_page, width, scheme):
    """The bar of the value is there in the failed colour, and its numbers stand beside it, from a phone to a wall."""
    page = open_page(width=width, scheme=scheme)
    line = page.locator(".rule.failed .row-chart").first
    box = line.bounding_box()
    assert 0 <= box["x"] < box["x"] + box["width"] <= width
    assert line.locator(".length").bounding_box()["width"] > 0
    assert "this version" in page.locator(".rule.failed .marks").first.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1280, "dark")])
def test_the_auditors_page_fits_and_its_links_resolve(open_page, run, width, scheme):
    """Nothing sticks out sideways; every link inside leads somewhere, and the report is beside it."""
    page = open_page(path=run.folder / "audit.html", width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    targets = page.locator("a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    ids = set(page.locator("[id]").evaluate_all("nodes => nodes.map(node => node.id)"))
    assert {target[1:] for target in targets if target.startswith("#")} <= ids
    assert all((run.folder / target).is_file() for target in targets if not target.startswith("#"))


def test_the_auditors_page_prints(open_page, run):
    """Chromium makes a PDF of several pages, without the bar of links."""
    page = open_page(path=run.folder / "audit.html")
    page.emulate_media(media="print")
    assert not page.locator(".top").is_visible()
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF-")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page/") + pdf.count(b"/Type /Page ") >= 2
