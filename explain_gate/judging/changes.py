"""What changed since the reference, for the rules that bound a change -> their findings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from explain_gate.judging import sentences
from explain_gate.judging.findings import WORST_LISTED, at_least_status, select
from explain_gate.judging.noninferiority import Change, compare, holm, images_to_decide
from explain_gate.records import Finding, Profile, Rule, Status
from explain_gate.statistics import summarize

NO_REFERENCE = "there is no reference to compare with"


def judge_changes(
    profile: Profile, reference: Profile | None, rules: Sequence[Rule], findings: Sequence[Finding]
) -> list[Finding]:
    """Findings with what changed since the reference, for the rules that bound a change.

    Holm's correction runs over the rows of one rule, its classes and methods: what a rule may spend on false alarms is
    its own, so that adding a rule never weakens another.
    """
    changes: dict[int, _Compared | str] = {}
    for position, rule in enumerate(rules):
        if rule.max_drop is not None or rule.max_rise is not None:
            changes[position] = _change(profile, reference, rule)
    tested: dict[str, dict[int, float]] = {}
    for position, change in changes.items():
        if not isinstance(change, str):
            tested.setdefault(rules[position].check, {})[position] = change.change.p_worse
    adjusted: dict[int, float] = {}
    for p_values in tested.values():
        adjusted |= dict(zip(p_values, holm(list(p_values.values())), strict=True))
    result = list(findings)
    for position, change in changes.items():
        if isinstance(change, str):
            result[position] = _not_compared(findings[position], rules[position], change, bootstrap=reference is None)
        else:
            result[position] = _with_change(findings[position], rules[position], change, adjusted[position])
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """A rule's change, the reference's own value, and the images that lost most, worst first."""

    change: Change
    before: float
    worst: tuple[str, ...]


def _change(profile: Profile, reference: Profile | None, rule: Rule) -> _Compared | str:
    """What changed since the reference, or why nothing was compared."""
    if reference is None:
        return NO_REFERENCE
    mine, theirs = (one.measurement(rule.check, rule.method) for one in (profile, reference))
    if mine is None or theirs is None:
        return f"{rule.key} was not measured on {'the reference' if theirs is None else 'the candidate'}"
    rows, values, _ = select(profile, mine, rule)
    other_rows, other_values, _ = select(reference, theirs, rule)
    known = {reference.images[row].image: value for row, value in zip(other_rows, other_values.tolist(), strict=True)}
    now = {profile.images[row].image: value for row, value in zip(rows, values.tolist(), strict=True)}
    images = [image for image in now if image in known]
    if len(images) < 2:
        return "fewer than two images were measured on both versions"
    candidate, earlier = (np.array([version[image] for image in images]) for version in (now, known))
    margin = rule.max_drop if rule.max_drop is not None else rule.max_rise
    change = compare(
        candidate,
        earlier,
        margin=float(margin or 0.0),
        better=rule.better,
        statistic=rule.statistic,
        confidence=rule.confidence,
    )
    gains = candidate - earlier if rule.better == "higher" else earlier - candidate
    worst = [images[position] for position in np.argsort(gains, kind="stable") if gains[position] < 0]
    return _Compared(change=change, before=summarize(earlier, rule.statistic), worst=tuple(worst[:WORST_LISTED]))


def _with_change(finding: Finding, rule: Rule, compared: _Compared, p_worse: float) -> Finding:
    change = compared.change
    margin = float((rule.max_drop if rule.max_drop is not None else rule.max_rise) or 0.0)
    alpha = 1 - rule.confidence if rule.change_part is None else rule.change_part
    sign = -1.0 if rule.better == "higher" else 1.0
    low, high = sorted(sign * bound for bound in change.interval)
    text = sentences.of_change(
        rule, loss=change.loss, before=compared.before, interval=(low, high), margin=margin, images=change.images
    )
    blocked: Status = "failed" if rule.severity == "fail" else "warned"
    if p_worse <= alpha:
        finding = at_least_status(finding, blocked, "change")
        text = sentences.of_worst(text, compared.worst)
    elif finding.status == "failed":
        pass  # The fixed bound has decided; whether the change alone would have is of no use to the reader.
    elif change.p_fine <= alpha or change.interval[1] <= margin:
        text = sentences.of_no_loss(text)
    else:
        text = sentences.of_undecided(text, images_to_decide(change, margin, rule.confidence))
        finding = at_least_status(finding, blocked if rule.inconclusive == "fail" else "inconclusive", "undecided")
    return replace(
        finding,
        worst=compared.worst if finding.cause in ("change", "undecided") else finding.worst,
        reference_value=compared.before,
        change=sign * change.loss,
        change_interval=(low, high),
        message=f"{finding.message} {text}".strip(),
    )


def _not_compared(finding: Finding, rule: Rule, reason: str, *, bootstrap: bool) -> Finding:
    """A rule that could not be compared: told where the run starts without a reference, else unmeasured."""
    finding = replace(finding, message=f"{finding.message} {sentences.of_no_comparison(rule, reason)}".strip())
    return (
        at_least_status(finding, "warned", "not compared")
        if bootstrap
        else at_least_status(finding, "unmeasured", "not compared")
    )
