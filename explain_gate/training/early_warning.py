"""Early warning: what a training begins to rely on, told while there is time to stop it. Numbers in, alarms out.

Looked at are the rows of reliance. A row gives cause for an alarm where it breaks its bound and did not at the last
measured epoch, or where its 95 % interval over images lies wholly on the worse side of those of each of the first
measured epochs, and did not at the last one. So each onset is told once. A network that knows nothing yet relies on
nothing, so the second kind also tells what every network learns; how far is for the bound to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from explain_gate.digits import number
from explain_gate.metrics import metric_of
from explain_gate.records import Finding

FIRST = 3
"""Measured epochs that later ones are compared with."""


class EarlyWarning(UserWarning):
    """Reliance rises while a model trains. `warnings.simplefilter("error", EarlyWarning)` stops the training at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One row at its onset; `key` is the finding's, `cause` "bound" or "rise"."""

    key: str
    cause: Literal["bound", "rise"]
    message: str


def alarms_of(findings: Sequence[Finding], earlier: Sequence[Sequence[Finding]]) -> tuple[Alarm, ...]:
    """What gives cause for an alarm now and did not at the last measured epoch; `earlier` are the epochs in order."""
    first = [_by_key(one) for one in earlier[:FIRST]]
    before = _by_key(earlier[-1]) if earlier else {}
    alarms: list[Alarm] = []
    for key, finding in _by_key(findings).items():
        last = before.get(key)
        if finding.status == "failed" and (last is None or last.status != "failed"):
            alarms.append(Alarm(key=key, cause="bound", message=f"{key} breaks its bound now: {finding.message}"))
        elif len(earlier) >= FIRST and _risen(finding, first) and (len(earlier) == FIRST or not _risen(last, first)):
            alarms.append(Alarm(key=key, cause="rise", message=_told(finding, first)))
    return tuple(alarms)


def _by_key(findings: Iterable[Finding]) -> dict[str, Finding]:
    return {finding.key: finding for finding in findings if finding.check.startswith("reliance.")}


def _risen(finding: Finding | None, first: Sequence[dict[str, Finding]]) -> bool:
    """Whether a row's interval lies on the worse side of each of the first ones; without intervals nobody knows."""
    if finding is None or finding.interval is None:
        return False
    known = [row.interval for epoch in first if (row := epoch.get(finding.key)) is not None]
    intervals = [interval for interval in known if interval is not None]
    metric = metric_of(finding.check)
    if not intervals or metric is None:
        return False
    if metric.better == "higher":
        return finding.interval[1] < min(low for low, _ in intervals)
    return finding.interval[0] > max(high for _, high in intervals)


def _told(finding: Finding, first: Sequence[dict[str, Finding]]) -> str:
    began = [row.value for epoch in first if (row := epoch.get(finding.key)) is not None and row.value is not None]
    low, high = finding.interval or (None, None)
    return (
        f"{finding.key} is {number(finding.value)} ({number(low)} to {number(high)}), beyond the first {len(began)} "
        f"measured epochs ({', '.join(number(value) for value in began)})"
    )
