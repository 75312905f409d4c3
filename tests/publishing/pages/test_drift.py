"""Two versions side by side: the same images, worst first, with every map where it belongs."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from explain_gate.comparing.pairs import compare_maps, paired_rows
from explain_gate.profile.profile import load_profile, write_tables
from explain_gate.publishing.pages.drift import SHOWN, build_drift
from explain_gate.publishing.publish import publish
from explain_gate.records import Measurement


@pytest.fixture
def reference(make_run):
    """An earlier version: the first map turned upside down, the second image predicted otherwise."""
    run = make_run(name="reference")
    path = run.profile.folder / "maps" / "grad_cam.npy"
    maps = np.load(path)
    maps[5] = maps[5, ::-1] * np.float16(0.5)
    np.save(path, maps)
    images = list(run.profile.images)
    images[7] = replace(images[7], predicted=(images[7].predicted + 1) % 3)
    write_tables(replace(run.profile, images=tuple(images)), run.profile.folder)
    return load_profile(run.profile.folder)


def test_maps_are_compared_bit_by_bit_and_by_rank(run, reference):
    """Equal maps correlate with 1 and lie nowhere apart; the changed one does not; a missing one has no number."""
    pairs = compare_maps(run.profile, reference, "grad_cam")
    assert np.flatnonzero(~pairs.equal).tolist() == [5]
    assert np.isnan(pairs.correlation[2])
    same = [row for row in range(18) if row not in (2, 5)]
    assert (pairs.correlation[same] == 1).all()
    assert (pairs.distance[same] == 0).all()
    assert pairs.correlation[5] < 0.9
    assert pairs.distance[5] > 0.1


def test_measured_drift_outranks_what_the_report_computes(run, reference):
    """Where drift.map_correlation was measured, the report shows that number."""
    measured = Measurement(
        check="drift.map_correlation", method="grad_cam", rows=np.array([5]), values=np.array([0.123]), reasons=(None,)
    )
    profile = replace(run.profile, measurements=(*run.profile.measurements, measured))
    assert compare_maps(profile, reference, "grad_cam").correlation[5] == 0.123


def test_only_the_same_images_are_paired(run, reference):
    """An image whose file changed, or that one side lacks, has no partner."""
    images = list(reference.images)
    images[3] = replace(images[3], digest="other")
    rows = paired_rows(run.profile, replace(reference, images=tuple(images[:-1])))
    assert rows[:, 0].tolist() == [row for row in range(17) if row != 3]


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


def test_cues_are_shown_strongest_first(run, page_of):
    """The place, the image before and after, and the sentence; a damaged entry is left out."""
    folder = run.profile.folder / "cues"
    folder.mkdir()
    for name in ("s", "b", "a"):
        Image.new("RGB", (32, 32)).save(folder / f"{name}.png")
    entry = {
        "class_name": "Bengal", "sentence": "the upper left corner turns 62 % of other images into <b>Bengal</b>",
        "share": 0.62, "images": 9, "place": "outside", "box": [0, 0, 8, 8], "source_image": "a/b.jpg",
        "target_image": "c.jpg", "files": {"source": "s.png", "before": "../cues/b.png", "after": "a.png"},
    }  # fmt: skip
    weak = {**entry, "class_name": "Sphynx", "share": 0.02, "place": "inside"}
    torn = {**entry, "files": {"source": "nowhere.png"}}
    (folder / "cues.json").write_text(json.dumps({"schema_version": 1, "cues": [weak, torn, entry, "x"]}))
    publish(run.verdict, write_tables(run.profile, run.profile.folder), run.folder)
    page = page_of(run.folder)
    assert "The upper left corner turns 62 % of other images into <b>Bengal</b>" in page.text
    assert "Sphynx (on the object, 2 %)" in page.text
    assert len([a for a in page.all("img") if "assets/cues" in a["src"]]) == 3
