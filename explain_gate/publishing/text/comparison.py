"""Two measured versions compared, as lines for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from explain_gate.comparing.profiles import CheckChange, Comparison, Trend, named
from explain_gate.digits import number, plural
from explain_gate.publishing.words.wording import (
    STATUS_MARKS,
    bounds_of,
    by_severity,
    signed,
    signed_span,
    value_text,
)
from explain_gate.records import Finding

_MARKS: Mapping[Trend, str] = {"better": "▲", "worse": "▼", "unclear": "·", "equal": "="}


def comparison_lines(comparison: Comparison, findings: Sequence[Finding] = ()) -> list[str]:
    """The comparison as plain lines for a terminal: the sentence, the checks, the maps, what the runs differ in."""
    lines = [f"{comparison.sentence}.", f"before: {named(comparison.before)}", f"after:  {named(comparison.after)}", ""]
    rows = [("", "check", "before", "after", "change", "95 % interval", "images")]
    rows += [
        (
            _MARKS[change.trend],
            f"{change.check}[{change.method or 'all'}]",
            number(change.before),
            number(change.after),
            signed(change.change),
            signed_span(change.interval),
            f"{change.images:,}",
        )
        for change in sorted(comparison.checks, key=_worst_first)
    ]
    lines += _table(rows) if len(rows) > 1 else ["no check was measured in both"]
    for change in comparison.maps:
        if change.equal == change.images:
            lines.append(f"maps {change.method}: all {change.images:,} equal to the bit")
        else:
            apart = f"apart by at most {number(change.largest)}, median correlation {number(change.median)}"
            lines.append(f"maps {change.method}: {change.equal:,} of {change.images:,} equal to the bit, {apart}")
    lines += [f"only before: {plural(len(comparison.only_before), 'image')}"] if comparison.only_before else []
    lines += [f"only after: {plural(len(comparison.only_after), 'image')}"] if comparison.only_after else []
    lines += [f"differs: {name}: {was or 'nothing'} -> {now or 'nothing'}" for name, was, now in comparison.facts]
    told = [finding for finding in by_severity(tuple(findings)) if finding.status != "passed"]
    for finding in told:
        value = f"{value_text(finding)} ({bounds_of(finding)})"
        lines.append(f"{STATUS_MARKS[finding.status]} {finding.status}  {finding.key}  {value}")
    return ["".join(c if c.isprintable() else " " for c in line) for line in lines]


def _worst_first(change: CheckChange) -> tuple[int, float]:
    order: tuple[Trend, ...] = ("worse", "better", "unclear", "equal")
    return order.index(change.trend), -abs(change.change)


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        f"  {row[0]:<{widths[0]}} {row[1]:<{widths[1]}}  "
        + "  ".join(f"{cell:>{width}}" for cell, width in zip(row[2:], widths[2:], strict=True))
        for row in rows
    ]
