"""`explain-gate cache`: show what measured numbers are kept, prune the longest unused of them, or clear all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from explain_gate.measuring.remembering.entries import clear
from explain_gate.measuring.remembering.store import Cache, default_folder
from explain_gate.options import RunOptions

ACTIONS = ("show", "prune", "clear")


def cache(action: str, options: RunOptions, *, most_bytes: int, say: Callable[[str], None]) -> None:
    """Do one of `ACTIONS` on the cache that a run with these options uses.

    Args:
        action: clear removes all, prune what is beyond `most_bytes`; both and show tell what is left.
        options: thresholds.yaml and the cache's folder.
        most_bytes: with prune, what may be left.
        say: is told every line.
    """
    folder = Path(options.cache_dir) if options.cache_dir else default_folder(Path(options.config))
    if not folder.is_dir():
        say(f"{folder}: no cache")
        return
    if action == "clear":
        clear(folder)
        say(f"{folder}: cleared")
        return
    with Cache(folder, most_bytes=2**63) as kept:
        if action == "prune":
            say(f"{folder}: {kept.prune(most_bytes):,} bytes dropped")
        for line in kept.sizes():
            say(f"{line.kind:<10} {line.entries:>10,} entries {line.size:>16,} bytes")
