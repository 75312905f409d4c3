"""Versions over time: one series per rule, method and class, and the turning points in it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from explain_gate.digits import number
from explain_gate.records import Finding, Status
from explain_gate.reporting.wording import BLOCKING, family, family_rank

LOOKS = frozenset({"alignment", "reliance"})
"""Families that tell whether the model attends to the object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One judged version, oldest first in any list.

    `label` names it on an axis, such as "14" or "epoch-07". `link` leads to its record, `report` to its report.
    """

    label: str
    verdict: str
    findings: tuple[Finding, ...]
    time: datetime | None = None
    exit_code: int = 0
    aliases: tuple[str, ...] = ()
    run_id: str = ""
    model_digest: str = ""
    dataset_digest: str = ""
    config_digest: str = ""
    git_commit: str | None = None
    link: str | None = None
    report: str | None = None

    @property
    def blocked(self) -> bool:
        """Whether the gate did not let it through."""
        return self.verdict != "passed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One rule over all versions; `findings` has an entry per version, None where it was not judged."""

    check: str
    method: str | None
    class_name: str | None
    findings: tuple[Finding | None, ...]

    @property
    def latest(self) -> Finding | None:
        """The newest finding there is."""
        return next((finding for finding in reversed(self.findings) if finding is not None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Where attention left the object: the version, the one before, and the rule whose value fell furthest.

    `returned` is the position of the version where all of those rules held again, None where they never did.
    """

    position: int
    before: Finding | None
    after: Finding
    rules: int
    returned: int | None


def series_of(versions: Sequence[Version]) -> list[Series]:
    """All rules in the reviewer's order of families; within a check those that break now come first."""
    found: dict[tuple[str, str | None, str | None], list[Finding | None]] = {}
    for position, version in enumerate(versions):
        for finding in version.findings:
            key = (finding.check, finding.method, finding.class_name)
            found.setdefault(key, [None] * len(versions))[position] = finding
    every = [
        Series(check=check, method=method, class_name=class_name, findings=tuple(findings))
        for (check, method, class_name), findings in found.items()
    ]
    return sorted(every, key=lambda one: (family_rank(one.check), not _breaks(one.latest), one.class_name is not None))


def departures(versions: Sequence[Version]) -> list[Departure]:
    """Every version at which a rule of alignment or reliance broke that had held, or had broken from the start.

    A departure lasts until all rules that broke with it hold again; what breaks meanwhile belongs to it.
    """
    looked = [one for one in series_of(versions) if family(one.check) in LOOKS]
    found: list[Departure] = []
    position = 0
    while position < len(versions):
        fallen = [one for one in looked if _breaks(one.findings[position]) and _held_before(one, position)]
        if fallen:
            found.append(_departure(fallen, position))
            if found[-1].returned is None:
                break
            position = found[-1].returned
        else:
            position += 1
    return found


def told(versions: Sequence[Version]) -> str:
    """What happened, in one or two sentences without the last full stop."""
    blocked = sum(version.blocked for version in versions)
    count = f"{len(versions):,} versions, {blocked or 'none'} blocked"
    if len(versions) == 1:
        count = f"1 version, {'blocked' if blocked else 'not blocked'}"
    left = departures(versions)
    return f"{count}. {_departures_told(left, versions)}" if left else count


def breaks_in_comparability(versions: Sequence[Version]) -> list[tuple[int, str]]:
    """Positions from which values are not comparable with those before: (position, what changed)."""
    found = []
    for position, (earlier, later) in enumerate(itertools.pairwise(versions), start=1):
        if earlier.dataset_digest and later.dataset_digest and earlier.dataset_digest != later.dataset_digest:
            found.append((position, "the regression set changed"))
        elif earlier.config_digest and later.config_digest and earlier.config_digest != later.config_digest:
            found.append((position, "thresholds.yaml changed"))
    return found


def _departure(fallen: Sequence[Series], position: int) -> Departure:
    """Told by the map before the behaviour, and by the rule that fell furthest."""
    worst = max(fallen, key=lambda one: (family(one.check) == "alignment", _fall(one, position)))
    after = worst.findings[position]
    assert after is not None, "only series that broke here are given"  # noqa: S101
    return Departure(
        position=position,
        before=_last_before(worst, position),
        after=after,
        rules=len(fallen),
        returned=_returned(fallen, position),
    )


def _departures_told(left: Sequence[Departure], versions: Sequence[Version]) -> str:
    last = left[-1]
    name = _named(versions[last.position])
    after = last.after
    where = f" for {after.class_name}" if after.class_name else ""
    value = f"{after.check}{where} {number(after.value)}"
    if last.before is not None:
        moved = "fell" if (after.value or 0.0) < (last.before.value or 0.0) else "rose"
        value = f"{after.check}{where} {moved} from {number(last.before.value)} to {number(after.value)}"
    back = "has not come back" if last.returned is None else f"came back with {_named(versions[last.returned])}"
    if len(left) > 1:
        return f"Attention left the object {len(left)} times, last with {name}, and {back}: {value}"
    if last.position == 0:
        return f"Attention was off the object from the first, {name}, and {back}: {value}"
    return f"Attention left the object with {name} and {back}: {value}"


def _named(version: Version) -> str:
    return f"version {version.label}" if version.label.isdigit() else version.label


def _breaks(finding: Finding | None) -> bool:
    statuses: frozenset[Status] = BLOCKING
    return finding is not None and finding.status in statuses and finding.value is not None


def _held_before(one: Series, position: int) -> bool:
    last = _last_before(one, position)
    return last is None or not _breaks(last)


def _last_before(one: Series, position: int) -> Finding | None:
    return next((finding for finding in reversed(one.findings[:position]) if finding is not None), None)


def _fall(one: Series, position: int) -> float:
    before, after = _last_before(one, position), one.findings[position]
    if before is None or after is None or before.value is None or after.value is None:
        return 0.0
    return abs(after.value - before.value)


def _returned(fallen: Sequence[Series], position: int) -> int | None:
    length = len(fallen[0].findings)
    for later in range(position + 1, length):
        findings = [one.findings[later] for one in fallen]
        if all(finding is not None and not _breaks(finding) for finding in findings):
            return later
    return None
