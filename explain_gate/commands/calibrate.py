"""`explain-gate calibrate`: measure versions known to be good, propose bounds, write a thresholds.yaml with them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from explain_gate.commands.calibrated_file import rewrite
from explain_gate.config import load_config
from explain_gate.errors import OptionError
from explain_gate.judging.calibration import Calibration, calibrate
from explain_gate.measuring.job import measure
from explain_gate.measuring.progress import Progress
from explain_gate.plan import plan


def calibrate_file(
    config: str | Path,
    checkpoints: Sequence[str],
    output: str | Path,
    *,
    false_alarm_rate: float = 0.05,
    source: str | None = None,
    device: str = "auto",
    progress: Progress,
    say: Callable[[str], None],
) -> Calibration:
    """Measure every checkpoint, calibrate, and write the proposed file.

    Args:
        config: the thresholds.yaml to start from.
        checkpoints: of versions known to be good; at least two.
        output: where the proposal goes, in the folder of `config`, since paths in it are relative; may be `config`.
        false_alarm_rate: wanted share of good versions that break any rule.
        source: overrides model.source.
        device: auto, cpu, cuda, cuda:N or mps.
        progress: told of every stage.
        say: called with every line for people.

    Raises:
        ConfigError, DataError, ModelError, OptionError: the input cannot be used.
    """
    gate = load_config(config)
    target = Path(output)
    if len(checkpoints) < 2:
        raise OptionError(f"--checkpoint: give at least two versions known to be good, got {len(checkpoints)}")
    if target.is_dir() or not target.absolute().parent.is_dir():
        raise OptionError(f"--output {output}: must be a file in a folder that exists")
    if target.absolute().parent.resolve() != gate.path.absolute().parent.resolve():
        raise OptionError(
            f"--output {output}: must lie beside {config}, since paths in the file are relative to its folder; write "
            f"--output {gate.path.with_name(target.name)}"
        )
    profiles = []
    with tempfile.TemporaryDirectory(prefix="explain-gate-") as scratch:
        for position, checkpoint in enumerate(checkpoints):
            say(f"measuring {checkpoint} ({position + 1} of {len(checkpoints)})")
            file = Path(checkpoint).absolute()
            folder = Path(scratch) / str(position)
            profiles.append(
                measure(gate, source=source, checkpoint=file, folder=folder, device=device, progress=progress)
            )
        rules = plan(gate, list(profiles[0].classes), bare=profiles[0].bare)
        found = calibrate(profiles, rules, false_alarm_rate=false_alarm_rate, seed=gate.sections.seed)
    _write(target, rewrite(gate, found), list(profiles[0].classes))
    for line in told(found):
        say(line)
    return found


def told(found: Calibration) -> list[str]:
    """What came of it, a line each."""
    proposed = [one for one in found.proposals if not one.kept]
    lines = [
        (
            f"{len(proposed)} bounds from {found.versions} versions, {len(found.proposals) - len(proposed)} kept; "
            f"expected to block {100 * found.share:.1f} % of good versions (asked for: {100 * found.rate:g} %)"
        ),
        f"left out one by one, {len(found.left_out)} of {found.versions} broke a bound proposed from the others",
    ]
    for one in proposed:
        name = "at_least" if one.rule.at_least is not None else "at_most"
        seen = f"seen {min(one.seen):.3g} to {max(one.seen):.3g}"
        lines.append(f"  {one.rule.key}: {name} {one.before:g} -> {one.bound:g} ({seen})")
    lines += [
        f"  {one.rule.key}: {one.bound:g} ({one.kept})" for one in found.proposals if one.kept not in (None, "a norm")
    ]
    return [*lines, *(f"WARNING: {warning}" for warning in found.warnings)]


def _write(target: Path, text: str, classes: Sequence[str]) -> None:
    """Whole or not at all; what `run` would refuse takes the place of nothing."""
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        plan(load_config(part), classes)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
