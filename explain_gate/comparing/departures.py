"""The turning points of a timeline: where attention left the object, and where it came back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from explain_gate.comparing.series import Series, breaks, rule_of, series_of
from explain_gate.comparing.terms import unlike
from explain_gate.comparing.versions import Run, Version
from explain_gate.metrics import family, looks
from explain_gate.records import Finding


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


def departures(versions: Sequence[Version]) -> list[Departure]:
    """Every version at which a rule of alignment or reliance broke that had held, or had broken from the start.

    A departure lasts until all rules that broke with it hold again; what breaks meanwhile belongs to it.
    """
    looked = [one for one in series_of(versions) if looks(one.check)]
    left: list[Departure] = []
    position = 0
    while position < len(versions):
        fallen = [one for one in looked if breaks(one.findings[position]) and _held_before(one, position)]
        if fallen:
            left.append(_departure(fallen, position, versions))
            if left[-1].returned is None:
                break
            position = left[-1].returned
        else:
            position += 1
    return left


def _held_before(one: Series, position: int) -> bool:
    last = _last_before(one, position)
    return last is None or not breaks(last)


def _last_before(one: Series, position: int) -> Finding | None:
    return next((finding for finding in reversed(one.findings[:position]) if finding is not None), None)


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


def _on_same_terms(one: Series, position: int, versions: Sequence[Version]) -> tuple[Finding | None, str]:
    """The rule's value in the version before it, from that version's latest run on the terms of this one's verdict.

    Without such a run, the reason; neither where no earlier version was judged by this rule.
    """
    before = next((at for at in reversed(range(position)) if one.findings[at] is not None), None)
    if before is None:
        return None, ""
    after = versions[position].latest
    for run in reversed(versions[before].runs):
        finding = next((f for f in run.findings if rule_of(f) == (one.check, one.method, one.class_name)), None)
        if run.judged and finding is not None and not unlike(run, after):
            return finding, ""
    return None, unlike(versions[before].latest, after)


def _fall(one: Series, position: int, versions: Sequence[Version]) -> float:
    before, after = _on_same_terms(one, position, versions)[0], one.findings[position]
    if before is None or after is None or before.value is None or after.value is None:
        return 0.0
    return abs(after.value - before.value)


def _returned(fallen: Sequence[Series], position: int) -> int | None:
    length = len(fallen[0].findings)
    for later in range(position + 1, length):
        findings = [one.findings[later] for one in fallen]
        if all(finding is not None and not breaks(finding) for finding in findings):
            return later
    return None


def _return_unlike(fallen: Sequence[Series], left: Run, back: Version) -> str:
    """Why the return cannot be compared with the departure; empty where a run on its terms holds all of its rules."""
    keys = {(one.check, one.method, one.class_name) for one in fallen}
    for run in back.runs:
        held = {rule_of(finding) for finding in run.findings if not breaks(finding)}
        if run.judged and not unlike(left, run) and keys <= held:
            return ""
    return unlike(left, back.latest) or "no run of it holds all of them on the same terms"
