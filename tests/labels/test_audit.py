"""The whole audit of a set with planted faults, twice and in any order."""

import shutil

import pytest
from label_projects import COPY, FLIPPED, SHIFTED

from explain_gate.errors import ConfigError
from explain_gate.labels.audit import Asked, audit
from explain_gate.labels.runs import open_runs
from explain_gate.measuring.progress import Silent


def of(record, name):
    """Images on one list."""
    (part,) = (one for one in record.lists if one.name == name)
    return [one.image for one in part.suspects]


def audited(project, folder, versions=None):
    """An audit of these versions."""
    data = project.data
    runs = open_runs(versions or project.versions, data)
    return audit(Asked(config=project.config, data=data, runs=runs), folder, Silent())


def test_every_planted_fault_is_on_its_list_and_nothing_else(project, tmp_path):
    """Whatever the order of the folders, and also when it goes on from what was kept."""
    record = audited(project, tmp_path / "a")
    assert set(of(record, "doubted")) == {*FLIPPED, COPY}
    assert set(of(record, "untouched")) == set(of(record, "shifted")) == set(SHIFTED)
    assert of(record, "alike") == [COPY]
    assert of(record, "leaked") == []
    assert audited(project, tmp_path / "a", project.versions[::-1]) == record
    assert audited(project, tmp_path / "b", project.versions[::-1]) == record


def training(project, where):
    """Name a folder of training pictures."""
    path = project.folder / "thresholds.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("data:\n", f"data:\n  training: {where}\n"), encoding="utf-8"
    )


def test_training_pictures_are_found_and_told_on_every_list(project, tmp_path):
    """The flipped one was trained on; what lies in the regression set itself is not compared with itself."""
    folder = project.folder / "training"
    folder.mkdir()
    shutil.copy(project.folder / "images" / FLIPPED[0], folder / "x.png")
    (folder / "broken.jpg").write_bytes(b"none")
    training(project, "training")
    record = audited(project, tmp_path / "a")
    assert of(record, "leaked") == [FLIPPED[0]]
    seen = {one.image: one.seen for one in record.lists[0].suspects}
    assert seen == {FLIPPED[0]: "yes", FLIPPED[1]: "no", COPY: "no"}
    assert "1 picture cannot be read" in record.notes[0]


def test_the_sets_own_files_are_not_training(project, tmp_path):
    """Where one folder holds both; it is said that they were not compared."""
    training(project, "images")
    record = audited(project, tmp_path / "a")
    assert of(record, "leaked") == []
    assert record.notes[0].startswith("17 files of data.training are the regression set's own")


def test_a_folder_that_is_not_there_is_an_error_of_its_line(project, tmp_path):
    """Before anything is read."""
    training(project, "nowhere")
    with pytest.raises(ConfigError, match=r"thresholds.yaml:4: data.training: must name a folder"):
        audited(project, tmp_path / "a")
