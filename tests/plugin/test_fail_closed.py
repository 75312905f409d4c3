"""Every way in which a gate could turn green without having checked anything, serial and distributed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

CHECKS = Path(__file__).parents[2] / "checks"
WORKERS = pytest.mark.parametrize("workers", ["0", "2"], ids=["serial", "distributed"])


@pytest.fixture
def project(pytester, write_project):
    """The tiny project with its own copy of the checks, in the folder that pytest runs in."""
    write_project(pytester.path)
    shutil.copytree(CHECKS, pytester.path / "checks", ignore=shutil.ignore_patterns("__pycache__"))
    return pytester


def run(pytester, workers: str, *options: str):
    arguments = ("checks", "--explain", "--explain-no-tracking", "--explain-output=out", *options)
    if workers == "0":
        return pytester.runpytest_inprocess(*arguments)
    return pytester.runpytest_subprocess(*arguments, f"-n{workers}")


def verdict(pytester) -> dict:
    return json.loads((pytester.path / "out" / "verdict.json").read_text())


@WORKERS
def test_everything_passes_is_exit_0(project, workers):
    """The honest project passes, with the same rules judged in one process and in several."""
    result = run(project, workers)
    assert result.ret == 0
    assert verdict(project)["verdict"] == "passed"
    assert sorted(verdict(project)["judged"]) == sorted(verdict(project)["planned"])


@WORKERS
def test_a_deleted_check_file_is_exit_3(project, workers):
    """What thresholds.yaml plans and no test answers makes the run an error."""
    (project.path / "checks" / "test_reliance.py").unlink()
    assert run(project, workers).ret == 3
    assert verdict(project)["verdict"] == "error"
    assert "reliance.background_gap[all]" in " ".join(verdict(project)["messages"])


@WORKERS
def test_every_test_skipped_is_exit_3(project, workers):
    """Skipped is not passed."""
    (project.path / "checks" / "conftest.py").write_text(
        "import pytest\n\n@pytest.fixture(autouse=True)\ndef lazy():\n    pytest.skip('not today')\n"
    )
    assert run(project, workers).ret == 3


@WORKERS
def test_deselected_rules_are_exit_3(project, workers):
    """`-k` is for looking at one rule; it cannot let a merge through."""
    assert run(project, workers, "-k", "accuracy").ret == 3


@WORKERS
@pytest.mark.parametrize("value", ["numpy.float64(0.9)", "float('nan')", "numpy.float32(1)"])
def test_a_recorded_value_that_cannot_travel_is_exit_3(project, workers, value):
    """A numpy scalar or NaN in a gate test's properties is reported, not lost with its worker."""
    (project.path / "checks" / "test_own.py").write_text(
        f"import numpy\n\ndef test_own(profile, record_property):\n    record_property('mine', {value})\n"
    )
    assert run(project, workers).ret == 3
    assert "test_own" in " ".join(verdict(project)["messages"])


def test_a_killed_worker_is_exit_3(project):
    """A worker that dies takes its results with it; the controller notices."""
    (project.path / "checks" / "test_reliance.py").write_text(
        "import os, signal\n\ndef test_background_gap(check):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert run(project, "2").ret == 3


def test_without_explain_gate_tests_skip_with_a_reason(project):
    """`pytest checks/` alone measures nothing and says so."""
    result = project.runpytest_inprocess("checks", "-rs")
    result.stdout.fnmatch_lines(["*needs --explain*"])
    assert result.parseoutcomes().keys() == {"skipped"}


def test_a_check_that_judges_nothing_is_exit_3(project):
    """A test that forgets to call check() leaves its rule without a result."""
    (project.path / "checks" / "test_reliance.py").write_text("def test_background_gap(check):\n    pass\n")
    assert run(project, "0").ret == 3


@WORKERS
def test_a_broken_rule_is_exit_1_and_names_the_images(project, workers, write_project):
    """The cheating model is blocked by the map and by its behaviour."""
    write_project(project.path, corner=True)
    result = run(project, workers)
    assert result.ret == 1
    broken = {finding["check"] for finding in verdict(project)["findings"] if finding["status"] == "failed"}
    assert broken == {"alignment.iou", "reliance.background_gap"}
    result.stdout.fnmatch_lines(["*alignment.iou*below at_least 0.60 (thresholds.yaml:*"])


def test_a_failing_test_of_the_team_is_exit_1(project):
    """A team's own assertion over the profile blocks as a rule does."""
    (project.path / "checks" / "test_own.py").write_text(
        "def test_own(profile):\n    assert len(profile.images) == 9\n"
    )
    assert run(project, "0").ret == 1
    assert verdict(project)["verdict"] == "failed"


def test_an_empty_plan_is_exit_5(project):
    """A thresholds.yaml without rules has nothing to pass."""
    path = project.path / "thresholds.yaml"
    text = path.read_text()
    path.write_text(text[: text.index("checks:")] + "checks: {}\n")
    assert run(project, "0").ret == 5


def test_a_crash_leaves_the_earlier_report_as_it_was(project):
    """A run that dies half-way removes its own leavings and nothing else."""
    assert run(project, "0").ret == 0
    before = (project.path / "out" / "verdict.json").read_bytes()
    (project.path / "checks" / "conftest.py").write_text(
        "def pytest_collection_finish(session):\n    raise KeyboardInterrupt\n"
    )
    interrupted = project.runpytest_subprocess("checks", "--explain", "--explain-no-tracking", "--explain-output=out")
    assert interrupted.ret == 2
    assert (project.path / "out" / "verdict.json").read_bytes() == before
    assert [path.name for path in project.path.iterdir() if path.name.startswith(".run-")] == []
