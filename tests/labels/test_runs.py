"""Runs of several versions are joined by what they measured, whatever their order."""

import json
import shutil

import numpy as np
import pytest
from label_projects import write_version

from explain_gate.errors import OptionError, ReferenceError
from explain_gate.labels.runs import open_runs


def test_the_order_of_folders_does_not_matter(project):
    """Versions stand by digest, samples by name."""
    one, other = open_runs(project.versions, project.data), open_runs(project.versions[::-1], project.data)
    assert [p.manifest["model"]["digest"] for p in one.profiles] == [
        p.manifest["model"]["digest"] for p in other.profiles
    ]
    assert [image.image for image in one.images] == sorted(project.truth)
    np.testing.assert_array_equal(one.rows, other.rows)
    assert one.left_out == 0
    assert one.maps() == [(0, "grad_cam"), (1, "grad_cam"), (2, "grad_cam")]  # controls are no methods


def test_the_same_weights_count_once(project):
    """A second run of a version is told, and adds no vote."""
    shutil.copytree(project.versions[0], project.folder / "v9")
    runs = project.runs
    assert len(runs.profiles) == 3
    assert "is of the same weights" in runs.notes[0]


def test_what_was_corrected_since_is_left_out(project):
    """Its numbers speak of a label that is gone."""
    path = project.folder / "annotations.coco.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["annotations"][3]["category_id"] = 1
    path.write_text(json.dumps(document), encoding="utf-8")
    runs = project.runs
    assert runs.left_out == 1
    assert "pic_03.png" not in {image.image for image in runs.images}


def test_other_tasks_other_sets_and_no_runs_are_refused(project, tmp_path):
    """With what differs."""
    write_version(project, project.folder / "v5", seed=5, task="multilabel")
    with pytest.raises(OptionError, match="must be a run of the same task"):
        _ = project.runs
    shutil.rmtree(project.folder / "v5")
    for path in (project.folder / "images").iterdir():
        path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(OptionError, match="share no picture and label"):
        _ = project.runs
    with pytest.raises(ReferenceError, match="not a whole profile folder"):
        open_runs([tmp_path], project.data)
