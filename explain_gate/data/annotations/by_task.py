"""What is drawn, as a task needs it: pictures without the object become a class, annotated values two sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, pstdev

from explain_gate.config import GateFile
from explain_gate.data.annotations.annotated import Annotated, first
from explain_gate.data.regions import Drawn
from explain_gate.errors import DataError

NOTHING = "none"
"""What the class of pictures without any label is called where data.background_class does not say."""
SIDES = ("low", "high")
"""What the sides of the set's mean are called where data.classes does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForTask:
    """`drawn` with a class each; `classes` as thresholds.yaml would name them, `nothing` the class of empty pictures.

    `mean` and `deviation` are those of the annotated values, one a picture.
    """

    drawn: tuple[Drawn, ...]
    classes: Sequence[str] | Mapping[str, int] | None
    order: tuple[str, ...]
    nothing: str | None = None
    mean: float = 0.0
    deviation: float = 1.0


def for_task(annotated: Annotated, sections: GateFile, source: Path) -> ForTask:
    """The annotations of a task.

    Raises:
        DataError: they cannot be those of the task.
    """
    wanted, name = sections.data.classes, sections.model.task.name
    if name == "regression":
        return _sides(annotated, wanted, source)
    plain = ForTask(drawn=annotated.drawn, classes=wanted, order=annotated.classes)
    background = sections.data.background_class
    empty = _empty(annotated)
    if name == "binary":
        return _binary(plain, empty, background, source)
    if name == "multilabel":
        return _multilabel(plain, empty, background)
    if background is None or not empty:
        return plain
    if background not in _names(plain):
        raise DataError(
            f"{source}: data.background_class is {background}, which is no class ({', '.join(_names(plain))}): a "
            "softmax has no other answer for a picture without an object. Name it in data.classes at its logit's place"
        )
    return replace(plain, drawn=(*plain.drawn, *_as_class(empty, background)))


def _binary(plain: ForTask, empty: Sequence[str], background: str | None, source: Path) -> ForTask:
    """Two classes, the positive one second; with one annotated category, empty pictures are the other."""
    names = _names(plain)
    used = list(dict.fromkeys(item.class_name for item in plain.drawn))
    if plain.classes is None and len(names) == 1:
        names = [background or f"no {names[0]}", names[0]]
    if len(names) != 2:
        raise DataError(
            f"{source}: model.task: binary has two classes, the positive one second, got {', '.join(names)}; write "
            "data.classes: [negative, positive], or model.task: classification"
        )
    if background is not None and background != names[0]:
        raise DataError(
            f"{source}: data.background_class must be the first of data.classes, {names[0]}, got {background}"
        )
    classes = plain.classes if isinstance(plain.classes, Mapping) else names
    if isinstance(classes, Mapping) and sorted(classes.values()) != [0, 1]:
        raise DataError(
            f"{source}: model.task: binary has the classes 0 (negative) and 1 (positive), got {dict(classes)}"
        )
    negative = min(classes, key=classes.__getitem__) if isinstance(classes, Mapping) else names[0]
    lends = empty and (negative not in used or background is not None)
    drawn = (*plain.drawn, *_as_class(empty, negative)) if lends else plain.drawn
    return replace(plain, drawn=drawn, classes=classes, nothing=negative if lends and negative not in used else None)


def _multilabel(plain: ForTask, empty: Sequence[str], background: str | None) -> ForTask:
    """Pictures without any label have a class of their own behind the labels."""
    if not empty:
        return plain
    names = _names(plain)
    nothing = background or NOTHING
    classes = dict(plain.classes) if isinstance(plain.classes, Mapping) else {one: i for i, one in enumerate(names)}
    classes[nothing] = max(classes.values()) + 1
    return replace(plain, drawn=(*plain.drawn, *_as_class(empty, nothing)), classes=classes, nothing=nothing)


def _sides(annotated: Annotated, wanted: Sequence[str] | Mapping[str, int] | None, source: Path) -> ForTask:
    """Every picture on the side of the mean on which its annotated value lies."""
    names = (
        SIDES
        if wanted is None
        else tuple(sorted(wanted, key=wanted.__getitem__))
        if isinstance(wanted, Mapping)
        else tuple(wanted)
    )
    if len(names) != 2:
        raise DataError(
            f"{source}: of model.task: regression data.classes names the low and the high side, got {len(names)}"
        )
    items = (*annotated.drawn, *annotated.valued)
    values: dict[str, set[float]] = {}
    for item in items:
        values.setdefault(item.file_name, set()).update(() if item.value is None else (item.value,))
    if lacking := [name for name, own in values.items() if not own]:
        raise DataError(
            f"{source}: model.task: regression needs a value for every picture, and {len(lacking)} of {len(values)} "
            f"have none ({first(lacking)}); write it in a column `value` of a CSV, or as `value` of an image of COCO"
        )
    if several := [name for name, own in values.items() if len(own) > 1]:
        raise DataError(f"{source}: {len(several)} pictures have two values at once ({first(several)})")
    numbers = {name: next(iter(own)) for name, own in values.items()}
    mean, deviation = fmean(numbers.values()), pstdev(numbers.values())
    if not deviation > 0:
        raise DataError(f"{source}: all {len(numbers)} pictures have one value, {mean:g}: nothing can be explained")
    drawn = tuple(replace(item, class_name=names[int(numbers[item.file_name] >= mean)]) for item in items)
    return ForTask(drawn=drawn, classes=list(names), order=names, mean=mean, deviation=deviation)


def _names(plain: ForTask) -> list[str]:
    return list(plain.order if plain.classes is None else plain.classes)


def _empty(annotated: Annotated) -> list[str]:
    """Files that are listed with nothing on them."""
    shown = {item.file_name for item in annotated.drawn}
    return [name for name in dict.fromkeys(annotated.without) if name not in shown]


def _as_class(names: Sequence[str], class_name: str) -> list[Drawn]:
    return [Drawn(file_name=name, class_name=class_name, shapes=(), empty=True) for name in names]
