"""Versions over time as words: what happened in a sentence, and the lines of a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from explain_gate.comparing.departures import Departure, departures
from explain_gate.comparing.series import rule_named
from explain_gate.comparing.terms import changed_verdicts, changes, reruns
from explain_gate.comparing.versions import Version
from explain_gate.digits import number


def told(versions: Sequence[Version]) -> str:
    """What happened, in one or two sentences without the last full stop. Versions are counted, not runs."""
    blocked = sum(version.blocked for version in versions)
    runs = sum(len(version.runs) for version in versions)
    measured = f" in {runs:,} runs" if runs > len(versions) else ""
    count = f"{len(versions):,} versions{measured}, {blocked or 'none'} blocked"
    if len(versions) == 1:
        count = f"1 version{measured}, {'blocked' if blocked else 'not blocked'}"
    left = departures(versions)
    return f"{count}. {_departures_told(left, versions)}" if left else count


def _departures_told(left: Sequence[Departure], versions: Sequence[Version]) -> str:
    last = left[-1]
    name = versions[last.position].named
    after = last.after
    value = f"{rule_named(after)} {number(after.value)}"
    if last.before is not None:
        moved = "fell" if (after.value or 0.0) < (last.before.value or 0.0) else "rose"
        value = f"{rule_named(after)} {moved} from {number(last.before.value)} to {number(after.value)}"
    back = _return_told(last, versions)
    if last.unlike:
        return (
            f"Attention is off the object with {name} and {back}: {value}. Whether it left with this version cannot be "
            f"told: {last.unlike}"
        )
    if len(left) > 1:
        return f"Attention left the object {len(left)} times, last with {name}, and {back}: {value}"
    if last.position == 0:
        return f"Attention was off the object from the first, {name}, and {back}: {value}"
    return f"Attention left the object with {name} and {back}: {value}"


def _return_told(last: Departure, versions: Sequence[Version]) -> str:
    if last.returned is None:
        return "has not come back"
    name = versions[last.returned].named
    if last.returned_unlike:
        return f"its rules hold again with {name}, on other terms ({last.returned_unlike})"
    return f"came back with {name}"


def timeline_lines(versions: Sequence[Version]) -> list[str]:
    """The history for a terminal: one line a version with its runs below it, then what happened and what changed."""
    lines = []
    for version in versions:
        lines.append(
            f"{version.label:<18} {version.verdict:<8} {version.model_digest[:12]} {' '.join(version.aliases)}"
        )
        if len(version.runs) > 1:
            for run, beside in zip(version.runs, ["first run", *reruns(version)], strict=True):
                when = f"{run.time:%Y-%m-%d %H:%M}" if run.time else ""
                lines.append(f"  {when:<16} {run.verdict:<8} {beside}")
    lines.append(f"{told(versions)}.")
    for change in changes(versions):
        ends = "values compare, verdicts are by other rules" if change.comparable else "values are not comparable"
        lines.append(f"With {versions[change.position].named} {change.what}: {ends}.")
    lines += [f"{sentence}." for sentence in changed_verdicts(versions)]
    return ["".join(c if c.isprintable() else " " for c in line).rstrip() for line in lines]
