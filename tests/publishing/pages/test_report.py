"""index.html: one page, from disk, without anybody else's help, safe against what is in the data."""

import base64
import hashlib
import re
from dataclasses import replace

import numpy as np

from explain_gate.profile.profile import load_profile
from explain_gate.publishing.publish import publish
from explain_gate.publishing.text.verdict_json import verdict_from_json
from explain_gate.records import Profile


def test_the_page_is_well_formed_and_says_why_first(report, page_of):
    """Tags nest, ids are unique, and the headline is the first thing told."""
    page = page_of(report)
    text = " ".join(page.text.split())
    assert text.index("Blocked:") < text.index("looks outside the annotated region") < text.index("Does the map lie")


def test_nothing_is_loaded_from_elsewhere(report, page_of):
    """No address of another host, and every picture named is there."""
    page = page_of(report)
    for tag, attributes in page.tags:
        for name in ("src", "href", "action", "srcset", "data", "poster"):
            value = attributes.get(name) or ""
            assert not re.match(r"(?i)(?:[a-z]+:)?//|data:|javascript:", value), (tag, value)
    sources = [attributes["src"] for attributes in page.all("img")]
    assert sources
    assert all((report / source).is_file() for source in sources)
    assert all(attributes["loading"] == "lazy" for attributes in page.all("img"))
    assert "@import" not in page.inline["style"][0]
    assert "url(" not in page.inline["style"][0]


def test_the_policy_allows_this_pages_own_code_only(report, page_of):
    """Style and script are allowed by hash; handlers and style attributes are not used."""
    page = page_of(report)
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        code = "".join(page.inline[kind])
        digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert not [a for _, attributes in page.tags for a in attributes if a.startswith("on") or a == "style"]


def test_class_names_are_inert(report, page_of):
    """A class called <script> is text, in markup and in the data block."""
    text = (report / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert len(page_of(report).all("script")) == 2


def test_failures_come_first_and_passes_are_folded(report, page_of):
    """Within a check the failed rule precedes the passed one, open."""
    rules = [a for a in page_of(report).all("details") if "rule" in a.get("class", "")]
    assert rules[0]["class"] == "rule failed"
    assert "open" in rules[0]
    assert all("open" not in a for a in rules if "passed" in a["class"])


def test_sections_carry_the_names_of_families_and_checks(report, page_of):
    """Messages can link to #alignment and #alignment.iou."""
    ids = set(page_of(report).ids)
    assert {"alignment", "alignment.iou", "reliance", "performance", "controls", "methods", "environment"} <= ids


def test_the_line_in_thresholds_is_quoted_without_secrets(report, page_of):
    """A rule links to its line; passwords in addresses are hidden."""
    page = page_of(report)
    assert "L12" in page.ids
    assert {"href": "#L12"} in page.all("a")
    assert "secret" not in (report / "index.html").read_text(encoding="utf-8")


def test_controls_are_no_methods(report, page_of):
    """The gate's own measurements are in no gallery, filter or card; a vacuous bound is called that."""
    page = page_of(report)
    views = {a["data-method"] for a in page.all("span") if "data-method" in a}
    assert views == {"grad_cam", "integrated_gradients"}
    assert "control.randomized" not in page.text
    assert "control.random" not in page.text
    assert "The bound is vacuous" in page.text


def test_a_run_that_measured_nothing_has_a_page(crashed, tmp_path, page_of):
    """Without a profile every file is still written."""
    publish(crashed, None, tmp_path)
    page = page_of(tmp_path)
    assert "No verdict:" in page.text
    assert "worker gw1 crashed" in page.text
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "audit.html", "index.html", "junit.xml", "metrics.txt", "results.sarif", "summary.md", "verdict.json",
    ]  # fmt: skip


def test_missing_pictures_are_left_out(make_run, page_of):
    """Without thumbnails, maps and regions the page renders and names no file that is not there."""
    run = make_run(pictures=False)
    (run.folder / "profile" / "regions.npy").unlink()
    (run.folder / "profile" / "maps" / "grad_cam.npy").write_bytes(b"torn")
    publish(run.verdict, run.profile, run.folder)
    sources = [attributes["src"] for attributes in page_of(run.folder).all("img")]
    assert sources
    assert all("integrated_gradients" in source and (run.folder / source).is_file() for source in sources)


def test_findings_without_scores_render(run, page_of):
    """A profile that was never written, without maps and scores, still gives a page."""
    dataset = {"classes": [], "height": 4, "width": 4}
    bare = Profile(manifest={"dataset": dataset}, images=run.profile.images, measurements=(), folder=None)
    publish(run.verdict, bare, run.folder)
    assert "alignment.iou" in page_of(run.folder).text


def test_names_that_are_not_text_can_be_written(run, page_of):
    """Lone surrogates in image ids do not stop the report."""
    images = tuple(replace(image, image=f"{image.image}\udc80") for image in run.profile.images)
    profile = Profile(
        manifest=run.profile.manifest, images=images, measurements=run.profile.measurements, folder=run.profile.folder
    )
    publish(run.verdict, profile, run.folder)
    assert page_of(run.folder).text


def test_the_report_can_be_rendered_again(report, tmp_path):
    """verdict.json and profile/ are enough to get the same page later."""
    verdict = verdict_from_json((report / "verdict.json").read_text(encoding="utf-8"))
    again = tmp_path / "again"
    again.mkdir()
    publish(verdict, load_profile(report), again)
    first = re.sub(r'(?s)<details class="config".*?</details>', "", (report / "index.html").read_text())
    cards = re.compile(r'(?s)<article class="card".*?</article>')
    assert cards.findall(first) == cards.findall((again / "index.html").read_text())


def test_five_thousand_rules_fit_on_a_page(big_verdict, run):
    """Many rules are listed up to a limit and counted beyond it."""
    publish(big_verdict, run.profile, run.folder)
    assert (run.folder / "index.html").stat().st_size < 5_000_000
    assert "in verdict.json" in (run.folder / "index.html").read_text(encoding="utf-8")


def test_ten_thousand_images_stay_under_five_megabytes(make_run, monkeypatch, page_of):
    """The gallery shows the worst and a sample, and says so."""
    monkeypatch.setattr("explain_gate.publishing.pictures.gallery.save_map_layer", lambda *_, **__: True)
    run = make_run(3_334, pictures=False)
    publish(run.verdict, run.profile, run.folder)
    page = page_of(run.folder)
    assert (run.folder / "index.html").stat().st_size < 5_000_000
    assert "of 10,002 images, worst first" in page.text
    cards = [a for a in page.all("article") if a.get("class") == "card"]
    assert 6 * 30 <= len(cards) <= 800
    cells = {(a["data-class"], a["data-right"]) for a in cards}
    assert len(cells) == 6


def test_a_check_named_by_the_user_has_no_card_and_no_crash(report, page_of):
    """Unknown metrics and methods are told to be the project's own."""
    assert "A metric of this project." in page_of(report).text


def test_arrays_are_not_held_in_one_piece(run):
    """Maps are read image by image: the file is opened as a memory map."""
    from explain_gate.profile.profile import load_maps

    assert isinstance(load_maps(run.profile, "grad_cam"), np.memmap)


def test_two_methods_compared_are_two_methods(run, page_of):
    """A rule of agreement names a pair; the cards are those of its two methods."""
    pair = replace(run.verdict.findings[2], check="agreement.correlation", method="grad_cam+occlusion")
    publish(replace(run.verdict, findings=(pair,)), run.profile, run.folder)
    page = page_of(run.folder)
    assert "A method of this project." not in page.text
    assert "Zeiler 2014" in page.text
    assert any("assets/maps/grad_cam" in attributes["src"] for attributes in page.all("img"))


def test_many_methods_wrap(run, page_of):
    """More than three methods do not shrink to stamps: the pictures wrap."""
    source = run.profile.folder / "maps" / "grad_cam.npy"
    for name in "abcd":
        (source.parent / f"{name}.npy").write_bytes(source.read_bytes())
    files = run.profile.manifest["files"]
    copies = {f"maps/{name}.npy": files["maps/grad_cam.npy"] for name in "abcd"}
    changed = {"methods": {name: {} for name in "abcd"}, "files": {**files, **copies}}
    profile = replace(run.profile, manifest={**run.profile.manifest, **changed})
    publish(run.verdict, profile, run.folder)
    classes = {attributes.get("class") for attributes in page_of(run.folder).all("span")}
    assert "views many" in classes
