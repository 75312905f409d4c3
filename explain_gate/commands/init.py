"""`explain-gate init`: write the start of a gate into a repository, filled in as far as its folder says how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from explain_gate.commands.scaffold import not_ignored, scaffold
from explain_gate.commands.survey.clue import Choose, likeliest
from explain_gate.commands.survey.survey import Survey, survey
from explain_gate.commands.survey.written import plain

_LISTED = 6


def init(
    folder: Path,
    *,
    say: Callable[[str], None],
    choose: Choose = likeliest,
) -> bool:
    """Scaffold thresholds.yaml, checks/ and a CI workflow; what is there already stays as it is.

    Args:
        folder: of the project; what it shows of model and data is written into thresholds.yaml.
        say: is told each file, what was guessed from where, and what is left.
        choose: asks which of several is meant.

    Returns whether nothing is left to fill in.
    """
    new = not (folder / "thresholds.yaml").exists()
    seen = survey(folder, choose) if new else Survey(clues={}, left={}, counts={}, notes=())
    written, kept = scaffold(folder, seen.clues, seen.left)
    for path in written:
        say(f"wrote  {path}")
    for path in kept:
        say(f"kept   {path}, which was there already")
    if new:
        _tell(seen, say)
    missing = not_ignored(folder)
    if missing:
        say(f"add to .gitignore, so that no report or database is committed: {' '.join(missing)}")
    say(_next(new=new, left=bool(seen.left)))
    return new and not seen.left


def _tell(seen: Survey, say: Callable[[str], None]) -> None:
    """What was guessed, from where, what else spoke for something, and what nobody could see."""
    say("")
    for key, clue in seen.clues.items():
        say(f"guess  {key}: {plain(clue.value) if clue.value is not None else 'none'}   ({clue.seen})")
        if clue.others:
            say(f"       others: {_listed(clue.others)}")
    for key, reason in seen.left.items():
        say(f"left   {key}: FILL IN   ({reason})")
    if seen.counts:
        each = ", ".join(f"{name} {count}" for name, count in list(seen.counts.items())[:_LISTED])
        more = f" and {len(seen.counts) - _LISTED} more classes" if len(seen.counts) > _LISTED else ""
        say(f"data   {sum(seen.counts.values())} samples: {each}{more}")
    for note in seen.notes:
        say(f"note   {note}")
    say("Nothing of yours was imported, run or unpickled for this; read each guess before you trust it.")


def _listed(values: Sequence[Any]) -> str:
    more = f" and {len(values) - _LISTED} more" if len(values) > _LISTED else ""
    return ", ".join(plain(one) for one in values[:_LISTED]) + more


def _next(*, new: bool, left: bool) -> str:
    if new and not left:
        return "Next: `explain-gate validate`, then `explain-gate run --quick`, then `explain-gate run`."
    return (
        "Next: write your model and data into thresholds.yaml (look for FILL IN), then `explain-gate validate`, "
        "then `explain-gate run`."
    )
