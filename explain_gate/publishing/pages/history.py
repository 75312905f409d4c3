"""One self-contained page of a model's versions: what passed, what was blocked, and the trend of every rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from explain_gate.comparing.series import Series, rule_named, series_of
from explain_gate.comparing.terms import changed_verdicts, changes, reruns
from explain_gate.comparing.timeline import told
from explain_gate.comparing.versions import Event, Run, Version
from explain_gate.digits import number
from explain_gate.metrics import family, question
from explain_gate.publishing.pages.page import render
from explain_gate.publishing.pictures.film import Strip
from explain_gate.publishing.pictures.trends import WIDTH, position_of, trend
from explain_gate.publishing.words.wording import by_severity, span
from explain_gate.records import BLOCKING, Finding
from explain_gate.redact import HIDDEN, redact

CHARTS = 160
"""Charts on the page; those that break now, and then the reviewer's order, come first."""
EVENTS = 400
"""Of the time line, the newest."""
VALUE_ROWS = 8_000
"""Values listed under the versions, newest first; the rest is in each run's verdict.json."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartView:
    """One trend: its number on the page, its series, the newest value and the drawing."""

    number: int
    series: Series
    latest: Finding | None
    value: str
    drawing: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyCharts:
    """The trends of one family."""

    name: str
    question: str
    charts: tuple[ChartView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run below its version; `beside` says what it shows beside the run before, empty for the first."""

    run: Run
    beside: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionView:
    """A version as listed: its position among all, the rules that did not hold, its runs, and its values.

    `runs` are newest first; `findings`, those of its latest verdict, are empty where there is no room for them.
    """

    position: int
    version: Version
    broken: tuple[Finding, ...]
    runs: tuple[RunView, ...]
    findings: tuple[Finding, ...]


def render_history(model: str, versions: Sequence[Version], *, strips: Sequence[Strip] = ()) -> str:
    """The page for `versions`, oldest first; it loads nothing, not even from beside it.

    Raises:
        ValueError: there is no version.
    """
    if not versions:
        raise ValueError("must have at least one version, got none")
    every, events = series_of(versions), _events(versions)
    chosen = sorted(every, key=lambda one: not _broken_now(one))[:CHARTS]
    charts = _charts([one for one in every if one in chosen], versions)
    return render(
        "history.html.j2",
        scripts=("history.js",),
        pictures="data:",
        model=model,
        told=told(versions),
        versions=versions,
        listed=_listed(versions),
        families=_families(charts),
        hidden=len(every) - len(charts),
        strips=strips,
        events=events[:EVENTS],
        older=len(events) - EVENTS,
        changes=[(versions[change.position].named, change) for change in changes(versions)],
        changed_verdicts=changed_verdicts(versions),
        data=_data(charts, versions),
        state="failed" if versions[-1].blocked else "passed",
        link=_link,
    )


def _events(versions: Sequence[Version]) -> list[tuple[Version, Event]]:
    """Everything on one line, newest first: verdicts, changes of data set and rules, and what people put on record."""
    every = [(version, event) for version in versions for event in version.events]
    every += [(version, _verdict(run)) for version in versions for run in version.runs if run.time is not None]
    for change in changes(versions):
        version = versions[change.position]
        if version.time is not None:
            ends = "values compare, verdicts are by other rules" if change.comparable else "values are not comparable"
            event = Event(at=version.time.isoformat(), kind="change", text=f"{change.what}: {ends}")
            every.append((version, event))
    return sorted(every, key=lambda pair: pair[1].at, reverse=True)


def _verdict(run: Run) -> Event:
    broken = [finding for finding in by_severity(run.findings) if finding.status in BLOCKING]
    named = ", ".join(rule_named(finding) for finding in broken[:2])
    more = f" and {len(broken) - 2:,} more" if len(broken) > 2 else ""
    word = {"passed": "passed", "failed": "blocked"}.get(run.verdict, "no verdict")
    by = f", started by {run.started_by}" if run.started_by else ""
    at = run.time.isoformat() if run.time is not None else ""
    return Event(at=at, kind="verdict", text=f"{word}{': ' if named else ''}{named}{more}{by}")


def _charts(series: Sequence[Series], versions: Sequence[Version]) -> list[ChartView]:
    blocked = [version.blocked for version in versions]
    breaks = [change.position for change in changes(versions) if not change.comparable]
    ends = versions[0].label, versions[-1].label
    return [
        ChartView(
            number=position,
            series=one,
            latest=one.latest,
            value=number(one.latest.value) if one.latest is not None else "",
            drawing=Markup(trend(one, key=f"trend-{position}", blocked=blocked, breaks=breaks, ends=ends)),  # noqa: S704 - an SVG of ours, its texts escaped
        )
        for position, one in enumerate(series)
    ]


def _families(charts: Sequence[ChartView]) -> list[FamilyCharts]:
    grouped: dict[str, list[ChartView]] = {}
    for chart in charts:
        grouped.setdefault(family(chart.series.check), []).append(chart)
    return [
        FamilyCharts(name=name, question=question(name), charts=tuple(members)) for name, members in grouped.items()
    ]


def _listed(versions: Sequence[Version]) -> list[VersionView]:
    """Newest first; values only as long as the page has room for them."""
    room = VALUE_ROWS
    views = []
    for position, version in sorted(enumerate(versions), reverse=True):
        ordered = tuple(by_severity(version.findings))
        room -= len(ordered)
        broken = tuple(finding for finding in ordered if finding.status in BLOCKING)
        shown = ordered if room >= 0 else ()
        runs = [
            RunView(run=run, beside=beside) for run, beside in zip(version.runs, ["", *reruns(version)], strict=True)
        ]
        views.append(
            VersionView(position=position, version=version, broken=broken, runs=tuple(reversed(runs)), findings=shown)
        )
    return views


def _data(charts: Sequence[ChartView], versions: Sequence[Version]) -> dict[str, Any]:
    """What the version picker needs: for each chart and version the value's text and its status."""
    return {
        "labels": [version.label for version in versions],
        "verdicts": [version.verdict for version in versions],
        "times": [version.time.strftime("%Y-%m-%d") if version.time else "" for version in versions],
        "places": [round(100 * position_of(at, len(versions)) / WIDTH, 2) for at in range(len(versions))],
        "values": [[_cell(finding) for finding in chart.series.findings] for chart in charts],
    }


def _cell(finding: Finding | None) -> list[str] | None:
    if finding is None:
        return None
    return [number(finding.value), span(finding.interval), finding.status]


def _broken_now(series: Series) -> bool:
    latest = series.findings[-1]
    return latest is not None and latest.status in BLOCKING


def _link(address: str | None) -> str | None:
    """An address that a page may link to: http(s) without credentials; anything else is shown as text."""
    if address is None or not address.startswith(("http://", "https://")):
        return None
    return redact(address).replace(f"//{HIDDEN}@", "//")
