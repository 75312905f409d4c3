"""The HTML page of a comparison: what changed, by how much, in which images, and in what the runs differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from explain_gate.comparing.profiles import CheckChange, Comparison, named
from explain_gate.metrics import family_rank
from explain_gate.publishing.pages.changed_strategies import ChangedStrategy, changed_strategies
from explain_gate.publishing.pages.drift import Drift, build_drift
from explain_gate.publishing.pages.page import render
from explain_gate.publishing.pictures.charts import change_bar
from explain_gate.publishing.pictures.kept import left_out_told
from explain_gate.publishing.words.wording import by_severity, signed_span
from explain_gate.records import BLOCKING, Finding, Profile
from explain_gate.redact import redact

CLASS_ROWS = 600
"""Rows by class; the rest, of smaller changes, is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """One line of the table, with its bar and its lines by class."""

    change: CheckChange
    interval: str
    bar: Markup
    classes: tuple[ChangeRow, ...] = ()


def write_comparison(
    comparison: Comparison, before: Profile, after: Profile, folder: Path, *, findings: Sequence[Finding] = ()
) -> Path:
    """Write index.html and assets/ into a folder, made where it is missing; returns the page.

    `findings` are the second profile judged by a config against the first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drift = build_drift(after, before, folder, map_pairs=comparison.map_pairs)
    strategies = changed_strategies(before, after, folder)
    page = folder / "index.html"
    page.write_bytes(render_comparison(comparison, drift, findings, strategies).encode("utf-8", "replace"))
    return page


def render_comparison(
    comparison: Comparison,
    drift: Drift | None = None,
    findings: Sequence[Finding] = (),
    strategies: Sequence[ChangedStrategy] = (),
) -> str:
    """The page; the pictures of `drift` and of `strategies` lie beside it in assets/."""
    broken = any(finding.status in BLOCKING for finding in findings)
    facts = [(name, redact(was), redact(now)) for name, was, now in comparison.facts]
    return render(
        "comparison.html.j2",
        scripts=("wipe.js",),
        comparison=comparison,
        before=named(comparison.before),
        after=named(comparison.after),
        rows=_rows(comparison),
        facts=facts,
        drift=drift,
        pictured={pair.image.image: pair.anchor for pair in reversed(drift.pairs if drift is not None else ())},
        strategies=strategies,
        left_out=[left_out_told(drift.left_out)] if drift is not None and drift.left_out else [],
        findings=by_severity(tuple(findings)),
        state="failed" if broken else "passed" if findings or comparison.bit_equal else "neutral",
    )


def _rows(comparison: Comparison) -> list[ChangeRow]:
    ordered = sorted(comparison.checks, key=lambda change: family_rank(change.check))
    by_check: dict[tuple[str, str | None], list[CheckChange]] = {}
    for change in sorted(comparison.classes, key=lambda change: -abs(change.change))[:CLASS_ROWS]:
        by_check.setdefault((change.check, change.method), []).append(change)
    rows = []
    for change in ordered:
        members = by_check.get((change.check, change.method), [])
        ends = [abs(end) for one in (change, *members) for end in one.interval]
        reach = max(ends) * 1.1 or 1.0
        classes = tuple(_row(one, reach) for one in members) if len(members) > 1 and change.largest > 0 else ()
        rows.append(_row(change, reach, classes))
    return rows


def _row(change: CheckChange, reach: float, classes: tuple[ChangeRow, ...] = ()) -> ChangeRow:
    return ChangeRow(
        change=change,
        interval=signed_span(change.interval),
        bar=Markup(change_bar(change.change, change.interval, change.better, reach)),  # noqa: S704 - numbers only
        classes=classes,
    )
