"""pytest-xdist: the controlling process measures once, workers read; values are those of a serial session."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

CHECKS = Path(__file__).parents[2] / "checks"


@pytest.mark.slow
def test_two_workers_report_the_values_of_a_serial_session(pytester, write_project, few_plugins):
    """Every finding is equal to the last digit, and the model's passes are counted once."""
    write_project(pytester.path)
    shutil.copytree(CHECKS, pytester.path / "checks", ignore=shutil.ignore_patterns("__pycache__"))
    found = {}
    for name, workers in (("serial", "0"), ("distributed", "2")):
        arguments = ("--explain", "--explain-no-tracking", "--explain-no-cache", f"--explain-output={name}")
        assert pytester.runpytest_subprocess(*few_plugins, "checks", *arguments, f"-n{workers}").ret == 0
        found[name] = json.loads((pytester.path / name / "verdict.json").read_text())
    for key in ("verdict", "findings", "controls", "passes", "model", "dataset"):
        assert found["serial"][key] == found["distributed"][key]
