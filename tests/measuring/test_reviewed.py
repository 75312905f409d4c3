"""Decisions in reviews/ change the next verdict of the same model, and no map is made again for it."""

import json

import numpy as np
import pytest
from projects import THRESHOLDS

from explain_gate.config import load_config
from explain_gate.decisions.files import FOLDER, write_decision
from explain_gate.decisions.holding import annotation_digest
from explain_gate.decisions.likeness import sketch_of
from explain_gate.errors import ConfigError, DataError
from explain_gate.plan import plan
from explain_gate.profile.audit import map_digest
from explain_gate.profile.profile import load_maps
from explain_gate.records import Decision

REVIEWED = (
    THRESHOLDS
    + """  review:
    coverage: {{at_least: 0.5}}
    implausible: {{at_most: 0.4, max_unmeasured: 0.5}}
    agreement: {{at_least: 0.1, max_unmeasured: 0.9}}
judging: {{max_excluded: 0.3}}
"""
)


@pytest.fixture
def project(tmp_path, write_project):
    """The tiny project with rules of reviews."""
    write_project(tmp_path / "project", thresholds=REVIEWED)
    return tmp_path / "project"


def decide(project, profile, opinions, reviewer="anna"):
    """One decision for each image, in order; None leaves one out."""
    maps = load_maps(profile, "grad_cam")
    for row, (image, opinion) in enumerate(zip(profile.images, opinions, strict=False)):
        if opinion is not None:
            made = Decision(
                opinion=opinion, reviewer=reviewer, at=f"2027-01-31T09:30:{row:02d}+00:00", image=image.image,
                method="grad_cam", image_digest=image.digest, annotation_digest=annotation_digest(profile, row),
                map_digest=map_digest(maps[row]), sketch=sketch_of(maps[row]),
            )  # fmt: skip
            write_decision(made, project / FOLDER)


def of_reviews(session):
    """Findings of the family by metric."""
    mine = [one for one in session.findings.values() if one.check.startswith("review.")]
    return {one.check.partition(".")[2]: one for one in mine}


def test_nobody_has_judged_anything_yet(project, measured):
    """Coverage is nothing and fails; what rests on answers is unmeasured and says why."""
    findings = of_reviews(measured())
    assert findings["coverage"].value == 0
    assert findings["coverage"].status == "failed"
    assert findings["implausible"].status == findings["agreement"].status == "unmeasured"
    assert "nobody has judged its map" in findings["implausible"].message


def test_decisions_change_the_verdict_and_no_map_is_made_again(project, measured):
    """All numbers of the model come from the cache."""
    first = measured()
    yes, no = "plausible", "not plausible"
    decide(project, first.profile, [yes, no, yes, no, yes, yes])
    decide(project, first.profile, [yes, no, yes, yes], reviewer="ben")
    again = measured()
    findings = of_reviews(again)
    assert findings["coverage"].value == 6 / 8
    assert findings["implausible"].value == pytest.approx((0 + 1 + 0 + 0.5 + 0 + 0) / 6)
    assert findings["agreement"].value == pytest.approx(0.5)
    assert {one.status for one in findings.values()} == {"passed"}
    assert again.profile.manifest["passes"] == {"forward": 0, "backward": 0}
    assert again.profile.manifest["cache"]["written"] == 0


def test_a_wrong_label_takes_its_image_out_until_it_is_corrected(project, measured):
    """Of every row, in the file of the verdict and in words; then it counts again."""
    first = measured()
    decide(project, first.profile, [*[None] * 4, "label wrong"])
    session = measured()
    rows = {one.key: one for one in session.findings.values()}
    assert rows["alignment.iou[grad_cam-red]"].excluded == 1
    assert rows["alignment.iou[grad_cam-green]"].excluded == 0
    assert rows["performance.accuracy[all]"].images == 7
    verdict = session.conclude()
    assert [one.image for one in verdict.excluded] == [first.profile.images[4].image]
    output = session.finish(verdict).output
    document = json.loads((output / "verdict.json").read_text())
    assert document["excluded"][0]["reviewers"] == ["anna"]
    name = first.profile.images[4].image
    assert "out of the rules by review" in (output / "summary.md").read_text()
    assert "out of the rules by review" in (output / "index.html").read_text()
    annotations = json.loads((project / "annotations.coco.json").read_text())
    number = next(one["id"] for one in annotations["images"] if one["file_name"] == name)
    annotations["annotations"][number]["category_id"] = 1
    (project / "annotations.coco.json").write_text(json.dumps(annotations))
    assert measured().conclude().excluded == ()


def test_a_foreign_file_ends_the_run_before_it_measures(project, measured):
    """And is named."""
    (project / FOLDER).mkdir()
    (project / FOLDER / "stray.json").write_text("{}")
    with pytest.raises(DataError, match=r"stray\.json"):
        measured()


def test_one_image_is_looked_at_alone(project, measured):
    """As with any rule."""
    first = measured()
    decide(project, first.profile, ["not plausible", "plausible"])
    image = first.profile.images[0].image
    finding = of_reviews(measured(only="review.implausible", image=image))["implausible"]
    assert (finding.value, finding.images) == (1.0, 1)


def test_other_maps_are_asked_about_again(project, measured):
    """A checkpoint that looks elsewhere does not inherit what was said of another."""
    first = measured()
    decide(project, first.profile, ["plausible"] * 8)
    assert of_reviews(measured())["coverage"].value == 1
    text = (project / "thresholds.yaml").read_text()
    (project / "thresholds.yaml").write_text(text.replace("corner: false", "corner: true"))
    assert of_reviews(measured())["coverage"].value == 0
    assert np.isfinite(load_maps(first.profile, "grad_cam")).all()


def test_people_choose_what_they_judge(project):
    """A sample of a rule would be of images that nobody was asked about."""
    text = (project / "thresholds.yaml").read_text()
    (project / "thresholds.yaml").write_text(text.replace("coverage: {", "coverage: {sample: 3, "))
    with pytest.raises(ConfigError, match="people decide which maps they judge"):
        plan(load_config(project / "thresholds.yaml"), ["red", "green"])
