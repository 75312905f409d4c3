"""Versions over time: one series per rule, method and class, the turning points in it, and what may be compared.

A version is its weights, however often it was judged. Its latest verdict stands for it; its runs are listed below it.
Values are compared only between runs on the same terms: the same regression set, preprocessing, settings of methods
and metrics, seed, model.target, torch, device and dtype. Where the terms differ, a sentence says in what.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from explain_gate.digits import number
from explain_gate.metrics import family, family_rank, looks
from explain_gate.records import BLOCKING, Finding, Status

SEED = "seed"
"""The term that every run of today records; a run without it was recorded before parameters of metrics were."""
_SHORT = 60
"""Characters of two values that a sentence can quote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One gate run of a version. `link` leads to its record, `report` to its report.

    `terms` are the conditions under which its values may be compared with another run's, by name, as text; a method's
    settings stand under `settings of NAME`, a metric's under `parameters of CHECK`.
    """

    verdict: str
    findings: tuple[Finding, ...]
    time: datetime | None = None
    exit_code: int = 0
    run_id: str = ""
    dataset_digest: str = ""
    images: int | None = None
    terms: Mapping[str, str] = field(default_factory=dict)
    config_digest: str = ""
    git_commit: str | None = None
    git_dirty: bool = False
    started_by: str = ""
    link: str | None = None
    report: str | None = None

    @property
    def judged(self) -> bool:
        """Whether it came to a verdict."""
        return self.verdict in ("passed", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of the weights with all its runs, oldest first; at least one. Oldest first in any list.

    `label` names it on an axis: "14" in the registry, "epoch-07" by its file, "3f9a1c2b…" by its weights. `moves` tell
    how aliases came to it, oldest first.
    """

    label: str
    runs: tuple[Run, ...]
    model_digest: str = ""
    aliases: tuple[str, ...] = ()
    moves: tuple[str, ...] = ()

    @property
    def latest(self) -> Run:
        """Its latest run with a verdict; where none came to one, its latest run."""
        return next((run for run in reversed(self.runs) if run.judged), self.runs[-1])

    @property
    def verdict(self) -> str:
        """Its latest verdict."""
        return self.latest.verdict

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What its latest verdict found."""
        return self.latest.findings

    @property
    def time(self) -> datetime | None:
        """When its latest verdict was."""
        return self.latest.time

    @property
    def blocked(self) -> bool:
        """Whether the gate did not let it through."""
        return self.verdict != "passed"

    @property
    def named(self) -> str:
        """As a sentence calls it: a registered one by its number, others by their weights or their file."""
        if self.label.isdigit():
            return f"version {self.label}"
        return f"weights {self.label}" if self.label.endswith("…") else self.label


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What differs from the version before, from `position` on; `comparable` is False where values are not."""

    position: int
    what: str
    comparable: bool


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

    `before` is that rule on the same terms; where there is no such value, `unlike` says why. `returned` is the position
    of the version where all of those rules held again, None where they never did; `returned_unlike` says why that
    version's values are not comparable with this one's, empty where they are.
    """

    position: int
    before: Finding | None
    after: Finding
    rules: int
    returned: int | None
    unlike: str = ""
    returned_unlike: str = ""


def series_of(versions: Sequence[Version]) -> list[Series]:
    """All rules in the reviewer's order of families; within a check those that break now come first."""
    found: dict[tuple[str, str | None, str | None], list[Finding | None]] = {}
    for position, version in enumerate(versions):
        for finding in version.findings:
            found.setdefault(_key(finding), [None] * len(versions))[position] = finding
    every = [
        Series(check=check, method=method, class_name=class_name, findings=tuple(findings))
        for (check, method, class_name), findings in found.items()
    ]
    return sorted(every, key=lambda one: (family_rank(one.check), not _breaks(one.latest), one.class_name is not None))


def departures(versions: Sequence[Version]) -> list[Departure]:
    """Every version at which a rule of alignment or reliance broke that had held, or had broken from the start.

    A departure lasts until all rules that broke with it hold again; what breaks meanwhile belongs to it.
    """
    looked = [one for one in series_of(versions) if looks(one.check)]
    found: list[Departure] = []
    position = 0
    while position < len(versions):
        fallen = [one for one in looked if _breaks(one.findings[position]) and _held_before(one, position)]
        if fallen:
            found.append(_departure(fallen, position, versions))
            if found[-1].returned is None:
                break
            position = found[-1].returned
        else:
            position += 1
    return found


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


def unlike(before: Run, after: Run) -> str:
    """Why the values of two runs cannot be compared, as the rest of a sentence; empty where they can.

    A term that only one of them has, such as the settings of a method that was added, keeps nothing from being
    compared. Where thresholds.yaml changed and a run was recorded before seeds and parameters of metrics were, nobody
    can tell, so they are not compared.
    """
    reasons = []
    if before.dataset_digest and after.dataset_digest and before.dataset_digest != after.dataset_digest:
        sizes = f" ({before.images:,} images, then {after.images:,})" if before.images and after.images else ""
        reasons.append(f"the regression set changed{sizes}")
    reasons += [
        f"{name} changed"
        + (f" from {value} to {after.terms[name]}" if len(value + after.terms[name]) <= _SHORT else "")
        for name, value in before.terms.items()
        if name in after.terms and after.terms[name] != value
    ]
    if not reasons and _rules_changed(before, after) and not (SEED in before.terms and SEED in after.terms):
        return "thresholds.yaml changed, and no record tells whether its seed or parameters of metrics did"
    return ", ".join(reasons)


def changes(versions: Sequence[Version]) -> list[Change]:
    """What changed from one version's latest verdict to the next one's, apart from the weights."""
    found = []
    for position, (earlier, later) in enumerate(itertools.pairwise(versions), start=1):
        reason = unlike(earlier.latest, later.latest)
        configs = earlier.latest.config_digest, later.latest.config_digest
        if reason:
            both = _measured_on_both(earlier, later)
            bridge = f"; {both.named} was measured on both" if both is not None else ""
            found.append(Change(position=position, what=f"{reason}{bridge}", comparable=False))
        elif all(configs) and configs[0] != configs[1]:
            found.append(Change(position=position, what="thresholds.yaml changed", comparable=True))
    return found


def reruns(version: Version) -> list[str]:
    """For each run of a version after its first, what it says beside the run before: same weights, so same values."""
    return [_rerun(before, after) for before, after in itertools.pairwise(version.runs)]


def changed_verdicts(versions: Sequence[Version]) -> list[str]:
    """Versions whose runs do not agree, one sentence each without its full stop, with what changed between the runs."""
    found = []
    for version in versions:
        judged = [run for run in version.runs if run.judged]
        for before, after in itertools.pairwise(judged):
            if before.verdict != after.verdict:
                words = {"passed": "passed", "failed": "was blocked"}
                reason = unlike(before, after) or _rules_changed(before, after) or "nothing else changed"
                when = f" on {after.time:%Y-%m-%d}" if after.time else ""
                found.append(
                    f"{_capital(version.named)} {words[before.verdict]} and {words[after.verdict]} when it was "
                    f"measured again{when}: {reason}"
                )
    return found


def _rerun(before: Run, after: Run) -> str:
    reason = unlike(before, after)
    if not (before.judged and after.judged):
        return "not compared with the run before: one of them came to no verdict"
    if reason:
        return f"not compared with the run before: {reason}"
    rules = _rules_changed(before, after)
    told = f"; {rules}" if rules else ""
    earlier = {_key(finding): finding for finding in before.findings}
    pairs = [
        (abs(finding.value - earlier[_key(finding)].value), earlier[_key(finding)], finding)  # type: ignore[operator]
        for finding in after.findings
        if _key(finding) in earlier and finding.value is not None and earlier[_key(finding)].value is not None
    ]
    if not pairs:
        return f"no rule in common with the run before{told}"
    largest, was, now = max(pairs, key=lambda pair: pair[0])
    if largest == 0:
        return f"the same values as the run before{told}"
    moved = f"{_rule_named(now)} {number(was.value)} to {number(now.value)}"
    return f"largest change from the run before: {moved}{told}"


def _rules_changed(before: Run, after: Run) -> str:
    configs = before.config_digest, after.config_digest
    return "thresholds.yaml changed" if all(configs) and configs[0] != configs[1] else ""


def _measured_on_both(earlier: Version, later: Version) -> Version | None:
    """The version of the two with a run on the terms of the other's latest verdict, which links the two."""
    for version, other in ((earlier, later), (later, earlier)):
        if any(run.judged and not unlike(run, other.latest) for run in version.runs if run is not version.latest):
            return version
    return None


def _departure(fallen: Sequence[Series], position: int, versions: Sequence[Version]) -> Departure:
    """Told by the map before the behaviour, and by the rule that fell furthest."""
    worst = max(fallen, key=lambda one: (family(one.check) == "alignment", _fall(one, position, versions)))
    after = worst.findings[position]
    assert after is not None, "only series that broke here are given"  # noqa: S101 - for the type checker
    before, reason = _on_same_terms(worst, position, versions)
    returned = _returned(fallen, position)
    back = _return_unlike(fallen, versions[position].latest, versions[returned]) if returned is not None else ""
    return Departure(
        position=position,
        before=before,
        after=after,
        rules=len(fallen),
        returned=returned,
        unlike=reason,
        returned_unlike=back,
    )


def _return_unlike(fallen: Sequence[Series], left: Run, back: Version) -> str:
    """Why the return cannot be compared with the departure; empty where a run on its terms holds all of its rules."""
    keys = {(one.check, one.method, one.class_name) for one in fallen}
    for run in back.runs:
        held = {_key(finding) for finding in run.findings if not _breaks(finding)}
        if run.judged and not unlike(left, run) and keys <= held:
            return ""
    return unlike(left, back.latest) or "no run of it holds all of them on the same terms"


def _on_same_terms(one: Series, position: int, versions: Sequence[Version]) -> tuple[Finding | None, str]:
    """The rule's value in the version before it, from that version's latest run on the terms of this one's verdict.

    Without such a run, the reason; neither where no earlier version was judged by this rule.
    """
    before = next((at for at in reversed(range(position)) if one.findings[at] is not None), None)
    if before is None:
        return None, ""
    after = versions[position].latest
    for run in reversed(versions[before].runs):
        finding = next((f for f in run.findings if _key(f) == (one.check, one.method, one.class_name)), None)
        if run.judged and finding is not None and not unlike(run, after):
            return finding, ""
    return None, unlike(versions[before].latest, after)


def _departures_told(left: Sequence[Departure], versions: Sequence[Version]) -> str:
    last = left[-1]
    name = versions[last.position].named
    after = last.after
    value = f"{_rule_named(after)} {number(after.value)}"
    if last.before is not None:
        moved = "fell" if (after.value or 0.0) < (last.before.value or 0.0) else "rose"
        value = f"{_rule_named(after)} {moved} from {number(last.before.value)} to {number(after.value)}"
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


def _rule_named(finding: Finding) -> str:
    return f"{finding.check} for {finding.class_name}" if finding.class_name else finding.check


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _key(finding: Finding) -> tuple[str, str | None, str | None]:
    return finding.check, finding.method, finding.class_name


def _breaks(finding: Finding | None) -> bool:
    statuses: frozenset[Status] = BLOCKING
    return finding is not None and finding.status in statuses and finding.value is not None


def _held_before(one: Series, position: int) -> bool:
    last = _last_before(one, position)
    return last is None or not _breaks(last)


def _last_before(one: Series, position: int) -> Finding | None:
    return next((finding for finding in reversed(one.findings[:position]) if finding is not None), None)


def _fall(one: Series, position: int, versions: Sequence[Version]) -> float:
    before, after = _on_same_terms(one, position, versions)[0], one.findings[position]
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
