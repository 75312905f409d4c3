"""What a run asks for less than the run of its reference did. Pure: what was recorded is given.

A merge request can turn a gate green without touching the model: by a bound, a waiver, a class less. Nobody is kept
from that; it is told, and `--no-weaker` lets nothing through that is told here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from explain_gate.digits import plural
from explain_gate.records import ImageRow

_NAMED = 3

_LOWER = ("at_least", "part", "min_images")
"""Numbers that ask for less the lower they are; none asks for nothing."""
_HIGHER = (
    "at_most",
    "max_drop",
    "max_rise",
    "confidence",
    "must_catch",
    "max_unmeasured",
    "max_not_applicable",
    "max_excluded",
)
"""Numbers that ask for less the higher they are; none asks for nothing."""
_BOUNDS = ("at_least", "at_most")
"""A share of images and a bound of a value, as `decide` says; they are no two sizes of one thing."""
_MILDER = {"inconclusive": "warn", "severity": "warn", "small_classes": "pool"}
"""The milder of two words."""
_OTHER = ("decide", "statistic", "parameters", "better")
"""Another value asks for something else: whether for less, nobody can say without looking."""
_WORDS = {"part": "false_alarms", "class_name": "class"}


def weaker(
    now: Mapping[str, Any], before: Mapping[str, Any], images: Sequence[ImageRow], recorded: Sequence[ImageRow]
) -> tuple[str, ...]:
    """A sentence for everything that is asked for less; empty where nothing is.

    Args:
        now: what the run asks for, as `plan.demands_of` tells it.
        before: the same as the reference's manifest holds it.
        images: of the run's regression set.
        recorded: of the reference's.
    """
    return (
        *_rules(now["rules"], before.get("rules", ())),
        *_waivers(now["waivers"], before.get("waivers", ())),
        *_promotion(now, before),
        *_images(images, recorded),
    )


def _rules(now: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]) -> list[str]:
    kept = {rule["key"]: rule for rule in now}
    gone: dict[str, list[str]] = {}
    changed: dict[str, list[str]] = {}
    for rule in before:
        if rule["key"] not in kept:
            gone.setdefault(str(rule["check"]), []).append(str(rule["key"]))
            continue
        for told in _loosened(kept[rule["key"]], rule):
            changed.setdefault(f"{rule['check']}: {told}", []).append(str(rule["key"]))
    rows = [f"{_of(keys)} {'is' if len(keys) == 1 else 'are'} no longer asked for" for keys in gone.values()]
    return rows + [f"{told} ({_of(keys)})" for told, keys in changed.items()]


def _loosened(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """`at_most 0.2 instead of 0.1`, one for each demand of a row."""
    less = [name for name in _LOWER if _lower(now.get(name), before.get(name))]
    less += [name for name in _HIGHER if _lower(_negated(now.get(name)), _negated(before.get(name)))]
    if now.get("decide") != before.get("decide", now.get("decide")):
        less = [name for name in less if name not in _BOUNDS]
    if now.get("sample") is not None and (before.get("sample") is None or now["sample"] < before["sample"]):
        less.append("sample")
    less += [name for name, milder in _MILDER.items() if now.get(name) == milder != before.get(name, milder)]
    less += [name for name in _OTHER if name in before and now.get(name) != before[name]]
    if now.get("accept_looser") and not before.get("accept_looser"):
        less.append("accept_looser")
    return [f"{_WORDS.get(name, name)} {_shown(now.get(name))} instead of {_shown(before.get(name))}" for name in less]


def _lower(now: float | None, before: float | None) -> bool:
    return before is not None and (now is None or now < before)


def _negated(value: float | None) -> float | None:
    return None if value is None else -value


def _shown(value: Any) -> str:
    if value in (None, {}, ()):
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _waivers(now: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]) -> list[str]:
    def scope(waiver: Mapping[str, Any]) -> tuple[Any, ...]:
        return (waiver["check"], waiver.get("method"), waiver.get("class_name"))

    known = {scope(waiver): waiver for waiver in before}
    told = []
    for waiver in now:
        earlier = known.get(scope(waiver))
        where = ", ".join(str(part) for part in scope(waiver) if part is not None)
        if earlier is None:
            told.append(f"{where} is newly waived, until {waiver['expires']}")
        elif str(waiver["expires"]) > str(earlier["expires"]):
            told.append(f"{where} is waived until {waiver['expires']} instead of {earlier['expires']}")
        elif waiver.get("unmeasured") and not earlier.get("unmeasured"):
            told.append(f"{where} is newly waived where it is unmeasured")
    return told


def _promotion(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    told = []
    if now.get("promote_inconclusive") and not before.get("promote_inconclusive", False):
        told.append("inconclusive rows no longer hold the alias back")
    kept = now.get("promote_people", ())
    told += [
        f"the alias moves without tracking.promote.{name}"
        for name in before.get("promote_people", ())
        if name not in kept
    ]
    return told


def _images(images: Sequence[ImageRow], recorded: Sequence[ImageRow]) -> list[str]:
    """Images are the same by their content, so that one that was only renamed is not lost."""
    there = {(image.digest, image.class_name) for image in images}
    lost = [image.image for image in recorded if (image.digest, image.class_name) not in there]
    classes = sorted({image.class_name for image in recorded} - {image.class_name for image in images})
    told = [f"the class {name} has no image any more" for name in classes]
    if lost:
        told.append(
            f"{plural(len(lost), 'image')} of the reference's set {'is' if len(lost) == 1 else 'are'} not in "
            f"this one: {_of(lost)}"
        )
    return told


def _of(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
