"""Two versions side by side: the same images, worst first, with every map where it belongs."""

from dataclasses import replace

import numpy as np

from explain_gate.publishing.pages.drift import SHOWN, build_drift
from explain_gate.publishing.publish import publish
from explain_gate.records import Measurement


def test_the_worst_pair_comes_first(run, reference, tmp_path):
    """Another prediction precedes what is merely less alike; a changed reason precedes both."""
    drift = build_drift(run.profile, reference, tmp_path)
    cam = [pair for pair in drift.pairs if pair.method == "grad_cam"]
    assert [pair.image.image for pair in cam[:2]] == [run.profile.images[row].image for row in (7, 5)]
    assert drift.other_prediction == 1
    changed = Measurement(
        check="drift.changed_reason", method="grad_cam", rows=np.array([9]), values=np.array([1.0]), reasons=(None,)
    )
    profile = replace(run.profile, measurements=(*run.profile.measurements, changed))
    first = build_drift(profile, reference, tmp_path).pairs[0]
    assert (first.image.image, first.other_reason) == (run.profile.images[9].image, True)


def test_the_page_shows_candidate_reference_and_slider(run, reference, page_of):
    """Every picture of a pair is there, and every slider has a name of its own."""
    publish(run.verdict, run.profile, run.folder, reference=reference)
    page = page_of(run.folder)
    assert "pairs" in page.ids
    sliders = [a["aria-label"] for a in page.all("input") if a.get("type") == "range" and "hidden" in a]
    assert len(sliders) == len(set(sliders)) > 10
    sources = [a["src"] for a in page.all("img") if "pairs" in a["src"]]
    assert all((run.folder / source).is_file() for source in sources)
    assert any(source.endswith("-candidate.webp") for source in sources)
    assert "same prediction" in page.text


def test_many_images_show_few_pairs(make_run):
    """The number of pairs is bounded whatever the regression set."""
    run = make_run(40)
    drift = build_drift(run.profile, run.profile, run.folder)
    assert len(drift.pairs) == SHOWN
    assert drift.total == 120


def test_a_reference_of_other_images_has_no_section(run, reference, page_of):
    """Nothing in common is nothing to show, and no crash."""
    other = replace(reference, images=tuple(replace(image, digest="other") for image in reference.images))
    publish(run.verdict, run.profile, run.folder, reference=other)
    assert "pairs" not in page_of(run.folder).ids


def test_a_rule_shows_its_change_and_an_inconclusive_one_says_so(run, page_of):
    """The change and its interval are in the rule's row; inconclusive is a word of its own."""
    unsure = replace(
        run.verdict.findings[1], status="inconclusive", reference_value=0.52, change=-0.04,
        change_interval=(-0.09, 0.01),
        bound={"max_drop": 0.03}, message="About 64 more images would decide.",
    )  # fmt: skip
    publish(replace(run.verdict, findings=(unsure, *run.verdict.findings[2:])), run.profile, run.folder)
    text = " ".join(page_of(run.folder).text.split())
    assert "≈inconclusive" in text
    assert "\u22120.04 (\u22120.09 to +0.01)" in text
    assert "1 inconclusive" in text
    assert "\u22120.04 (\u22120.09 to +0.01)" in (run.folder / "summary.md").read_text(encoding="utf-8")
