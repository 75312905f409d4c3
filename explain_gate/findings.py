"""One rule against one profile: value, interval, bound, and the change since the reference -> a finding. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from explain_gate.comparison import Change, compare, holm, images_to_decide
from explain_gate.records import Finding, Measurement, Profile, Rule, Status
from explain_gate.statistics import Values, interval, summarize

WORST_LISTED = 8


def judge_changes(
    profile: Profile, reference: Profile | None, rules: Sequence[Rule], findings: Sequence[Finding]
) -> list[Finding]:
    """Findings with what changed since the reference, for the rules that bound a change.

    Holm's correction runs over all of these rules, so that a run with many rules blocks an honest retrain no more
    often than one with a single rule.
    """
    changes: dict[int, tuple[Change, float] | str] = {}
    for position, rule in enumerate(rules):
        if rule.max_drop is not None or rule.max_rise is not None:
            changes[position] = _change(profile, reference, rule)
    tested = [position for position, change in changes.items() if not isinstance(change, str)]
    p_values = [change[0].p_worse for change in changes.values() if not isinstance(change, str)]
    adjusted = dict(zip(tested, holm(p_values), strict=True))
    result = list(findings)
    for position, change in changes.items():
        if isinstance(change, str):
            result[position] = _not_compared(findings[position], rules[position], change, bootstrap=reference is None)
        else:
            result[position] = _with_change(findings[position], rules[position], *change, adjusted[position])
    return result


def judge_bound(profile: Profile, rule: Rule) -> Finding:
    """The finding of one rule by its fixed bound; a rule without one passes as far as this goes."""
    measurement = profile.measurement(rule.check, rule.method)
    if measurement is None:
        return _finding(rule, status="unmeasured", message=f"{rule.key} was not measured.", unmeasured=0)
    rows, values, reasons = select(profile, measurement, rule)
    unmeasured = [reason for reason in reasons if reason is not None]
    if values.size == 0 or len(unmeasured) > _allowed(rule, len(unmeasured) + values.size):
        return _unmeasured_finding(profile, measurement, rule, values)
    value = summarize(values, rule.statistic)
    low, high = interval(values, rule.statistic)
    broken = breaks(rule, value)
    order = np.argsort(values if rule.better == "higher" else -values, kind="stable")
    worst = tuple(profile.images[rows[position]].image for position in order[:WORST_LISTED].tolist())
    status: Status = "passed" if not broken else "failed" if rule.severity == "fail" else "warned"
    finding = _finding(
        rule,
        value=value,
        interval=(low, high),
        status=status,
        images=int(values.size),
        unmeasured=len(unmeasured),
        worst=worst,
    )
    return replace(finding, message=_message(finding, rule))


def select(profile: Profile, measurement: Measurement, rule: Rule) -> tuple[list[int], Values, list[str | None]]:
    """Rows and values of the measured images of the rule's class, and the reasons of all of its images."""
    mine = [
        position
        for position, row in enumerate(measurement.rows.tolist())
        if rule.class_name is None or profile.images[row].class_name == rule.class_name
    ]
    reasons = [measurement.reasons[position] for position in mine]
    kept = [position for position, reason in zip(mine, reasons, strict=True) if reason is None]
    # A number that is not finite must never look like a measurement, whoever wrote the profile.
    kept_finite = [position for position in kept if np.isfinite(measurement.values[position])]
    reasons += ["the value is not finite"] * (len(kept) - len(kept_finite))
    rows = [int(measurement.rows[position]) for position in kept_finite]
    return rows, measurement.values[kept_finite].astype(np.float64), reasons


def breaks(rule: Rule, value: float) -> bool:
    """Whether a value breaks the rule's fixed bound."""
    # Written so that NaN breaks the rule.
    return (rule.at_least is not None and not value >= rule.at_least) or (
        rule.at_most is not None and not value <= rule.at_most
    )


def _allowed(rule: Rule, images: int) -> int:
    """How many of a rule's images may lack a value."""
    share = rule.max_unmeasured * images
    return int(rule.max_unmeasured if rule.max_unmeasured >= 1 else share + 1e-9)  # 0.29 of 100 is 29


def _unmeasured_finding(profile: Profile, measurement: Measurement, rule: Rule, values: Values) -> Finding:
    reasons: dict[str, list[str]] = {}
    for row, reason in zip(measurement.rows.tolist(), measurement.reasons, strict=True):
        image = profile.images[row]
        if reason is not None and rule.class_name in (None, image.class_name):
            reasons.setdefault(reason, []).append(image.image)
    named = [image for images in reasons.values() for image in images]
    why = "; ".join(f"{reason} ({len(images)}: {', '.join(images[:3])})" for reason, images in reasons.items())
    return _finding(
        rule,
        status="unmeasured",
        images=int(values.size),
        unmeasured=len(named),
        worst=tuple(named[:WORST_LISTED]),
        message=(
            f"{rule.key}: {len(named)} of {len(named) + values.size} images could not be measured, "
            f"{_allowed(rule, len(named) + values.size)} are allowed (thresholds.yaml:{rule.line}). "
            f"{why or 'No image has this class.'}"
        ),
    )


def _finding(rule: Rule, *, status: Status, message: str = "", **values: Any) -> Finding:
    empty: dict[str, Any] = {"value": None, "interval": None, "images": 0, "unmeasured": 0, "worst": ()}
    return Finding(
        check=rule.check,
        method=rule.method,
        class_name=rule.class_name,
        statistic=rule.statistic,
        bound=rule.bound,
        status=status,
        message=message,
        line=rule.line,
        **{**empty, **values},
    )


def _message(finding: Finding, rule: Rule) -> str:
    """`alignment.iou 0.31 is below at_least 0.40 (thresholds.yaml:21) for grad_cam, class Bengal, 60 images, ...`."""
    name, bound = ("at_least", rule.at_least) if rule.at_least is not None else ("at_most", rule.at_most)
    if bound is None:
        who = f" for {finding.method}" if finding.method else ""
        group = f", class {finding.class_name}" if finding.class_name else ""
        return f"{finding.check} {number(finding.value)}{who}{group}, {finding.images} images."
    broken = finding.value is not None and breaks(rule, finding.value)
    relation = ("below" if name == "at_least" else "above") if broken else "within"
    who = "".join(
        (
            f" for {finding.method}" if finding.method else "",
            f", class {finding.class_name}" if finding.class_name else "",
        )
    )
    low, high = finding.interval or (0.0, 0.0)
    statistic = "" if finding.statistic == "mean" else f"{finding.statistic} "
    text = (
        f"{statistic}{finding.check} {number(finding.value)} is {relation} {name} {number(bound)} "
        f"(thresholds.yaml:{rule.line}){who}, {finding.images} images, 95 % interval {number(low)} to {number(high)}."
    )
    return f"{text} Worst: {', '.join(finding.worst[:3])}." if broken else text


def number(value: float | None) -> str:
    """A value as people read it."""
    if value is None:
        return "none"
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.2g}"


def _change(profile: Profile, reference: Profile | None, rule: Rule) -> tuple[Change, float] | str:
    """The change and the reference's own value, or why there is none."""
    if reference is None:
        return "there is no reference to compare with"
    mine, theirs = (one.measurement(rule.check, rule.method) for one in (profile, reference))
    if mine is None or theirs is None:
        return f"{rule.key} was not measured on {'the reference' if theirs is None else 'the candidate'}"
    rows, values, _ = select(profile, mine, rule)
    other_rows, other_values, _ = select(reference, theirs, rule)
    known = {reference.images[row].image: value for row, value in zip(other_rows, other_values.tolist(), strict=True)}
    pairs = [
        (value, known[profile.images[row].image])
        for row, value in zip(rows, values.tolist(), strict=True)
        if profile.images[row].image in known
    ]
    if len(pairs) < 2:
        return "fewer than two images were measured on both versions"
    candidate, earlier = (np.array(column) for column in zip(*pairs, strict=True))
    margin = rule.max_drop if rule.max_drop is not None else rule.max_rise
    change = compare(
        candidate,
        earlier,
        margin=float(margin or 0.0),
        better=rule.better,
        statistic=rule.statistic,
        confidence=rule.confidence,
    )
    return change, summarize(earlier, rule.statistic)


def _with_change(finding: Finding, rule: Rule, change: Change, earlier: float, p_worse: float) -> Finding:
    margin = float((rule.max_drop if rule.max_drop is not None else rule.max_rise) or 0.0)
    name = "max_drop" if rule.max_drop is not None else "max_rise"
    alpha = 1 - rule.confidence
    sign = -1.0 if rule.better == "higher" else 1.0
    low, high = sorted(sign * bound for bound in change.interval)
    told = (
        f"{number(abs(change.loss))} {'worse' if change.loss > 0 else 'better'} than the reference's {number(earlier)} "
        f"(change {number(low)} to {number(high)}, {name} {number(margin)}, thresholds.yaml:{rule.line}, "
        f"{change.images} images)."
    )
    status: Status = finding.status
    if p_worse <= alpha:
        text = f"{told[0].upper()}{told[1:]}"
        status = _worse_of(status, "failed" if rule.severity == "fail" else "warned")
    elif status == "failed":
        # The fixed bound has decided; whether the change alone would have is of no use to the reader.
        text = f"{told[0].upper()}{told[1:]}"
    elif change.p_fine <= alpha or change.interval[1] <= margin:
        text = f"Not worse than allowed: {told}"
    else:
        more = images_to_decide(change, margin, rule.confidence)
        hint = (
            f"about {more} more images would decide"
            if more is not None and more <= 100_000
            else ("no practical number of images would decide")
        )
        text = f"Inconclusive: {told[:-1]}; {hint}."
        status = _worse_of(status, "failed" if rule.inconclusive == "fail" else "warned")
    return replace(
        finding,
        status=status,
        reference_value=earlier,
        change=sign * change.loss,
        change_interval=(low, high),
        message=f"{finding.message} {text}".strip(),
    )


def _not_compared(finding: Finding, rule: Rule, reason: str, *, bootstrap: bool) -> Finding:
    """A rule that could not be compared: told where the run starts without a reference, else unmeasured."""
    text = f"{finding.message} Not compared: {reason} (thresholds.yaml:{rule.line}).".strip()
    if bootstrap:
        return replace(finding, status=_worse_of(finding.status, "warned"), message=text)
    return replace(finding, status=_worse_of(finding.status, "unmeasured"), message=text)


def _worse_of(first: Status, second: Status) -> Status:
    order: tuple[Status, ...] = ("passed", "warned", "unmeasured", "failed")
    return max(first, second, key=order.index)
