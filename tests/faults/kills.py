"""Kill a run at random moments, over and over: `make kills TIMES=50`.

SIGKILL goes in turn to the command, to the process that measures, to a worker and to all of them. Every time the next
run finds what an undisturbed run finds, and nothing that a killed run left is taken for a whole report. The moments are
drawn over the length of an undisturbed run; what is asked holds at any moment, so no result depends on the draw.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import processes
import projects

from explain_gate.errors import ExplainGateError
from explain_gate.profile.profile import load_profile
from explain_gate.records import Score

VICTIMS = ("command", "measuring", "worker", "group")
_WORKER = "explain_gate.measuring.workers.processes"
_RULES = """\
  grad_cam: {{layer: window}}
  gradient: {{}}
checks:
  performance:
    accuracy: {{at_least: 0.9}}
  alignment:
    iou: {{at_least: 0.6, per_class: true}}
  randomization:
    correlation: {{at_most: 1.0}}
  stability:
    rerun_correlation: {{at_least: 0.5}}
  reliance:
    background_gap: {{at_most: 0.3}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a whole run leaves: how it ended, what it found, and the names of its files."""

    code: int
    findings: list[dict[str, Any]]
    scores: list[Score]
    files: list[str]


class Kills:
    """One project and what an undisturbed run finds there.

    Args:
        folder: a new one; everything happens inside.
        per_class: pictures; the length of a run grows with them.
        workers: processes that measure.
    """

    def __init__(self, folder: Path, *, per_class: int = 24, workers: int = 2) -> None:
        text = projects.THRESHOLDS
        projects.write_project(folder, per_class=per_class, thresholds=text[: text.index("  grad_cam")] + _RULES)
        self.folder = folder
        self.workers = workers
        began = time.monotonic()
        self._finish(self._start())
        self.seconds = time.monotonic() - began
        self.undisturbed = self.outcome(0)
        self.forget()

    def forget(self) -> None:
        """As if nothing had ever run here."""
        for left in (self.folder / "out", self.folder / ".explain-gate"):
            shutil.rmtree(left, ignore_errors=True)

    def kill_one(self, victim: str, delay: float) -> str:
        """Start a run, kill the victim after so many seconds, look at what is left; what happened, in words.

        Raises:
            AssertionError: a promise is broken.
        """
        command = self._start()
        time.sleep(delay)
        told = self._kill(command, victim)
        code = self._finish(command)
        if victim == "worker":
            assert code == 0, f"a lost worker costs time only, but the run ended with {code}"
        processes.wait_for(lambda: not processes.members(command.pid), "whoever was not killed ends by itself")
        self._nothing_half_is_taken_for_whole()
        return told

    def again(self) -> None:
        """Run once more, undisturbed.

        Raises:
            AssertionError: it does not find what it found before anybody was killed, or something is left over.
        """
        assert self._finish(self._start()) == 0
        self._finds_the_same()
        assert not list(self.folder.glob(".run-*")), "folders of a killed run are left"
        assert not list(self.folder.glob(".out.*")), "an earlier report is left aside"

    def _finds_the_same(self) -> None:
        """The report is the undisturbed one's; what differs is named, since a kill cannot be had twice."""
        found, undisturbed = self.outcome(0), self.undisturbed
        assert found.files == undisturbed.files, set(found.files) ^ set(undisturbed.files)
        for one, other in zip(found.findings, undisturbed.findings, strict=True):
            assert one == other, (one, other)
        unlike = [pair for pair in zip(found.scores, undisturbed.scores, strict=True) if pair[0] != pair[1]]
        assert not unlike, f"{len(unlike)} scores differ, first {unlike[0]}"

    def outcome(self, code: int) -> Outcome:
        """Read the report."""
        verdict = json.loads((self.folder / "out" / "verdict.json").read_text(encoding="utf-8"))
        assert verdict["exit_code"] == code
        return Outcome(
            code=code,
            findings=verdict["findings"],
            scores=list(load_profile(self.folder / "out" / "profile").scores()),
            files=sorted(str(path.relative_to(self.folder / "out")) for path in (self.folder / "out").rglob("*")),
        )

    def _nothing_half_is_taken_for_whole(self) -> None:
        """A report in its place is whole; a profile elsewhere cannot be read, or holds every score."""
        verdict = self.folder / "out" / "verdict.json"
        if (self.folder / "out").exists() and json.loads(verdict.read_text(encoding="utf-8"))["exit_code"] not in (
            2,
            3,
        ):
            self._finds_the_same()
        for manifest in self.folder.glob(".run-*/profile/manifest.json"):
            with contextlib.suppress(ExplainGateError):
                assert list(load_profile(manifest.parent).scores()) == self.undisturbed.scores

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            processes.gate("run", "--no-tracking", "--output", "out", "--workers", str(self.workers)),
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": str(processes.ROOT),
                "OMP_NUM_THREADS": "1",
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # other plugins of this environment only cost time
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _finish(self, command: subprocess.Popen[bytes]) -> int:
        return command.wait(processes.PATIENCE_SECONDS)

    def _kill(self, command: subprocess.Popen[bytes], victim: str) -> str:
        if victim == "group":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(command.pid, signal.SIGKILL)
            return "all"
        alive = processes.members(command.pid)
        workers = [process for process, line in alive.items() if _WORKER in line]
        others = [process for process in alive if process not in workers and process != command.pid]
        chosen = {"command": [command.pid], "measuring": others[:1] or [command.pid], "worker": workers[:1]}[victim]
        for process in chosen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        return f"{victim} {'killed' if chosen else 'not there'} among {len(alive)}"


def main() -> None:
    """The long loop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--per-class", type=int, default=96)
    chosen = parser.parse_args()
    draw = random.Random(chosen.seed)  # noqa: S311 - moments, no secrets
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        kills = Kills(Path(folder) / "project", per_class=chosen.per_class)
        print(f"an undisturbed run takes {kills.seconds:.1f} s", flush=True)  # noqa: T201 - a script
        for time_ in range(chosen.times):
            victim, delay = VICTIMS[time_ % len(VICTIMS)], draw.uniform(0, kills.seconds)
            told = kills.kill_one(victim, delay)
            kills.again()
            print(f"{time_ + 1:3d}/{chosen.times} {delay:5.2f} s {told}: the next run is right", flush=True)  # noqa: T201
            if draw.random() < 0.5:  # half of the runs begin with what an earlier one left, report and cache
                kills.forget()


if __name__ == "__main__":
    main()
