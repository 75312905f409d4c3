"""`explain-gate calibrate`: measure versions known to be good, propose bounds, write a thresholds.yaml with them."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from explain_gate.commands.calibrated_file import rewrite
from explain_gate.config import GateConfig, load_config
from explain_gate.decisions.files import FOLDER, read_decisions
from explain_gate.errors import OptionError
from explain_gate.judging.calibration import calibrate
from explain_gate.judging.excluding import excluded_of, without_excluded
from explain_gate.judging.proposal import Calibration
from explain_gate.judging.sentences import of_excluded
from explain_gate.measuring.job import measure
from explain_gate.measuring.progress import Progress
from explain_gate.measuring.reviewed import with_reviews
from explain_gate.metrics import FAMILIES, family
from explain_gate.plan import plan, waivers_of
from explain_gate.records import Profile, Rule


def calibrate_file(
    config: str | Path,
    checkpoints: Sequence[str],
    output: str | Path,
    *,
    false_alarm_rate: float = 0.05,
    accept_looser: str | None = None,
    source: str | None = None,
    device: str = "auto",
    progress: Progress,
    say: Callable[[str], None],
) -> Calibration:
    """Measure every checkpoint, calibrate, and write the proposed file.

    Args:
        config: the thresholds.yaml to start from.
        checkpoints: of versions known to be good; one is enough to start, five sharpen it.
        output: where the proposal goes, in the folder of `config`, since paths in it are relative; may be `config`.
        false_alarm_rate: wanted share of good versions that break any rule.
        accept_looser: why bounds of behaviour may be looser than the package's own; None: none may.
        source: overrides model.source.
        device: auto, cpu, cuda, cuda:N or mps.
        progress: told of every stage.
        say: called with every line for people.

    Raises:
        ConfigError, DataError, ModelError, OptionError: the input cannot be used, or a version breaks the package's own
            rules of behaviour.
    """
    gate = load_config(config)
    target = _beside(gate, config, output)
    decisions = read_decisions(gate.path.parent / FOLDER)
    profiles = []
    with tempfile.TemporaryDirectory(prefix="explain-gate-") as scratch:
        for position, checkpoint in enumerate(checkpoints):
            say(f"measuring {checkpoint} ({position + 1} of {len(checkpoints)})")
            file = Path(checkpoint).absolute()
            folder = Path(scratch) / str(position)
            whole = measure(gate, source=source, checkpoint=file, folder=folder, device=device, progress=progress)
            reviewed = with_reviews(whole, decisions, ())
            profiles.append(without_excluded(reviewed))
        for sentence in of_excluded(excluded_of(profiles[0])):
            say(sentence)
        rules = plan(gate, list(profiles[0].classes), bare=profiles[0].bare)
        today = dt.datetime.now(tz=dt.UTC).date().isoformat()
        calibration = calibrate(
            profiles,
            rules,
            false_alarm_rate=false_alarm_rate,
            accept_looser=accept_looser,
            waivers=waivers_of(gate, today),
            today=today,
            seed=gate.sections.seed,
        )
    _write(target, rewrite(gate, calibration), rules, profiles[0])
    for line in told(calibration):
        say(line)
    return calibration


def _beside(gate: GateConfig, config: str | Path, output: str | Path) -> Path:
    """Where the proposal goes, which must be the folder of the file that it changes."""
    target = Path(output)
    if target.is_dir() or not target.absolute().parent.is_dir():
        raise OptionError(f"--output {output}: must be a file in a folder that exists")
    if target.absolute().parent.resolve() != gate.path.absolute().parent.resolve():
        raise OptionError(
            f"--output {output}: must lie beside {config}, since paths in the file are relative to its folder; write "
            f"--output {gate.path.with_name(target.name)}"
        )
    return target


def told(calibration: Calibration) -> list[str]:
    """What came of it, a line each."""
    proposals, versions = calibration.proposals, calibration.versions
    proposed = [one for one in proposals if not one.kept]
    lines = [
        (
            f"{len(proposed)} bounds from {versions} version{'s' if versions > 1 else ''}, "
            f"{len(proposals) - len(proposed)} kept; expected to block {100 * calibration.share:.1f} % of good "
            f"versions (asked for: {100 * calibration.rate:g} %)"
        ),
        f"left out one by one, {len(calibration.left_out)} of {versions} broke a bound proposed from the others",
    ]
    for one in proposed:
        seen = f"seen {min(one.seen):.3g} to {max(one.seen):.3g}"
        before = f"{one.before:g} of images" if one.rule.decide != one.decide else f"{one.before:g}"
        looser = f"; LOOSER than the package's own, accepted: {calibration.accepted}" if one.looser else ""
        lines.append(f"  {one.rule.key}: {one.name} {before} -> {one.bound:g} ({seen}){looser}")
    lines += [f"  {one.rule.key}: {one.bound:g} ({one.kept})" for one in proposals if one.kept not in (None, "a norm")]
    return [*lines, *(f"WARNING: {warning}" for warning in calibration.warnings)]


def _write(target: Path, text: str, rules: Sequence[Rule], profile: Profile) -> None:
    """Whole or not at all; what `run` would refuse, or what asks nothing of the model, takes the place of nothing."""
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        require_looks(rules, plan(load_config(part), list(profile.classes), bare=profile.bare))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def require_looks(before: Sequence[Rule], after: Sequence[Rule]) -> None:
    """A file that asked where maps lie, or what the behaviour depends on, still does.

    Raises:
        OptionError: one of these families has lost all of its rules.
    """
    lost = sorted({family(rule.check) for rule in before} - {family(rule.check) for rule in after})
    lost = [name for name in lost if FAMILIES[name].looks]
    if lost:
        raise OptionError(
            f"the calibrated file would have no rule of {' or '.join(lost)} any more, so that it says nothing about "
            "what the model looks at; nothing is written"
        )
