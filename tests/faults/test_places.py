"""Disks, folders, clocks and threads that misbehave while a run goes on."""

from __future__ import annotations

import errno
import os
import shutil
import time

import pytest

from explain_gate.data.regression_set import RegressionSet
from explain_gate.errors import ExplainGateError, OptionError
from explain_gate.options import RunOptions
from explain_gate.session.run import GateSession


class At:
    """Does something once, when a stage is reached."""

    def __init__(self, stage: str, act) -> None:
        self.stage = stage
        self.act = act
        self.done = False

    def advance(self, stage: str, done: int, total: int) -> None:  # noqa: ARG002 - as Progress
        """Act on the first word of the stage."""
        if stage.startswith(self.stage) and not self.done:
            self.done = True
            self.act()


@pytest.fixture
def project(tmp_path, write_project):
    return write_project(tmp_path / "project")


def findings(session) -> list:
    return list(session.findings.values())


@pytest.mark.parametrize("stage", ["predict", "grad_cam", "score"])
def test_a_cache_that_is_removed_during_the_run_changes_nothing(tmp_path, project, measured, stage):
    """The folder goes away between two stages; the verdict is the same."""
    removal = At(stage, lambda: shutil.rmtree(tmp_path / "cache"))
    session = measured(removal, cache_dir=str(tmp_path / "cache"))
    assert removal.done
    assert findings(session) == findings(measured(cache=False))


def test_a_clock_that_jumps_changes_nothing(project, measured, monkeypatch):
    """Time goes back ten years half-way through."""
    before = findings(measured(cache=False))
    jump = At("grad_cam", lambda: monkeypatch.setattr(time, "time", lambda: 1e9))
    assert findings(measured(jump)) == before
    assert findings(measured()) == before


@pytest.mark.parametrize("place", ["/proc/explain-gate/out", "{file}/out"])
def test_an_output_that_cannot_be_written_is_told_before_measuring(tmp_path, project, measured, place):
    """Exit 4 with the folder's name."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match="cannot be written"):
        measured(output=place.format(file=tmp_path / "file"))


def test_a_disk_that_is_full_is_an_error_and_no_kill(project, measured, monkeypatch):
    """Space for maps is taken before they are mapped: a mapped write to a full disk ends a process by a signal."""

    def full(*arguments) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(ExplainGateError, match="No space left on device") as raised:
        measured()
    assert raised.value.exit_code == 3


@pytest.mark.parametrize("error", [MemoryError("no memory"), RuntimeError("codec crashed")])
def test_a_decoder_that_dies_ends_the_run(project, measured, monkeypatch, error):
    """What happens in the decoding thread reaches the run; no image is silently left out."""
    decode = RegressionSet.sample

    def dying(self, row):
        if row == 5:
            raise error
        return decode(self, row)

    monkeypatch.setattr(RegressionSet, "sample", dying)
    with pytest.raises(type(error)):
        measured()


def test_a_file_that_vanishes_during_the_run_is_named(project, measured):
    """An image that was predicted and cannot be read any more is an error with its name."""
    with pytest.raises(ExplainGateError, match=r"red_02\.png"):
        measured(At("predict", (project.parent / "images" / "red_02.png").unlink), cache=False)


def test_names_that_look_like_code_stay_text(tmp_path, write_project, measured):
    """A class called <script> is escaped wherever the report shows it."""
    project = write_project(tmp_path / "project")
    evil = "<script>alert(1)</script>"
    annotations = project.parent / "annotations.coco.json"
    annotations.write_text(annotations.read_text().replace('"red"', f'"{evil}"'))
    session = measured()
    verdict = session.conclude(list(session.findings.values()))
    output = session.finish(verdict).output
    page = (output / "index.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "<script>alert" not in (output / "summary.md").read_text().replace("\\<", "")
    assert "Content-Security-Policy" in page


def test_a_session_without_options_still_needs_its_file(tmp_path):
    """A missing thresholds.yaml is exit 4."""
    with pytest.raises(ExplainGateError) as raised:
        GateSession(RunOptions(config=str(tmp_path / "none.yaml")))
    assert raised.value.exit_code == 4
