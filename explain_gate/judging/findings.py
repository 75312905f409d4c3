"""One rule against one profile: value, interval, bound -> a finding. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from explain_gate.judging import sentences
from explain_gate.metrics import PAIR
from explain_gate.records import STEPS_NEEDED, Cause, Finding, Measurement, Profile, Rule, Status
from explain_gate.statistics import Values, interval, summarize

WORST_LISTED = 8
MOST_LEFT_OUT = 0.05
"""Share of a rule's images that may be left out because their maps ran out of passes."""
MOST = 1e100
"""Of a value; the square of a larger one, or the sum of its squares, may have no number."""
_SEVERITY: tuple[Status, ...] = ("passed", "inconclusive", "warned", "unmeasured", "failed")
"""What a rule may be before waivers, the worst last."""


def judge_bound(profile: Profile, rule: Rule) -> Finding:
    """The finding of one rule by its fixed bound; a rule without one passes as far as this goes."""
    measurement = profile.measurement(rule.check, rule.method)
    if measurement is None:
        return unmeasured_of(rule, sentences.of_no_measurement(rule))
    rows, values, reasons = select(profile, measurement, rule)
    exempt = not_applicable(profile, measurement, rule)
    if (few := too_few_applicable(rule, exempt, int(values.size) + sum(map(len, reasons.values())))) is not None:
        return few
    left_out, reasons = out_of_budget(profile, rule, reasons)
    images = int(values.size) + len(left_out) + sum(map(len, reasons.values()))
    unmeasured = sum(map(len, reasons.values()))
    spent = over_budget(
        rule, images, left_out, measured=int(values.size), unmeasured=unmeasured, not_applicable=_count(exempt)
    )
    if spent is not None:
        return spent
    allowed = allowed_of(rule, unmeasured + values.size)
    if values.size == 0 or unmeasured > allowed:
        named = [image for images in reasons.values() for image in images]
        return unmeasured_of(
            rule,
            sentences.of_unmeasured(rule, unmeasured + values.size, reasons, allowed=allowed),
            images=int(values.size),
            unmeasured=unmeasured,
            not_applicable=_count(exempt),
            worst=tuple(named[:WORST_LISTED]),
        )
    value = summarize(values, rule.statistic)
    broken = breaks(rule, value)
    order = np.argsort(values if rule.better == "higher" else -values, kind="stable")
    status: Status = "passed" if not broken else "failed" if rule.severity == "fail" else "warned"
    finding = finding_of(
        rule,
        value=value,
        interval=interval(values, rule.statistic),
        status=status,
        cause="bound" if broken else None,
        images=int(values.size),
        unmeasured=unmeasured + len(left_out),
        not_applicable=_count(exempt),
        worst=tuple(profile.images[rows[position]].image for position in order[:WORST_LISTED].tolist()),
    )
    finding = replace(finding, message=told_exempt(sentences.of_value(finding, broken=broken), finding, exempt))
    if not left_out:
        return finding
    told = replace(finding, message=f"{finding.message} {sentences.of_left_out(left_out)}")
    return at_least_status(told, "warned", "budget")


def out_of_budget(
    profile: Profile, rule: Rule, reasons: dict[str, list[str]]
) -> tuple[dict[str, int], dict[str, list[str]]]:
    """Unmeasured images whose maps ran out of passes, with about how many they need, and the reasons of the others.

    Neither the model nor the data is to blame for these, so they do not count as unmeasured images do.
    """
    needed: dict[str, int] = {}
    for method in (rule.method or "").split(PAIR):
        steps_needed = profile.measurement(STEPS_NEEDED, method)
        if steps_needed is not None:
            for row, steps in zip(steps_needed.rows.tolist(), steps_needed.values.tolist(), strict=True):
                image = profile.images[row].image
                needed[image] = max(needed.get(image, 0), int(steps))
    left_out = {image: needed[image] for images in reasons.values() for image in images if image in needed}
    others = {reason: [image for image in images if image not in needed] for reason, images in reasons.items()}
    return left_out, {reason: images for reason, images in others.items() if images}


def select(profile: Profile, measurement: Measurement, rule: Rule) -> tuple[list[int], Values, dict[str, list[str]]]:
    """Rows and values of the measured images of the rule's class, and the names of its other images by reason.

    Images that the rule does not apply to, whatever the model, are none of them.
    A value belongs to the class that it is about, which is the image's own unless the measurement says otherwise.
    They come in the order of the images' names, the reasons by how many images they have: no verdict depends on the
    order in which images are annotated.
    """
    about = classes_about(profile, measurement)
    mine = [position for position, name in enumerate(about) if rule.class_name is None or name == rule.class_name]
    mine.sort(key=lambda position: (profile.images[int(measurement.rows[position])].image, about[position]))
    kept: list[int] = []
    missing: dict[str, list[str]] = {}
    exempt = measurement.not_applicable
    for position in mine:
        if exempt is not None and exempt[position]:
            continue
        reason = measurement.reasons[position]
        if reason is None:
            reason = no_number(float(measurement.values[position]))
        if reason is None:
            kept.append(position)
        else:
            missing.setdefault(reason, []).append(profile.images[int(measurement.rows[position])].image)
    rows = [int(measurement.rows[position]) for position in kept]
    return rows, measurement.values[kept].astype(np.float64), dict(sorted(missing.items(), key=_most_images))


def not_applicable(profile: Profile, measurement: Measurement, rule: Rule) -> dict[str, list[str]]:
    """The names of the images of the rule's class that it does not apply to, whatever the model, by reason."""
    images_by_reason: dict[str, list[str]] = {}
    if measurement.not_applicable is not None:
        for position in np.flatnonzero(measurement.not_applicable).tolist():
            image = profile.images[int(measurement.rows[position])]
            if rule.class_name in (None, image.class_name):
                images_by_reason.setdefault(measurement.reasons[position] or "", []).append(image.image)
    ordered = {reason: sorted(images) for reason, images in images_by_reason.items()}
    return dict(sorted(ordered.items(), key=_most_images))


def too_few_applicable(rule: Rule, exempt: Mapping[str, Sequence[str]], others: int) -> Finding | None:
    """An unmeasured finding where image and annotation rule out so many images that the others say little."""
    count = _count(exempt)
    if not count or (count <= rule.max_not_applicable * (count + others) and others >= rule.min_images):
        return None
    named = [image for images in exempt.values() for image in images]
    message = sentences.of_too_few_applicable(rule, exempt, others)
    return unmeasured_of(rule, message, images=others, not_applicable=count, worst=tuple(named[:WORST_LISTED]))


def over_budget(
    rule: Rule, images: int, left_out: Mapping[str, int], *, measured: int, unmeasured: int, not_applicable: int = 0
) -> Finding | None:
    """An unmeasured finding where more of the images are left out for want of passes than may be."""
    if len(left_out) <= MOST_LEFT_OUT * images:
        return None
    return finding_of(
        rule,
        status="unmeasured",
        cause="budget",
        message=sentences.of_too_many_left_out(rule, images, left_out, allowed=int(MOST_LEFT_OUT * images)),
        images=measured,
        unmeasured=unmeasured + len(left_out),
        not_applicable=not_applicable,
        worst=tuple(left_out)[:WORST_LISTED],
    )


def told_exempt(message: str, finding: Finding, exempt: Mapping[str, Sequence[str]]) -> str:
    """The message with how many images the rule does not apply to."""
    if not exempt:
        return message
    judged = finding.images + finding.unmeasured
    return f"{message} {sentences.of_not_applicable(exempt, judged)}"


def _count(images: Mapping[str, Sequence[str]]) -> int:
    return sum(map(len, images.values()))


def classes_about(profile: Profile, measurement: Measurement) -> list[str]:
    """The name of the class that each value is about."""
    if measurement.about is None:
        return [profile.images[row].class_name for row in measurement.rows.tolist()]
    names = {image.label: image.class_name for image in profile.images}
    return [names.get(index, str(index)) for index in measurement.about.tolist()]


def breaks(rule: Rule, value: float) -> bool:
    """Whether a value breaks the rule's fixed bound."""
    # Written so that NaN breaks the rule.
    return (rule.at_least is not None and not value >= rule.at_least) or (
        rule.at_most is not None and not value <= rule.at_most
    )


def allowed_of(rule: Rule, images: int) -> int:
    """How many of a rule's images may lack a value."""
    share = rule.max_unmeasured * images
    return int(rule.max_unmeasured if rule.max_unmeasured >= 1 else share + 1e-9)  # 0.29 of 100 is 29


def no_number(value: float) -> str | None:
    """Why a value must not look like a measurement, whoever wrote the profile; None where it is one."""
    if not np.isfinite(value):
        return "the value is not finite"
    return f"the value is beyond {MOST:g}" if abs(value) > MOST else None


def _most_images(entry: tuple[str, list[str]]) -> tuple[int, str]:
    """Sort key of reasons: those of the most images first, then by their words."""
    return -len(entry[1]), entry[0]


def unmeasured_of(rule: Rule, message: str, **values: Any) -> Finding:
    """The finding of a rule whose images say nothing."""
    return finding_of(rule, status="unmeasured", cause="unmeasured", message=message, **values)


def finding_of(rule: Rule, *, status: Status, message: str = "", **values: Any) -> Finding:
    """The finding of a rule; what is not said is what an unmeasured one has."""
    empty: dict[str, Any] = {"value": None, "interval": None, "images": 0, "unmeasured": 0, "worst": ()}
    return Finding(
        check=rule.check,
        method=rule.method,
        class_name=rule.class_name,
        statistic=rule.statistic,
        # The share of images that may say yes is no bound of the value, so it stands with the evidence.
        bound={name: bound for name, bound in rule.bound.items() if name != "at_most" or rule.decide == "value"},
        status=status,
        message=message,
        file=rule.file,
        line=rule.line,
        **{**empty, **values},
    )


def at_least_status(finding: Finding, status: Status, cause: Cause) -> Finding:
    """The finding with this status and cause, unless it is as bad already."""
    if _SEVERITY.index(finding.status) >= _SEVERITY.index(status):
        return finding
    return replace(finding, status=status, cause=cause)
