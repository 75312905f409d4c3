"""The stories of examples/: each is told whole, and one is run at a small size."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from explain_gate.config import load_config
from explain_gate.plan import plan

ROOT = Path(__file__).parents[1]
STORIES = sorted(path.parent for path in (ROOT / "examples").glob("*/train.py"))


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.name)
def test_a_story_is_whole(story: Path) -> None:
    """It says how to run it, is in the list, and asks for rules that do not look at accuracy alone."""
    assert f"python examples/{story.name}/train.py" in (story / "README.md").read_text(encoding="utf-8")
    assert f"({story.name}/README.md)" in (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    families = {rule.check.partition(".")[0] for rule in plan(load_config(story / "thresholds.yaml"), ["a", "b"])}
    assert "performance" in families
    assert families & {"alignment", "reliance"}


def test_the_reader_of_a_marker_is_blocked_and_the_honest_one_is_not(tmp_path: Path) -> None:
    """Both are right about every picture, so that accuracy alone would let both through."""
    command = [sys.executable, ROOT / "examples/x-ray-marker/train.py", "--small", "--output", tmp_path]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    told = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=600)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "honest: passed" in told.stdout
    assert "cheating: failed" in told.stdout
