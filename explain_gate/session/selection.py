"""Which rules a run asks for: all, those that catch most per pass, or the part that somebody looks at alone."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from explain_gate.attribution import METHODS
from explain_gate.errors import OptionError
from explain_gate.records import Rule, SelectionName

QUICK = (
    "performance.accuracy",
    "reliance.object_only",
    "reliance.signature_follow",
    "reliance.background_follow",
    "reliance.background_gap",
    "reliance.background_margin",
    "reliance.operation_follow",
)
"""What catches most per pass: behaviour, in falling order. Maps that cost one gradient come on top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The rules of a run. `name` says how much of the gate they are; `left_out` holds the keys of all others."""

    name: SelectionName = "full"
    rules: tuple[Rule, ...]
    left_out: tuple[str, ...] = ()


def select_only(
    rules: Sequence[Rule], wanted: str, *, image: str | None = None, images: Mapping[str, str] | None = None
) -> Selection:
    """The rules that `wanted` names, over all their images or over one alone.

    Args:
        rules: every rule of thresholds.yaml.
        wanted: keys such as `alignment.iou[grad_cam-Bengal]`, checks, or families, separated by commas; `*` stands
            for anything.
        image: the only image that answers, by its identifier or its file's name. A rule breaks where the image lies
            beyond its bound by itself or, where images are counted, where it says yes.
        images: every image's identifier with the name of its class; needed with `image`.

    Raises:
        OptionError: a name stands for no rule or no image, the nearest ones are told; or the image has no part in them.
    """
    names = _names(wanted)
    for name in names:
        if not any(_stands_for(name, rule) for rule in rules):
            raise OptionError(f"--only {name} stands for no rule of this file; nearest: {_nearest(name, rules)}")
    chosen = [rule for rule in rules if any(_stands_for(name, rule) for name in names)]
    if image is not None:
        identifier = _image(image, images or {})
        answered = [rule for rule in chosen if _may_answer(rule, (images or {})[identifier])]
        if not answered:
            raise OptionError(
                f"--image {image}: it is of {(images or {})[identifier]}, whose images have no part in {wanted}"
            )
        chosen = [_of_image(rule, identifier) for rule in answered]
    keys = {rule.key for rule in chosen}
    return Selection(
        name="only", rules=tuple(chosen), left_out=tuple(rule.key for rule in rules if rule.key not in keys)
    )


def select_quick(rules: Sequence[Rule]) -> Selection:
    """The rules that catch most per pass, for every push; a merge asks for all of them.

    They are `QUICK`, and the alignment of maps that cost one gradient (the CAM family). What compares with a reference,
    and a team's own metrics, are left to the whole gate.

    Raises:
        OptionError: the file has none of them.
    """
    chosen = [rule for rule in rules if rule.metric in QUICK or _is_cheap_map(rule)]
    if not chosen:
        raise OptionError(
            f"--quick has nothing to ask: this file has no alignment of a CAM and none of {', '.join(QUICK)}"
        )
    keys = {rule.key for rule in chosen}
    return Selection(
        name="quick", rules=tuple(chosen), left_out=tuple(rule.key for rule in rules if rule.key not in keys)
    )


def _is_cheap_map(rule: Rule) -> bool:
    method = METHODS.get(rule.method or "")
    return rule.check.startswith("alignment.") and method is not None and method.family == "cam"


def _names(wanted: str) -> list[str]:
    """`a,b[c,d]` -> a, b[c,d]: a comma inside brackets belongs to a class's name."""
    names, depth, start = [], 0, 0
    for place, letter in enumerate(wanted):
        depth += (letter == "[") - (letter == "]")
        if letter == "," and depth == 0:
            names.append(wanted[start:place])
            start = place + 1
    names.append(wanted[start:])
    stripped = [name.strip() for name in names if name.strip()]
    if not stripped:
        raise OptionError("--only must name a rule, such as alignment.iou or reliance.background_gap[all]")
    return stripped


def _stands_for(name: str, rule: Rule) -> bool:
    plain = (rule.key, rule.check, rule.metric, rule.check.partition(".")[0])
    return name in plain or any(fnmatch.fnmatchcase(one, name) for one in plain[:2])


def _nearest(name: str, rules: Sequence[Rule]) -> str:
    known = list(dict.fromkeys(text for rule in rules for text in (rule.check, rule.key)))
    return ", ".join(difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known[:5])


def _image(wanted: str, images: Mapping[str, str]) -> str:
    """The identifier of the image that is meant: itself, or the only one whose file is called so."""
    if wanted in images:
        return wanted
    meant = [one for one in images if wanted in (one.partition("#")[0], PurePosixPath(one.partition("#")[0]).name)]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise OptionError(f"--image {wanted} stands for several: {', '.join(meant[:5])}")
    near = ", ".join(difflib.get_close_matches(wanted, list(images), n=3, cutoff=0.4)) or ", ".join(list(images)[:3])
    raise OptionError(f"--image {wanted} is no image of the regression set; nearest: {near}")


def _may_answer(rule: Rule, class_name: str) -> bool:
    """Whether an image of a class has a part in a row: in its own class's, or in those that are told by others."""
    return rule.class_name is None or (rule.class_name == class_name) == rule.own


def _of_image(rule: Rule, image: str) -> Rule:
    alone = replace(rule, image=image, min_images=1, max_not_applicable=1.0, sample=None)
    if rule.decide == "value":
        return alone
    # Of one image a single yes is one too many, and it takes no more images to find it.
    return replace(alone, at_most=0.0, must_catch=0.9, small_classes="alone")
