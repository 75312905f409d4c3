"""`explain-gate validate`: what it accepts, `run` can do. Opens what `run` opens, through the same session."""

from __future__ import annotations

import contextlib

from explain_gate.commands.power import judged_on
from explain_gate.digits import plural
from explain_gate.measuring.confounds import find_confounds, told_confounds
from explain_gate.measuring.progress import Silent
from explain_gate.measuring.validation import Trial, check_pictures, try_out
from explain_gate.options import RunOptions
from explain_gate.records import ModelUnderTest
from explain_gate.session.measure import decisions_of, resolve_reference, rules_that_compare
from explain_gate.session.run import GateSession


def validate(options: RunOptions, *, thorough: bool = False) -> list[str]:
    """Configuration, data, model, reference, tracking and output folder; returns what was found, a line each.

    Args:
        options: what the run will be given.
        thorough: decode every picture, instead of its header and one picture of each class.

    Raises:
        ExplainGateError: what a run would end with, and what to write.
    """
    session = GateSession(options)
    there = session.destination.parent.exists()
    try:
        return _lines(session, thorough=thorough)
    finally:
        session.discard()
        if not there:  # it was made to see that it can be made
            with contextlib.suppress(OSError):
                session.destination.parent.rmdir()


def _lines(session: GateSession, *, thorough: bool) -> list[str]:
    _ = session.work  # which is an error where reports cannot be written
    tracking, decisions = session.tracking, decisions_of(session)
    check_pictures(session.samples, thorough=thorough)
    trial, model = try_out(session.job, Silent()), session.model_under_test
    weights = sum(parameter.numel() for parameter in model.module.parameters())
    lines = [
        f"{session.config.path}: {len(session.rules)} rules over {len(session.config.sections.methods)} methods",
        (
            f"data: {len(session.samples)} images of {len(session.samples.classes)} classes, {trial.width} x "
            f"{trial.height} pixels after preprocessing"
        ),
        f"model: {model.source}, {weights:,} parameters, {_outputs(trial)}, digest {model.digest[:12]}",
    ]
    lines += _checkpoint(model)
    if trial.target_layers:
        lines.append(f"target layer: {', '.join(trial.target_layers)}")
    lines += [
        f"reports: {session.destination.parent}",
        f"tracking: {tracking.shown_uri}, experiment {tracking.experiment}",
    ]
    if decisions:
        people = ", ".join(sorted({one.reviewer for one in decisions}))
        lines.append(f"reviews: {plural(len(decisions), 'decision')} by {people}")
    lines += [f"warning: {warning}" for warning in (*session.samples.notes, *trial.warnings)]
    confounds = find_confounds(session.samples, seed=session.job.seed)
    lines += [f"warning: {warning}" for warning in told_confounds(confounds)]
    lines += judged_on(session.samples, session.rules)
    return lines + _reference(session)


def _checkpoint(model: ModelUnderTest) -> list[str]:
    """The checkpoint, which of its weights were asked for, and how they were read."""
    if model.checkpoint is None:
        return []
    key = f"checkpoint_key {model.checkpoint_key}" if model.checkpoint_key else ""
    return [", ".join(filter(None, [f"checkpoint: {model.checkpoint}", key, *model.notes]))]


def _outputs(trial: Trial) -> str:
    return f"{trial.logits} logits" if trial.logits > 1 else "one score per image"


def _reference(session: GateSession) -> list[str]:
    """A reference that is given is looked up; where rules need one that is not given, the run is told what to add."""
    if session.options.reference is not None:
        resolve_reference(session)
        return [f"reference: {session.options.reference}"]
    needed = rules_that_compare(session.rules)
    if not needed:
        return []
    told = (
        f"note: {len(needed)} rules compare with a reference, so `run` needs --reference (a run's folder, run:ID, "
        "models:/NAME@ALIAS or a checkpoint), or --bootstrap the first time"
    )
    return [told]
