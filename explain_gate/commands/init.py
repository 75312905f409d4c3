"""`explain-gate init`: write the start of a gate into a repository, and say what to do next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from explain_gate.commands.scaffold import not_ignored, scaffold


def init(folder: Path, *, say: Callable[[str], None]) -> None:
    """Scaffold thresholds.yaml, checks/ and a CI workflow; what is there already stays as it is."""
    written, kept = scaffold(folder)
    for path in written:
        say(f"wrote  {path}")
    for path in kept:
        say(f"kept   {path}, which was there already")
    missing = not_ignored(folder)
    if missing:
        say(f"add to .gitignore, so that no report or database is committed: {' '.join(missing)}")
    say(
        "Next: write your model and data into thresholds.yaml (look for FILL IN), then `explain-gate validate`, "
        "then `explain-gate run`."
    )
