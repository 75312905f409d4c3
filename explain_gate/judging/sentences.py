"""What a finding says in words; every surface shows these sentences and makes none of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from explain_gate.digits import exact, number, numbers, one_in
from explain_gate.records import Evidence, Excluded, Finding, Rule, Waiver

_NAMED = 3
"""Images that a sentence names; the finding holds more."""
_PRACTICAL = 100_000
"""More images than this nobody annotates."""


def of_value(finding: Finding, *, broken: bool) -> str:
    """`alignment.iou 0.31 is below at_least 0.40 (thresholds.yaml:21) for grad_cam, class Bengal, 60 images, ...`."""
    statistic = "" if finding.statistic == "mean" else f"{finding.statistic} "
    name = next((name for name in ("at_least", "at_most") if name in finding.bound), None)
    if name is None or finding.value is None:
        return f"{statistic}{finding.check} {number(finding.value)}{_who(finding)}, {_images(finding.images)}."
    bound = finding.bound[name]
    relation = ("below" if name == "at_least" else "above") if broken else "within"
    low, high = numbers(finding.interval or (finding.value, finding.value))
    text = (
        f"{statistic}{finding.check} {number(finding.value, against=bound)} is {relation} {name} {exact(bound)} "
        f"({finding.place}){_who(finding)}, {_images(finding.images)}, 95 % interval {low} to {high}."
    )
    return of_worst(text, finding.worst) if broken else text


def of_worst(sentence: str, images: Sequence[str]) -> str:
    """The sentence with the names of the worst images behind it."""
    return f"{sentence} Worst: {', '.join(images[:_NAMED])}." if images else sentence


def of_permutation(p: float, allowed: float) -> str:
    """What a permutation test says of a rule that must be beyond chance."""
    told = f"permutation p = {p:.3f}"
    if p <= allowed:
        return f"That is beyond chance: {told}."
    return f"Chance explains it: {told}, at most {exact(allowed)} passes."


def of_no_permutation(rule: Rule) -> str:
    """A rule that must be beyond chance has no test."""
    return f"{rule.key} passes only beyond chance, and fewer than two maps of a class are there to permute."


def of_no_measurement(rule: Rule) -> str:
    """The whole rule was never measured."""
    return f"{rule.key} ({rule.place}) was not measured."


def of_unmeasured(rule: Rule, images: int, reasons: Mapping[str, Sequence[str]], *, allowed: int) -> str:
    """Why too many of a rule's `images` have no value; `reasons` names the images by reason."""
    missing = sum(map(len, reasons.values()))
    told = "; ".join(
        f"{reason} ({len(named)}: {', '.join(named[:_NAMED])}{', ...' if len(named) > _NAMED else ''})"
        for reason, named in reasons.items()
    )
    return (
        f"{rule.key}: {missing} of {_images(images)} could not be measured, {allowed} "
        f"{'is' if allowed == 1 else 'are'} allowed ({rule.place}). {told or 'No image has this class.'}"
    )


def of_not_applicable(exempt: Mapping[str, Sequence[str]], judged: int) -> str:
    """`3 of 60 images do not count, as the annotated region fills the whole frame (cat_017, ...): judged on 57.`."""
    count = sum(map(len, exempt.values()))
    return (
        f"{count} of {_images(count + judged)} {'does' if count == 1 else 'do'} not count, whatever the model, as "
        f"{_by_reason(exempt)}: judged on {judged}."
    )


def of_too_few_applicable(rule: Rule, exempt: Mapping[str, Sequence[str]], others: int) -> str:
    """Image and annotation alone rule out so many images that the others say little."""
    count = sum(map(len, exempt.values()))
    return (
        f"{rule.key}: {count} of {_images(count + others)} cannot be judged, whatever the model ({rule.place}): "
        f"{_by_reason(exempt)}. At least {rule.min_images} must be left, and at most {rule.max_not_applicable:.0%} may "
        "be such (max_not_applicable)."
    )


def _by_reason(images: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(
        f"{reason} ({', '.join(named[:_NAMED])}{', ...' if len(named) > _NAMED else ''})"
        for reason, named in images.items()
    )


def of_evidence(finding: Finding, evidence: Evidence) -> str:
    """`17 of 40 images of other classes turn to Bengal ...; honest versions: 1 in 20 at most; ... finds 1 in 4.`."""
    share = "no share of them" if evidence.finds is None else one_in(evidence.finds)
    honest = "none" if evidence.bound == 0 else f"{one_in(evidence.bound)} at most"
    pooled = (
        f" (of {', '.join(evidence.pooled)} together: a cue of one of them can hide here)" if evidence.pooled else ""
    )
    text = (
        f"{evidence.yes} of {_images(evidence.images)} {evidence.question}{pooled}; honest versions: {honest}; this "
        f"row would find {share} ({finding.check}{_who(finding)}, {finding.place})."
    )
    if finding.status != "passed" and finding.cause == "undecided":
        hint = (
            f"about {evidence.more} more images would decide" if evidence.more else "no practical number would decide"
        )
        text = f"{text} Inconclusive: more than honest versions, but not beyond chance; {hint}."
    return of_worst(text, finding.worst) if finding.status != "passed" else text


def of_too_few(rule: Rule, images: int, needed: int | None, pooled: Sequence[str] = ()) -> str:
    """`5 images; 14 would do`: a row that could not find what its rule must catch."""
    honest, must_catch = rule.shares
    others = "" if rule.own or rule.class_name is None else " of other classes"
    enough = "no practical number would do" if needed is None else f"{needed} would do"
    together = f" of {', '.join(pooled)} together" if pooled else ""
    return (
        f"{rule.key}: {_images(images)}{others}{together}; {enough}, to find {one_in(must_catch)} where "
        f"honest versions show {one_in(honest)} at most ({rule.place})."
    )


def of_a_part(planned: int, left_out: int) -> str:
    """Why rules that hold are no pass: they were looked at alone."""
    hold = "it holds" if planned == 1 else "all of them hold"
    return f"no verdict: {planned} of {planned + left_out} rules were looked at alone, and {hold}; run the whole gate"


def of_left_out(needed: Mapping[str, int]) -> str:
    """Images whose maps ran out of passes, by name, with about how many passes they need."""
    return f"Left out, as their maps need more than max_steps gradients: {_with_needs(needed)}."


def of_too_many_left_out(rule: Rule, images: int, needed: Mapping[str, int], *, allowed: int) -> str:
    """So many maps ran out of passes that the rest says little."""
    return (
        f"{rule.key}: the maps of {len(needed)} of {_images(images)} need more than max_steps gradients, {allowed} "
        f"{'is' if allowed == 1 else 'are'} allowed ({rule.place}): {_with_needs(needed)}."
    )


def of_excluded(excluded: Sequence[Excluded]) -> list[str]:
    """What people took out of all rules, by what is wrong with it: a sentence each, none where nothing is."""
    told = []
    for reason in sorted({one.reason for one in excluded}):
        mine = [one for one in excluded if one.reason == reason]
        named = "; ".join(f"{one.image}, by {', '.join(one.reviewers)}" for one in mine[:_NAMED])
        told.append(
            f"{_images(len(mine))} {'is' if len(mine) == 1 else 'are'} out of the rules by review, {reason} ({named}"
            f"{'; ...' if len(mine) > _NAMED else ''}), until the annotation changes."
        )
    return told


def of_images_out(rule: Rule, out: Sequence[Excluded], images: int) -> str:
    """`2 of 60 images are out by review: label wrong (cat_017), region wrong (cat_020).`."""
    reasons: dict[str, list[str]] = {}
    for one in out:
        reasons.setdefault(one.reason, []).append(one.image)
    text = f"{len(out)} of {_images(images)} {'is' if len(out) == 1 else 'are'} out by review: {_by_reason(reasons)}"
    if len(out) <= allowed_out(rule, images):
        return f"{text}."
    return f"{text}; at most {rule.max_excluded:.0%} may be (judging.max_excluded): each may hide a fault."


def allowed_out(rule: Rule, images: int) -> int:
    """How many of a rule's images reviews may take out."""
    return int(rule.max_excluded * images + 1e-9)


def of_change(
    rule: Rule, *, loss: float, before: float, interval: tuple[float, float], margin: float, images: int
) -> str:
    """`0.08 worse than the reference's 0.61 (change -0.12 to -0.04, max_drop 0.03, thresholds.yaml:21, 60 images)`."""
    name = "max_drop" if rule.max_drop is not None else "max_rise"
    low, high = numbers(interval)
    how = f"{number(abs(loss), against=margin)} {'worse' if loss > 0 else 'better'} than" if loss else "Equal to"
    return (
        f"{how} the reference's {number(before)} "
        f"(change {low} to {high}, {name} {exact(margin)}, {rule.place}, {_images(images)})."
    )


def of_no_loss(change: str) -> str:
    """The change is surely not beyond its margin."""
    return f"Not worse than allowed: {_inside(change)}"


def of_undecided(change: str, more: int | None) -> str:
    """The images do not tell whether the change is beyond its margin; `more` of them would."""
    hint = (
        f"about {more} more images would decide"
        if more is not None and more <= _PRACTICAL
        else "no practical number of images would decide"
    )
    return f"Inconclusive: {_inside(change).removesuffix('.')}; {hint}."


def of_no_comparison(rule: Rule, reason: str) -> str:
    """Nothing was compared with the reference."""
    return f"Not compared: {reason} ({rule.place})."


def of_control(name: str, value: float, bound: float, *, ok: bool) -> str:
    """What the gate's test of itself says about a bound."""
    told = number(value, against=bound)
    if ok:
        return f"The {name} gives {told}, as it must."
    if name == "region itself":
        return f"Even the {name} gives only {told}: the bound cannot be met."
    return f"The bound is vacuous: a {name} passes it too, with {told}."


def of_counted_control(name: str, yes: int, images: int, *, ok: bool) -> str:
    """What the gate's test of itself says about a share of images."""
    told = f"{yes} of {_images(images)}"
    if ok:
        return f"With the {name} {told} say yes, as they must."
    if name == "region itself":
        return f"Even with the {name} {told} say yes: the bound cannot be met."
    return f"The bound is vacuous: with a {name} only {told} say yes, which passes it too."


def of_waiver(waiver: Waiver, *, valid: bool) -> str:
    """Why a broken rule is let through, or is not any more."""
    told = f"{waiver.reason}, {waiver.owner}" + (f", {waiver.ticket}" if waiver.ticket else "")
    return f"Waived until {waiver.expires}: {told}." if valid else f"Its waiver expired on {waiver.expires}: {told}."


def of_waiver_of_values(waiver: Waiver) -> str:
    """Why a waiver does not let a row through that has no measurement."""
    return f"Its waiver ({waiver.place}) is for a measured row; one without a measurement takes `unmeasured: true`."


def of_looser(rule: Rule) -> str:
    """Why a bound may be looser than the package's own."""
    reason = (rule.accept_looser or "").removesuffix(".")
    return f"{rule.check}: its bound is looser than the package's own ({rule.place}), accepted: {reason}."


def of_end(expires: str, days: int) -> str:
    """When something ends that is about to: `ends on 2027-01-31, in 9 days; ...`."""
    when = "today" if days == 0 else f"in {days} day" + ("s" if days != 1 else "")
    return f"ends on {expires}, {when}; mend the rule or renew it."


def _who(finding: Finding) -> str:
    method = f" for {finding.method}" if finding.method else ""
    return f"{method}, class {finding.class_name}" if finding.class_name else method


def _with_needs(needed: Mapping[str, int]) -> str:
    named = ", ".join(list(needed)[:_NAMED])
    return f"{named}{', ...' if len(needed) > _NAMED else ''}; about {max(needed.values())} would do"


def _images(count: int) -> str:
    return f"{count} image" if count == 1 else f"{count} images"


def _inside(sentence: str) -> str:
    """A sentence as it reads behind a colon."""
    return sentence[0].lower() + sentence[1:]
