"""`explain-gate approve`: a person moves the registry's alias, also back, on record."""

from __future__ import annotations

from collections.abc import Callable

from explain_gate.config import load_config
from explain_gate.measuring.job import tracking_settings
from explain_gate.measuring.provenance import describe_provenance
from explain_gate.options import RunOptions
from explain_gate.tracking import approvals


def approve(
    ref: str,
    options: RunOptions,
    *,
    by: str,
    reason: str,
    despite: bool,
    expires: str | None,
    say: Callable[[str], None],
) -> None:
    """Approve the version behind REF and move the alias of tracking.promote to it.

    Args:
        ref: a run's folder, `run:ID`, `models:/NAME@ALIAS`, `models:/NAME/VERSION` or a checkpoint file.
        options: thresholds.yaml and the tracking store.
        by: who approves.
        reason: why.
        despite: although the version did not pass in full.
        expires: the approval's last day, ISO date.
        say: is told what became of it.

    Raises:
        OptionError, ReferenceError: it may not be approved, or nothing of it is recorded.
        TrackingError: the store is away.
    """
    config = load_config(options.config)
    settings = tracking_settings(config, options.tracking_uri)
    actor = str(describe_provenance(config.path.parent)["started_by"])
    approved = approvals.approve(
        ref, settings, by=by, reason=reason, despite=despite, expires=expires, recorded_by=actor
    )
    say(approved.told)
