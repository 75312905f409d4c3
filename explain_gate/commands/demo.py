"""`explain-gate demo`: an honest model passes, one that looks at a watermark is blocked although it is as accurate."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from explain_gate.commands.scaffold import demo_thresholds
from explain_gate.demo.project import build_project
from explain_gate.errors import OptionError
from explain_gate.measuring.progress import Silent
from explain_gate.options import RunOptions
from explain_gate.records import Finding, Verdict
from explain_gate.session.run import GateSession

Say = Callable[[str], None]

VERSIONS = ("v1-honest", "v2-watermark")
BLOCKING = ("alignment", "reliance")

_MOST_WORKERS = 4
"""Each loads torch, which takes longer than what more of them would save here."""


def tell(output: Path, *, seed: int, say: Say, tracking: bool = True) -> int:
    """Build the project, gate both versions, tell what happened.

    Returns:
        0 where v1 passed and v2 failed on alignment or reliance; else 1: the demo itself is broken.
    """
    began = time.perf_counter()
    say("Two models that tell digits on photographs apart. One learned the digits; one learned a watermark as well.")
    project = output / "project"
    try:
        build_project(project, seed=seed, progress=lambda text: say(f"  {text}"))
    except FileExistsError as error:
        raise OptionError(f"--output {output}: {error}") from error
    (project / "thresholds.yaml").write_text(demo_thresholds(), encoding="utf-8")
    verdicts = {version: _gate(project, output, version, say, tracking=tracking) for version in VERSIONS}
    honest, cheat = (verdicts[version] for version in VERSIONS)
    difference = abs(_accuracy(honest) - _accuracy(cheat))
    say(f"Accuracy differs by {100 * difference:.1f} points, so no accuracy test can tell them apart.")
    caught = [finding for finding in _broken(cheat) if finding.check.partition(".")[0] in BLOCKING]
    right = honest.exit_code == 0 and cheat.exit_code == 1 and bool(caught)
    if right:
        say(f"Look at {output / VERSIONS[1] / 'index.html'}: the maps lie on the corner, not on the digit.")
    else:
        say("The demo did not come out as it should: v1 must pass and v2 must fail on alignment or reliance.")
    say(f"Try `explain-gate run` or `pytest checks/ --explain` on it yourself. ({time.perf_counter() - began:.0f} s)")
    return 0 if right else 1


def _gate(project: Path, output: Path, version: str, say: Say, *, tracking: bool) -> Verdict:
    """Gate one version, publish and record it, and say what came of it."""
    session = GateSession(
        RunOptions(
            config=str(project / "thresholds.yaml"),
            checkpoint=str(project / "checkpoints" / f"{version}.safetensors"),
            output=str(output / version),
            tracking_uri=f"sqlite:///{Path.cwd() / 'mlflow.db'}",
            tracking=tracking,
            workers=min(_MOST_WORKERS, os.cpu_count() or 1),
        )
    )
    verdict = session.run(Silent()).verdict
    outcome = "passed" if verdict.exit_code == 0 else "BLOCKED"
    say(f"{version}: accuracy {100 * _accuracy(verdict):.0f} %, {len(verdict.findings)} rules, {outcome}.")
    for finding in _worst_first(_broken(verdict))[:3]:
        say(f"    {finding.message}")
    return verdict


def _worst_first(findings: list[Finding]) -> list[Finding]:
    """One finding per check before a second one of the same check."""
    seen: dict[str, int] = {}
    order: list[tuple[int, int, Finding]] = []
    for finding in findings:
        seen[finding.check] = seen.get(finding.check, 0) + 1
        order.append((seen[finding.check], len(order), finding))
    return [finding for _, _, finding in sorted(order, key=lambda entry: entry[:2])]


def _broken(verdict: Verdict) -> list[Finding]:
    return [finding for finding in verdict.findings if finding.status in ("failed", "unmeasured")]


def _accuracy(verdict: Verdict) -> float:
    values = [finding.value for finding in verdict.findings if finding.check == "performance.accuracy"]
    return values[0] if values and values[0] is not None else 0.0
