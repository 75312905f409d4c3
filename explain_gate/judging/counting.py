"""Rules that count images: how many say yes to the metric's question, against the worst honest share. Pure.

A rule has a row for each class, or pool of small classes, and one for all of them. Its rows share what the rule may
spend on false alarms, and each must have images enough to find what the rule must catch: that follows from their number
alone, never from what a version scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from explain_gate.judging import sentences
from explain_gate.judging.evidence import (
    broken_rows,
    fails_from,
    finds,
    images_needed,
    limits,
    more_images,
    tail,
    upper_limit,
)
from explain_gate.judging.findings import (
    WORST_LISTED,
    allowed_of,
    classes_about,
    finding_of,
    judge_bound,
    no_number,
    not_applicable,
    out_of_budget,
    over_budget,
    select,
    told_exempt,
    too_few_applicable,
    unmeasured_of,
)
from explain_gate.judging.followed import told_followed
from explain_gate.records import Evidence, Finding, Measurement, Profile, Rule, Status
from explain_gate.seeds import lowest

ANSWERS = "@evidence"
"""Behind a check: the measurement of its answers, 0 or 1."""


def judge_counted(profile: Profile, rules: Sequence[Rule]) -> dict[int, Finding]:
    """The finding of every rule that counts images, by its position."""
    findings: dict[int, Finding] = {}
    checks = dict.fromkeys(rule.check for rule in rules if rule.decide == "evidence")
    for check in checks:
        rows = {place: rule for place, rule in enumerate(rules) if rule.check == check and rule.decide == "evidence"}
        counts = {place: _count(profile, rule, list(rows.values())) for place, rule in rows.items()}
        tests = {count.test: count for count in counts.values() if isinstance(count, _Count)}
        tried = list(tests.values())
        p_values = [tail(one.yes, one.images, one.rule.shares[0]) for one in tried]
        # Rows that nothing was measured for take their share too: what a row may spend does not depend on the version.
        missing = len(rows) - len(tried)
        broken = broken_rows([*p_values, *[1.0] * missing], tried[0].rule.part) if tried else []
        decided = dict(zip(tests, broken, strict=False))
        for place, count in counts.items():
            findings[place] = (
                _conclude(profile, count, broken=decided[count.test]) if isinstance(count, _Count) else count
            )
    return findings


def too_few(rule: Rule, images: int, rows: int) -> int | None:
    """The number of images that a row needs where `images` are too few to find what it must catch; None where not.

    Args:
        rule: one that counts images.
        images: that answer.
        rows: of the rule.

    Returns:
        The smallest number from which every larger one does, 0 where none would.
    """
    needed = _needed(rule, rows)
    return None if needed is not None and images >= needed else needed or 0


def answers_of_control(profile: Profile, rule: Rule, source: str) -> tuple[int, int] | None:
    """How many images of a control say yes, and of how many; None where it has no answers."""
    answers = profile.measurement(f"{rule.check}{ANSWERS}", source)
    if answers is None or not answers.rows.size:
        return None
    return int((answers.values > 0.5).sum()), int(answers.rows.size)


def control_breaks(rule: Rule, yes: int, images: int) -> bool:
    """Whether a control would be found to be dishonest by the rule's bound."""
    return tail(yes, images, rule.shares[0]) <= rule.part


@dataclass(frozen=True, slots=True, kw_only=True)
class _Count:
    """What the images of one row answered. `test` is the same for rows that are one, as those of pooled classes are."""

    rule: Rule
    test: tuple[str | None, tuple[str, ...]]
    rows: int
    yes: int
    images: int
    claimed: int
    unmeasured: int
    exempt: Mapping[str, Sequence[str]]
    pooled: tuple[str, ...]
    worst: tuple[str, ...]


def _count(profile: Profile, rule: Rule, rows: Sequence[Rule]) -> _Count | Finding:
    """What the images of one row answered, or why that says nothing."""
    measurement = profile.measurement(rule.check, rule.method)
    answers = profile.measurement(f"{rule.check}{ANSWERS}", rule.method)
    if measurement is None or answers is None:
        return unmeasured_of(rule, sentences.of_no_measurement(rule))
    classes = () if rule.class_name is None else (rule.class_name,)
    count = _answers(profile, measurement, answers, rule, classes, len(rows))
    if isinstance(count, Finding) or rule.class_name is None or rule.small_classes == "alone":
        return _with_power(count)
    if too_few(rule, count.claimed, len(rows)) is None:
        return count
    small = []
    for other in rows:
        if other.class_name is not None and other.method == rule.method:
            one = _answers(profile, measurement, answers, other, (other.class_name,), len(rows))
            if isinstance(one, _Count) and too_few(other, one.claimed, len(rows)) is not None:
                small.append(other.class_name)
    return _with_power(_answers(profile, measurement, answers, rule, tuple(sorted(small)), len(rows)))


def _answers(
    profile: Profile,
    measurement: Measurement,
    answers: Measurement,
    rule: Rule,
    classes: tuple[str, ...],
    rows: int,
) -> _Count | Finding:
    """The answers about some classes, or all without any."""
    own = answers.about is None
    asked = _asked(profile, classes, own=own)
    every = replace(rule, class_name=None)
    kept, _, reasons = select(profile, measurement, every)
    exempt = _only(not_applicable(profile, measurement, every), asked)
    reasons = _only(reasons, asked)
    measured = {profile.images[row].image for row in kept} & asked
    left_out, reasons = out_of_budget(profile, rule, reasons)
    unmeasured = sum(map(len, reasons.values()))
    few = too_few_applicable(rule, exempt, len(measured) + unmeasured + len(left_out))
    if few is not None:
        return few
    given = _given(profile, answers, classes, asked & measured)
    silent = measured - {image for image, _ in given} if own else set()
    if silent:
        reasons.setdefault("it gave no answer", []).extend(sorted(silent))
        unmeasured += len(silent)
    applicable = len(measured) + sum(map(len, reasons.values())) - len(silent)
    allowed = allowed_of(rule, applicable)
    spent = over_budget(rule, applicable + len(left_out), left_out, measured=len(measured), unmeasured=unmeasured)
    if spent is not None:
        return spent
    if unmeasured > allowed or not given:
        named = [image for images in reasons.values() for image in images]
        return unmeasured_of(
            rule,
            sentences.of_unmeasured(rule, applicable, reasons, allowed=allowed),
            images=len(measured) - len(silent),
            unmeasured=unmeasured,
            not_applicable=sum(map(len, exempt.values())),
            worst=tuple(named[:WORST_LISTED]),
        )
    answering = len(measured) - len(silent)
    return _Count(
        rule=rule,
        test=(rule.method, classes),
        rows=rows,
        yes=sum(yes for _, yes in given),
        images=len(given),
        # What could be lacking is taken off before it is: a version that lacks less has no more power for it.
        claimed=len(given) * (applicable - allowed) // answering,
        unmeasured=unmeasured + len(left_out),
        exempt=exempt,
        pooled=classes if len(classes) > 1 or (classes and classes != (rule.class_name,)) else (),
        worst=tuple(sorted(image for image, yes in given if yes)[:WORST_LISTED]),
    )


def _asked(profile: Profile, classes: Sequence[str], *, own: bool) -> set[str]:
    """The images that answer about some classes: their own, or those that were given something of them."""
    if not classes:
        return {image.image for image in profile.images}
    if own:
        return {image.image for image in profile.images if image.class_name in classes}
    return {image.image for image in profile.images if set(classes) - {image.class_name}}


def _given(profile: Profile, answers: Measurement, classes: Sequence[str], images: set[str]) -> list[tuple[str, bool]]:
    """The answers of some images about some classes; about all of them, one of each image, drawn by what it holds."""
    answers_of: dict[str, dict[str, bool]] = {}
    digests = {}
    for row, about, value in zip(
        answers.rows.tolist(), classes_about(profile, answers), answers.values.tolist(), strict=True
    ):
        image = profile.images[row]
        if image.image in images and (not classes or about in classes) and no_number(value) is None:
            answers_of.setdefault(image.image, {})[about] = value > 0.5
            digests[image.image] = image.digest
    if classes:
        return [(image, yes) for image, each in sorted(answers_of.items()) for _, yes in sorted(each.items())]
    drawn = []
    for image, each in sorted(answers_of.items()):
        # Answers of one image hang together, so that only one of them counts where images are counted over all classes.
        (chosen,) = lowest(each, 1, digest=str, name=str, seed=0, own=digests[image], purpose="one answer an image")
        drawn.append((image, each[chosen]))
    return drawn


def _only(images: Mapping[str, Sequence[str]], asked: set[str]) -> dict[str, list[str]]:
    kept = {reason: [image for image in named if image in asked] for reason, named in images.items()}
    return {reason: named for reason, named in kept.items() if named}


def _needed(rule: Rule, rows: int) -> int | None:
    honest, must_catch = rule.shares
    return images_needed(honest, rule.part / rows, must_catch)


def _with_power(count: _Count | Finding) -> _Count | Finding:
    """No green without power: a row that could not find what its rule must catch says nothing."""
    if isinstance(count, Finding):
        return count
    needed = too_few(count.rule, count.claimed, count.rows)
    if needed is None:
        return count
    return unmeasured_of(
        count.rule,
        sentences.of_too_few(count.rule, count.claimed, needed or None, count.pooled),
        images=count.images,
        unmeasured=count.unmeasured,
        not_applicable=sum(map(len, count.exempt.values())),
    )


def _conclude(profile: Profile, count: _Count, *, broken: bool) -> Finding:
    rule = count.rule
    (bound, must_catch), part = rule.shares, rule.part / count.rows
    undecided = not broken and count.yes > bound * count.images
    evidence = Evidence(
        question=rule.question,
        yes=count.yes,
        images=count.images,
        bound=bound,
        must_catch=must_catch,
        part=part,
        fails_from=fails_from(count.images, bound, part),
        finds=finds(count.images, bound, part),
        needed=_needed(rule, count.rows),
        limits=limits(count.yes, count.images),
        upper=upper_limit(count.yes, count.images),
        more=more_images(count.yes, count.images, bound, part) if undecided else None,
        pooled=count.pooled,
    )
    blocked: Status = "failed" if rule.severity == "fail" else "warned"
    status: Status = "passed"
    if broken or (undecided and rule.inconclusive == "fail"):
        status = blocked
    elif undecided:
        status = "inconclusive"
    mean = judge_bound(profile, replace(rule, at_most=None, at_least=None))
    finding = finding_of(
        rule,
        value=mean.value,
        interval=mean.interval,
        status=status,
        cause="bound" if broken else "undecided" if undecided else None,
        images=count.images,
        unmeasured=count.unmeasured,
        not_applicable=sum(map(len, count.exempt.values())),
        worst=count.worst,
        evidence=evidence,
    )
    told = " ".join(filter(None, (sentences.of_evidence(finding, evidence), told_followed(profile, rule))))
    return replace(finding, message=told_exempt(told, finding, count.exempt))
