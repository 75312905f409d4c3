"""A gate in the folder that pytest runs in, asked for in every way: one test file for each option of a run."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import projects
import pytest

CHECKS = Path(__file__).parents[2] / "checks"
ONE_RULE = projects.THRESHOLDS[: projects.THRESHOLDS.index("  alignment:")]
"""The cheapest gate: one rule of behaviour, judged in a second."""


@pytest.fixture
def gate(pytester) -> Path:
    """The tiny project with one rule and its own checks."""
    projects.write_project(pytester.path, per_class=2, thresholds=ONE_RULE)
    shutil.copytree(CHECKS, pytester.path / "checks", ignore=shutil.ignore_patterns("__pycache__"))
    return pytester.path


@pytest.fixture
def ask(gate, pytester) -> Callable[..., Any]:
    """Runs the gate in this process with options; `ini` is written into pytest.ini; returns pytest's result."""

    def run(*options: str, ini: str = "", tracking: bool = False) -> Any:
        (gate / "pytest.ini").write_text(f"[pytest]\n{ini}\n", encoding="utf-8")
        sys.modules.pop("tinymodel", None)
        quiet = () if tracking else ("--explain-no-tracking",)
        return pytester.runpytest_inprocess("checks", "--explain", *quiet, *options)

    return run


@pytest.fixture
def verdict(gate) -> Callable[..., dict[str, Any]]:
    """Reads verdict.json of an output folder."""
    return lambda output="out": json.loads((gate / output / "verdict.json").read_text(encoding="utf-8"))


def both_ways(name: str, value: str) -> Any:
    """Parametrizes a test over the option and its ini line, as `given`: arguments and the ini file's text."""
    ini = f"explain_{name.replace('-', '_')} = {value}"
    return pytest.mark.parametrize("given", [((f"--explain-{name}={value}",), ""), ((), ini)], ids=["option", "ini"])


def switched(name: str) -> Any:
    """The same for a switch."""
    ini = f"explain_{name.replace('-', '_')} = true"
    return pytest.mark.parametrize("given", [((f"--explain-{name}",), ""), ((), ini)], ids=["option", "ini"])
