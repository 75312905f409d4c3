"""The gate itself: judge a profile by the planned rules, conclude a verdict. Pure: records in, records out.

judge(profile, rules, reference)    -> one finding per rule
conclude(planned, findings)         -> the verdict; a planned rule without a finding is an error, never a pass
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from explain_gate.records import Control, Finding, Measurement, Profile, Rule, Status, Verdict, VerdictName, Waiver
from explain_gate.statistics import Values, interval, summarize

WORST_LISTED = 8


def judge(
    profile: Profile,
    rules: Sequence[Rule],
    reference: Profile | None = None,  # noqa: ARG001 - rules against a reference follow
    *,
    waivers: Sequence[Waiver] = (),
    today: str = "",
) -> tuple[Finding, ...]:
    """One finding per rule, in the order of the rules.

    Args:
        profile: what was measured.
        rules: what was planned.
        reference: the profile that `max_drop` and `max_rise` compare with.
        waivers: rules that may break; only those that have not expired by `today` (ISO date) count.
        today: ISO date; judge has no clock.
    """
    vacuous = {(c.check, c.method, c.class_name): c for c in judge_controls(profile, rules) if not c.ok}
    findings = []
    for rule in rules:
        finding = _judge_rule(profile, rule)
        control = vacuous.get((rule.check, rule.method, rule.class_name))
        if control is not None and finding.status == "passed":
            finding = replace(finding, status="warned", message=f"{finding.message} {control.message}")
        findings.append(_waive(finding, waivers, today))
    return tuple(findings)


def judge_controls(profile: Profile, rules: Sequence[Rule]) -> tuple[Control, ...]:
    """The gate's test of itself: a random map must fail alignment, the region itself pass, a random model fail."""
    controls = []
    for rule in rules:
        if rule.at_least is None and rule.at_most is None:
            continue
        for name, source, expected in (
            ("random map", "control.random", "failed"),
            ("region itself", "control.region", "passed"),
            ("randomized model", f"control.randomized.{rule.method}", "failed"),
        ):
            measurement = profile.measurement(rule.check, source)
            if measurement is None:
                continue
            _, values, _ = _select(profile, measurement, rule)
            if values.size == 0:
                continue
            value = summarize(values, rule.statistic)
            seen = "failed" if _breaks(rule, value) else "passed"
            controls.append(
                Control(
                    check=rule.check,
                    method=rule.method,
                    class_name=rule.class_name,
                    control=name,
                    expected="failed" if expected == "failed" else "passed",
                    value=value,
                    ok=seen == expected,
                    message=_control_message(name, value, ok=seen == expected),
                )
            )
    return tuple(controls)


def conclude(
    planned: Sequence[Rule],
    findings: Sequence[Finding],
    *,
    controls: Sequence[Control] = (),
    waivers: Sequence[Waiver] = (),
    today: str = "",
    failed_tests: Sequence[str] = (),
    messages: Sequence[str] = (),
    profile: Profile | None = None,
    **facts: Any,
) -> Verdict:
    """The verdict of a run. A planned rule without exactly one finding makes it an error (exit code 3).

    Args:
        planned: the rules of thresholds.yaml, not what pytest collected.
        findings: what was judged.
        controls: the gate's test of itself.
        waivers: expired and unused ones are reported.
        today: ISO date.
        failed_tests: node ids of the team's own gate tests that failed.
        messages: anything that made the run incomplete; each one turns the verdict into an error.
        profile: where model, dataset, environment, seconds and passes are taken from.
        facts: overrides of the Verdict's descriptive fields.
    """
    problems = list(messages)
    answered = [finding.key for finding in findings]
    missing = [rule.key for rule in planned if rule.key not in answered]
    if missing:
        problems.append(
            f"{len(missing)} of {len(planned)} planned rules have no result: {', '.join(missing[:WORST_LISTED])}"
        )
    unplanned = sorted(set(answered) - {rule.key for rule in planned})
    if unplanned:
        problems.append(f"results for rules that were not planned: {', '.join(unplanned[:WORST_LISTED])}")
    broken = [f for f in findings if f.status in ("failed", "unmeasured")]
    verdict: VerdictName
    if problems or not planned:
        verdict, exit_code = "error", 3
    elif broken or failed_tests:
        verdict, exit_code = "failed", 1
    else:
        verdict, exit_code = "passed", 0
    manifest: Mapping[str, Any] = profile.manifest if profile is not None else {}
    described = {name: manifest[name] for name in ("model", "dataset", "environment") if name in manifest}
    described |= {name: manifest[name] for name in ("config_digest", "seconds", "passes") if name in manifest}
    return Verdict(
        verdict=verdict,
        exit_code=exit_code,
        planned=tuple(rule.key for rule in planned),
        judged=tuple(answered),
        findings=tuple(findings),
        controls=tuple(controls),
        failed_tests=tuple(failed_tests),
        messages=tuple(problems) + _waiver_messages(findings, waivers, today),
        **{**described, **facts},
    )


def _judge_rule(profile: Profile, rule: Rule) -> Finding:
    measurement = profile.measurement(rule.check, rule.method)
    if measurement is None:
        return _finding(rule, status="unmeasured", message=f"{rule.key} was not measured.", unmeasured=0)
    rows, values, reasons = _select(profile, measurement, rule)
    unmeasured = [reason for reason in reasons if reason is not None]
    if values.size == 0 or len(unmeasured) > rule.max_unmeasured:
        return _unmeasured_finding(profile, measurement, rule, values)
    value = summarize(values, rule.statistic)
    low, high = interval(values, rule.statistic)
    broken = _breaks(rule, value)
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


def _select(profile: Profile, measurement: Measurement, rule: Rule) -> tuple[list[int], Values, list[str | None]]:
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


def _breaks(rule: Rule, value: float) -> bool:
    # Written so that NaN breaks the rule.
    return (rule.at_least is not None and not value >= rule.at_least) or (
        rule.at_most is not None and not value <= rule.at_most
    )


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
            f"{rule.max_unmeasured} are allowed (thresholds.yaml:{rule.line}). {why or 'No image has this class.'}"
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
    broken = finding.value is not None and _breaks(rule, finding.value)
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
        f"{statistic}{finding.check} {_number(finding.value)} is {relation} {name} {_number(bound)} "
        f"(thresholds.yaml:{rule.line}){who}, {finding.images} images, 95 % interval {_number(low)} to {_number(high)}."
    )
    return f"{text} Worst: {', '.join(finding.worst[:3])}." if broken else text


def _number(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.2g}"


def _control_message(name: str, value: float, *, ok: bool) -> str:
    if ok:
        return f"The {name} gives {_number(value)}, as it must."
    if name == "region itself":
        return f"Even the {name} gives only {_number(value)}: the bound cannot be met."
    return f"The bound is vacuous: a {name} passes it too, with {_number(value)}."


def _waive(finding: Finding, waivers: Sequence[Waiver], today: str) -> Finding:
    if finding.status not in ("failed", "unmeasured"):
        return finding
    for waiver in waivers:
        if _covers(waiver, finding):
            told = f"{waiver.reason}, {waiver.owner}" + (f", {waiver.ticket}" if waiver.ticket else "")
            if waiver.expires >= today:
                return replace(
                    finding, status="waived", message=f"{finding.message} Waived until {waiver.expires}: {told}."
                )
            return replace(finding, message=f"{finding.message} Its waiver expired on {waiver.expires}: {told}.")
    return finding


def _covers(waiver: Waiver, finding: Finding) -> bool:
    return (
        waiver.check == finding.check
        and waiver.method in (None, finding.method)
        and waiver.class_name in (None, finding.class_name)
    )


def _waiver_messages(findings: Sequence[Finding], waivers: Sequence[Waiver], today: str) -> tuple[str, ...]:
    texts = []
    for waiver in waivers:
        covered = [finding for finding in findings if _covers(waiver, finding)]
        where = f"waiver of {waiver.check} (thresholds.yaml:{waiver.line}, {waiver.owner})"
        if today and waiver.expires < today:
            texts.append(f"The {where} expired on {waiver.expires}; remove or renew it.")
        elif not any(finding.status == "waived" for finding in covered):
            texts.append(f"The {where} is not used: its rule does not break. Remove it.")
    return tuple(texts)
