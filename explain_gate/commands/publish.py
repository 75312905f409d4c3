"""`explain-gate publish`: send what an outbox holds to the tracking store, each run exactly once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from explain_gate.config import load_config
from explain_gate.measuring.job import tracking_settings
from explain_gate.options import RunOptions
from explain_gate.tracking.outbox import deliver


def publish(folder: Path, options: RunOptions, *, say: Callable[[str], None]) -> int:
    """Send every run that waits in `folder`; returns 3 while something still waits."""
    deliveries = deliver(folder, tracking_settings(load_config(options.config), options.tracking_uri))
    for delivery in deliveries:
        sent = delivery.delivered
        alias = f"{sent.move.alias} moved to version {sent.move.after}" if sent and sent.move else sent and sent.kept
        told = delivery.reason or alias
        say(f"{delivery.state:<10} {delivery.entry.name}" + (f": {told}" if told else ""))
    say(f"{len(deliveries)} runs in {folder}")
    return 3 if any(delivery.state == "waiting" for delivery in deliveries) else 0
