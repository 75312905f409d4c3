"""SIGKILL at random moments, the short version of `make kills`."""

from __future__ import annotations

import random
import sys

import pytest
from faults.kills import VICTIMS, Kills


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are looked up in /proc")
def test_after_any_kill_the_next_run_is_right(tmp_path):
    """The command, who measures, a worker, all of them: nothing half is taken for whole, and no process is left."""
    kills = Kills(tmp_path / "project", per_class=16)
    draw = random.Random(7)  # noqa: S311 - moments, no secrets
    for victim in VICTIMS:
        kills.kill_one(victim, draw.uniform(0, kills.seconds))
    kills.again()
