"""What tells the classes' pictures apart beside their objects: a warning about the data set, whatever the model.

Statistics of picture and file that ignore content, and what surrounds the object, are given to a small classifier.
Where it tells classes apart, a model can, too, without looking at the object; rules of behaviour say whether it does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from explain_gate.data.file_facts import file_facts
from explain_gate.data.preprocessing import visible
from explain_gate.data.regression_set import RegressionSet
from explain_gate.measuring.asking.backgrounds import without_object
from explain_gate.metrics.illuminant import illuminant_of
from explain_gate.metrics.look import looks_of
from explain_gate.metrics.telling import (
    FOLDS,
    Labels,
    Values,
    balanced_accuracy,
    beyond_guessing,
    one_from_rest,
    told_classes,
)
from explain_gate.records import Confound, Sample

SURROUNDINGS = "what surrounds the object"
_MOST = 120
"""Pictures that are looked at, spread over the classes."""
_CHANCE = 0.01
"""Probability that any property is told by chance, over all properties and classes."""
_TELLING = 0.6
"""How far from chance to certainty an accuracy has to reach to be told."""
_CELLS = 6
"""Cells along each side that the surroundings are seen in."""
_NAMES = 12
"""Values of a named fact, such as a camera's model, that are told apart."""
_NAMED = 3
"""Properties that a sentence names."""


class Kept(Protocol):
    """What an earlier run made of the pictures of these rows."""

    def confounds(self, rows: Sequence[int]) -> bytes | None:
        """As it was kept, or None."""

    def keep_confounds(self, rows: Sequence[int], content: bytes) -> None:
        """Keep it."""


def find_confounds(data: RegressionSet, *, seed: int, memory: Kept | None = None) -> tuple[Confound, ...]:
    """What tells classes apart beside their objects, the clearest first; nothing where classes have too few pictures.

    Raises:
        DataError: a picture cannot be used.
    """
    rows = _rows(data, seed)
    if len({data.entries[row].label for row in rows}) < 2:
        return ()
    kept = None if memory is None else memory.confounds(rows)
    if kept is not None:
        return tuple(Confound(**one) for one in json.loads(kept))
    told = _told(_properties(data, rows), data, rows)
    if memory is not None:
        memory.keep_confounds(rows, json.dumps([asdict(one) for one in told]).encode())
    return told


def told_confounds(confounds: Sequence[Confound]) -> list[str]:
    """One for what tells all classes apart, and one for each class that is told from the others by more than that."""
    subjects: dict[str | None, list[Confound]] = {}
    for one in confounds:
        subjects.setdefault(one.class_name, []).append(one)
    texts = []
    for class_name, mine in subjects.items():
        whom = "the classes can be told apart" if class_name is None else f"{class_name} can be told from other classes"
        named = [f"{one.property} ({100 * one.accuracy:.0f} %)" for one in mine[:_NAMED]]
        rest = f" and {len(mine) - _NAMED} more" if len(mine) > _NAMED else ""
        texts.append(
            f"data set: {whom} without looking at the object, by {', '.join(named)}{rest}; chance is "
            f"{100 * mine[0].chance:.0f} %, over {mine[0].images} pictures. A model may do so "
            "too: rules of reliance tell"
        )
    return texts


def _rows(data: RegressionSet, seed: int) -> list[int]:
    """Pictures of the classes that have enough for every fold to see them, in an order that says nothing."""
    drawn = data.stratified(_MOST, seed=seed, purpose="confounds")
    counts: dict[int, int] = {}
    for row in drawn:
        counts[data.entries[row].label] = counts.get(data.entries[row].label, 0) + 1
    able = [row for row in drawn if counts[data.entries[row].label] >= FOLDS]
    return data.lowest(able, seed=seed, purpose="confounds in order")


def _properties(data: RegressionSet, rows: Sequence[int]) -> dict[str, tuple[list[int], Values]]:
    """Columns (M, F) of each property, and the positions in `rows` of the pictures that have it."""
    facts: dict[str, dict[int, Mapping[str, float | str]]] = {}
    looks: dict[str, dict[int, NDArray[np.float64]]] = {}
    for position, row in enumerate(rows):
        for name, told in file_facts(data.entries[row].path).items():
            facts.setdefault(name, {})[position] = told
        for name, values in _seen(data.sample(row), data).items():
            looks.setdefault(name, {})[position] = np.nan_to_num(np.array(values), nan=0.0, posinf=0.0, neginf=0.0)
    properties = {name: (list(told), _columns(list(told.values()))) for name, told in facts.items()}
    properties |= {name: (list(seen), np.stack(list(seen.values()))) for name, seen in looks.items()}
    # What all pictures have alike tells nothing.
    return {name: one for name, one in properties.items() if one[1].size and float(np.ptp(one[1], axis=0).max()) > 0}


def _seen(sample: Sample, data: RegressionSet) -> dict[str, list[float]]:
    filled = without_object(sample)
    # Statistics of the whole frame must not see the object; where it leaves no surroundings, they do.
    picture = visible(sample.pixels if filled is None else filled, data.preprocessing)
    region = torch.zeros(picture.shape[1:], dtype=torch.bool) if sample.region is None else sample.region
    light = illuminant_of(picture, torch.ones_like(region) if bool(region.all()) else ~region)
    looks = looks_of(picture, region) | {"the colour of the light": light}
    looks = {name: values for name, values in looks.items() if values}
    if filled is not None:
        looks[SURROUNDINGS] = F.adaptive_avg_pool2d(picture, _CELLS).flatten().tolist()
    return looks


def _columns(facts: Sequence[Mapping[str, float | str]]) -> Values:
    """Numbers as they are, and a column of yes and no for each of a name's commonest values."""
    columns: list[list[float]] = []
    for name in sorted({name for one in facts for name in one}):
        values = [one.get(name, "") for one in facts]
        if all(isinstance(value, float) for value in values):
            columns.append([float(value) for value in values])
            continue
        words = [str(value) for value in values]
        common = sorted(set(words), key=lambda word: (-words.count(word), word))[:_NAMES]
        columns += [[float(word == one) for word in words] for one in common if len(common) > 1]
    return np.array(columns, dtype=np.float64).T if columns else np.zeros((len(facts), 0))


def _told(
    properties: Mapping[str, tuple[list[int], Values]], data: RegressionSet, rows: Sequence[int]
) -> tuple[Confound, ...]:
    every = np.array([data.entries[row].label for row in rows], dtype=np.int64)
    names = {label: name for name, label in data.classes.items()}
    allowed = _CHANCE / max(1, len(properties) * (1 + len(np.unique(every))))
    confounds: list[Confound] = []
    for name, (positions, columns) in properties.items():
        classes, counts = np.unique(every[positions], return_counts=True)
        keep = np.isin(every[positions], classes[counts >= FOLDS])
        labels = every[positions][keep]
        if len(np.unique(labels)) < 2:
            continue
        told = told_classes(columns[keep], labels)
        chance = 1 / len(np.unique(labels))
        accuracy = balanced_accuracy(told, labels)
        single = _single(name, told, labels, allowed, names) if chance < 1 / 2 else []
        every_class = _confound(name, None, accuracy, chance, labels)
        if _telling(accuracy, chance) and beyond_guessing(told, labels) <= allowed:
            # One marked class lifts the accuracy over all of them; it is told by its name.
            single = [one for one in single if _strength(one) > _strength(every_class)]
            confounds += single or [every_class]
        else:
            confounds += single
    ordered = sorted(confounds, key=lambda one: (one.class_name or "", -_strength(one), one.property))
    return tuple(ordered)


def _single(name: str, told: Labels, labels: Labels, allowed: float, names: Mapping[int, str]) -> list[Confound]:
    """The classes that a property tells from all others."""
    confounds = []
    for label in np.unique(labels).tolist():
        accuracy, p_value = one_from_rest(told, labels, label)
        if _telling(accuracy, 0.5) and p_value <= allowed:
            confounds.append(_confound(name, names.get(label, str(label)), accuracy, 0.5, labels))
    return confounds


def _telling(accuracy: float, chance: float) -> bool:
    return accuracy >= chance + _TELLING * (1 - chance)


def _strength(confound: Confound) -> float:
    """How far from chance to certainty."""
    return (confound.accuracy - confound.chance) / (1 - confound.chance)


def _confound(name: str, class_name: str | None, accuracy: float, chance: float, labels: Labels) -> Confound:
    return Confound(
        property=name,
        class_name=class_name,
        accuracy=round(accuracy, 4),
        chance=round(chance, 4),
        images=len(labels),
    )
