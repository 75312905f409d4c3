"""Regions as rules ask for them: a named part in place of the whole, ignored pixels on neither side."""

from __future__ import annotations

import json

import pytest

RULES = """\
checks:
  alignment:
    iou: {{at_least: 0.0, max_unmeasured: 8}}
    iou/left: {{at_least: 0.0, max_unmeasured: 8, parameters: {{region: left}}}}
    relevance_mass: {{at_least: 0.0, max_unmeasured: 8}}
    lift: {{at_least: 0.0, max_unmeasured: 8}}
    human_ratio: {{at_least: 0.0, max_unmeasured: 8}}
"""


@pytest.fixture
def write(tmp_path, write_project):
    """The tiny project with more annotations on every image but the last."""
    import projects

    def make(more, **options):
        text = projects.THRESHOLDS
        path = write_project(tmp_path / "project", thresholds=text[: text.index("checks:")] + RULES, **options)
        file = tmp_path / "project" / "annotations.coco.json"
        content = json.loads(file.read_text())
        content["annotations"] += [more(one) for one in content["annotations"][:-1]]
        file.write_text(json.dumps(content))
        return path

    return make


def scores(session, check: str) -> dict:
    return {one.image: one for one in session.profile.scores() if one.check == check and one.method == "grad_cam"}


def test_a_rule_about_a_part_compares_with_the_part(write, measured):
    """The map covers the square, so half of it overlaps by half; an image without the part is unmeasured."""
    write(lambda one: {**one, "bbox": [*one["bbox"][:2], 5, 10], "part": "left"})
    session = measured()
    whole, left = scores(session, "alignment.iou"), scores(session, "alignment.iou/left")
    assert {one.value for one in whole.values()} == {1.0}
    assert sorted({one.value or one.reason for one in left.values()}, key=str) == [
        0.5,
        "no region is annotated as left",
    ]


def test_relevance_on_ignored_pixels_counts_on_neither_side(write, measured):
    """A model that looks only at the ignored corner has no relevance to compare, so that its map lies nowhere."""
    write(lambda one: {**one, "bbox": [0, 0, 8, 8], "ignore": True}, corner=True)
    mass = scores(measured(), "alignment.relevance_mass").values()
    assert [(one.value, one.reason) for one in mass] == [(0.0, None)] * 8


def test_the_frame_is_what_is_not_ignored(write, measured):
    """The map is the square: its lift, and the chance that the report shows, are those of the pixels that count."""
    import projects

    whole = projects.SIZE**2
    write(lambda one: {**one, "bbox": [0, 0, 8, 8], "ignore": True})
    session = measured()
    lift = sorted(one.value for one in scores(session, "alignment.lift").values())
    assert lift == pytest.approx([(whole - 64) / 100] * 7 + [whole / 100])
    areas = sorted(image.region_area for image in session.profile.images)
    assert areas == pytest.approx([100 / whole] + [100 / (whole - 64)] * 7)


def test_people_are_compared_with_on_the_pixels_that_count(tmp_path, write_project, measured):
    """Half of the square is to be ignored, by a third annotation: map and both people agree on the rest."""
    import projects

    text = projects.THRESHOLDS
    write_project(tmp_path / "project", thresholds=text[: text.index("checks:")] + RULES)
    file = tmp_path / "project" / "annotations.coco.json"
    content = json.loads(file.read_text())
    drawn = content["annotations"]
    content["annotations"] = [{**one, "annotator": name} for one in drawn for name in ("ann", "bob")]
    content["annotations"] += [{**one, "bbox": [*one["bbox"][:2], 5, 10], "ignore": True} for one in drawn]
    for number, one in enumerate(content["annotations"]):
        one["id"] = number
    file.write_text(json.dumps(content))
    ratio = scores(measured(), "alignment.human_ratio").values()
    assert {one.value or one.reason for one in ratio} == {1.0}
