"""Images that are counted, from the model to the verdict: the honest tiny model passes, that of the corner fails."""

from __future__ import annotations

import json
import re

import projects
import pytest

RULES = """\
judging: {{decide: evidence, false_alarms: 0.02}}
checks:
  alignment:
    relevance_mass: {{at_most: 0.2, must_catch: 0.7, per_class: true}}
    silent_share: {{at_most: 0.1, must_catch: 0.6}}
  reliance:
    background_gap: {{at_most: 0.05, must_catch: 0.5, per_class: true}}
    background_follow: {{at_most: 0.05, must_catch: 0.5, per_class: true}}
    object_only: {{at_most: 0.05, must_catch: 0.5}}
"""


@pytest.fixture
def gate(tmp_path, write_project, measured):
    """Measures and judges the tiny project by evidence."""

    def run(*, corner: bool = False, per_class: int = 14, output: str = "out"):
        text = projects.THRESHOLDS
        path = write_project(
            tmp_path / "project", corner=corner, per_class=per_class, thresholds=text[: text.index("checks:")] + RULES
        )
        boxes = path.with_name("annotations.coco.json")
        content = json.loads(boxes.read_text())
        content["annotations"][0]["bbox"] = [0, 0, 32, 32]
        boxes.write_text(json.dumps(content))
        session = measured(output=str(tmp_path / output))
        return session, {finding.key: finding for finding in session.findings.values()}

    return run


def test_an_honest_model_passes_and_every_row_says_what_it_would_find(gate):
    """By class and over both; the image whose region fills the frame is told and does not count."""
    session, found = gate()
    assert {one.status for one in found.values()} == {"passed"}, [one.message for one in found.values()]
    assert {one.class_name for one in found.values() if "gap" in one.check} == {"red", "green", None}
    red = found["reliance.background_gap[red]"]
    assert (red.evidence.images, red.not_applicable) == (13, 1)
    assert "honest versions: 1 in 20 at most; this row would find" in red.message
    assert "1 of 14 images does not count" in red.message
    given = found["reliance.background_follow[red]"]
    assert given.evidence.images == 14  # the green ones, which were given something of red
    again, repeated = gate(output="again")
    assert again.profile.manifest["passes"]["forward"] < session.profile.manifest["passes"]["forward"]
    assert {key: one.message for key, one in repeated.items()} == {key: one.message for key, one in found.items()}


def test_a_model_of_the_corner_fails_by_maps_and_by_behaviour(gate):
    """Its map lies where those of other images lie, and it follows whatever background it is given."""
    _, found = gate(corner=True)
    failed = {key for key, one in found.items() if one.status == "failed"}
    assert {
        "alignment.relevance_mass[grad_cam]",
        "reliance.background_follow[red]",
        "reliance.background_gap[all]",
    } <= failed
    told = found["reliance.background_follow[red]"]
    assert told.evidence.yes == told.evidence.images
    assert told.message.startswith(f"{told.evidence.yes} of 14 images of other classes turn to red on one of its backg")


def test_a_rule_that_begins_to_count_measures_what_the_cache_lacks(gate, tmp_path, measured):
    """Scores kept for a rule that its value decides hold no answers; the first run that counts asks for them."""
    gate()
    path = tmp_path / "project" / "thresholds.yaml"
    counted = path.read_text(encoding="utf-8")
    path.write_text(
        counted.replace("relevance_mass: {at_most: 0.2, must_catch: 0.7, per", "relevance_rank: {at_least: 0.2, per"),
        encoding="utf-8",
    )
    measured(output=str(tmp_path / "valued"))
    path.write_text(counted.replace("relevance_mass", "relevance_rank"), encoding="utf-8")
    session = measured(output=str(tmp_path / "counted"))
    ranks = [one for one in session.findings.values() if one.check == "alignment.relevance_rank"]
    assert all(one.evidence is not None for one in ranks), [one.message for one in ranks]


def test_validate_tells_what_counts_and_which_rows_have_too_few(gate, tmp_path):
    """Before anything is measured, from the annotations alone."""
    from explain_gate.commands.validate import validate
    from explain_gate.options import RunOptions

    gate(per_class=5)
    lines = "\n".join(validate(RunOptions(config=str(tmp_path / "project" / "thresholds.yaml"), tracking=False)))
    assert "1 of 10 images do not count where regions are asked for, as the annotated region fills the whole" in lines
    assert "reliance.background_gap[red]: 4 images; " in lines
    assert "would do, to find 1 in 2 where honest versions show 1 in 20 at most" in lines
    assert re.search(r"warning: about \d+ more images of each class would do for all of them", lines)


def test_a_map_that_lies_nowhere_has_the_worst_value_and_a_number_of_its_own(tmp_path, write_project, measured):
    """Nothing in one picture speaks for its class: its map is zero, which is no place, and not unmeasured."""
    import numpy as np
    from PIL import Image

    text = projects.THRESHOLDS
    asked = ("iou: {{max_drop: 1}}", "lift: {{max_drop: 1}}", "silent_share: {{at_most: 0.2}}")
    rules = "checks:\n  alignment:\n" + "".join(f"    {one}\n" for one in asked)
    rules += "  randomization:\n    correlation: {{at_most: 1}}\n"
    rules += "  stability:\n    rerun_correlation: {{at_least: 0.98}}\n"
    path = write_project(tmp_path / "project", corner=True, thresholds=text[: text.index("checks:")] + rules)
    picture = path.parent / "images" / "red_00.png"
    pixels = np.asarray(Image.open(picture)).copy()
    pixels[:8, :8] = 128
    Image.fromarray(pixels).save(picture)
    session = measured(bootstrap=True)
    values = {
        (one.check, one.image): (one.value, one.reason) for one in session.profile.scores() if one.method == "grad_cam"
    }
    assert values["alignment.iou", "red_00.png"] == (0.0, None)
    assert values["alignment.lift", "red_00.png"] == (0.0, None)
    assert values["alignment.silent_share", "red_00.png"] == (1.0, None)
    assert values["alignment.silent_share", "red_02.png"] == (0.0, None)
    assert values["randomization.correlation", "red_00.png"] == (1.0, None)
    assert values["stability.rerun_correlation", "red_00.png"] == (1.0, None)
    (finding,) = [one for one in session.findings.values() if one.check == "alignment.silent_share"]
    assert (finding.value, finding.status) == (1 / 8, "passed")
