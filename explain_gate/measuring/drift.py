"""What changed between two versions on the same images: added to the candidate's profile after both are measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from explain_gate.metrics import drift
from explain_gate.profile.profile import load_maps, load_regions
from explain_gate.records import ImageRow, Measurement, Profile, Rule

_CHUNK = 16
_CLUSTERED = 200
"""Maps of one class and version that are clustered together."""
_NO_MAP = "the reference has no usable map of its class"


def with_drift(candidate: Profile, reference: Profile, rules: Sequence[Rule]) -> Profile:
    """The candidate's profile with the scores of every drift rule beside what it had."""
    wanted = {(rule.check, rule.method): rule for rule in rules if rule.metric.startswith("drift.")}
    correlations: dict[str, list[float | str]] = {}
    measurements = []
    for (check, method), rule in wanted.items():
        if method is None:
            values = _per_image(candidate, reference, drift.changed_prediction)
        elif rule.metric == "drift.new_strategy":
            values = _strategies(candidate, reference, method)
        else:
            if method not in correlations:
                correlations[method] = _correlations(candidate, reference, method)
            values = _of_maps(rule, candidate, reference, correlations[method])
        measurements.append(_measurement(check, method, values))
    return replace(candidate, measurements=(*candidate.measurements, *measurements))


def _of_maps(
    rule: Rule, candidate: Profile, reference: Profile, correlations: Sequence[float | str]
) -> list[float | str]:
    if rule.metric == "drift.map_correlation":
        return list(correlations)
    same = _per_image(candidate, reference, drift.changed_prediction)
    return [
        value
        if isinstance(value, str)
        else changed
        if isinstance(changed, str)
        else (drift.changed_reason(value, changed, **rule.parameters))
        for value, changed in zip(correlations, same, strict=True)
    ]


def _correlations(candidate: Profile, reference: Profile, method: str) -> list[float | str]:
    """Per image, Spearman between both versions' maps, or why there is none."""
    mine, theirs = load_maps(candidate, method), load_maps(reference, method)
    rows = {image.image: row for row, image in enumerate(reference.images)}
    correlations: list[float | str] = []
    for start in range(0, len(candidate.images), _CHUNK):
        images = candidate.images[start : start + _CHUNK]
        first = mine[start : start + len(images)].astype(np.float32)
        second = np.stack(
            [
                theirs[rows[image.image]].astype(np.float32) if image.image in rows else np.full_like(first[0], np.nan)
                for image in images
            ]
        )
        values = drift.map_correlation(
            torch.from_numpy(np.nan_to_num(first)), torch.from_numpy(np.nan_to_num(second))
        ).tolist()
        for position, value in enumerate(values):
            if not np.isfinite(first[position]).all():
                correlations.append("the candidate has no usable map")
            elif not np.isfinite(second[position]).all():
                correlations.append("the reference has no usable map")
            else:
                correlations.append(value)
    return correlations


def _strategies(candidate: Profile, reference: Profile, method: str) -> list[float | str]:
    """Per image, whether its map lies in a cluster that the reference does not have, or why nobody knows."""
    scores: list[float | str] = ["it has no region, so that its map cannot be laid on one"] * len(candidate.images)
    sides = [(load_maps(version, method), load_regions(version), version.images) for version in (candidate, reference)]
    labels = sorted({image.class_name for image in candidate.images})
    for class_name in labels:
        mine, theirs = (_blocks(*side, class_name) for side in sides)
        for number, rows in enumerate(mine):
            if not theirs:
                scores = [_NO_MAP if row in rows else one for row, one in enumerate(scores)]
                continue
            blocks = (rows, theirs[number % len(theirs)])
            (maps, regions), others = (_laid(*side[:2], block) for side, block in zip(sides, blocks, strict=True))
            values = drift.new_strategy(maps, others[0], regions, others[1]).tolist()
            for row, value in zip(rows, values, strict=True):
                scores[row] = value
    return scores


def _blocks(
    maps: NDArray[np.float16], regions: NDArray[np.bool_], images: Sequence[ImageRow], class_name: str
) -> list[list[int]]:
    """Rows of one class with a usable map and a region, so many at a time as are clustered together."""
    rows = [row for row, image in enumerate(images) if image.class_name == class_name and regions[row].any()]
    usable = [row for row in rows if np.isfinite(maps[row]).all() and maps[row].max() > 0]
    usable.sort(key=lambda row: (images[row].digest, images[row].image))  # whatever the order of the set
    return [usable[start : start + _CLUSTERED] for start in range(0, len(usable), _CLUSTERED)]


def _laid(
    maps: NDArray[np.float16], regions: NDArray[np.bool_], rows: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The maps' positive part, and the regions."""
    kept = np.maximum(maps[rows].astype(np.float32), 0)
    return torch.from_numpy(kept), torch.from_numpy(regions[rows])


def _per_image(candidate: Profile, reference: Profile, metric: Callable[..., float]) -> list[float | str]:
    before = {image.image: image for image in reference.images}
    values: list[float | str] = []
    for image in candidate.images:
        earlier = before.get(image.image)
        if not image.answered or earlier is None or not earlier.answered:
            values.append(f"the {'reference' if image.answered else 'candidate'} has no prediction")
        else:
            values.append(metric(differs=image.differs(earlier, candidate.tolerance)))
    return values


def _measurement(check: str, method: str | None, values: Sequence[float | str]) -> Measurement:
    return Measurement(
        check=check,
        method=method,
        rows=np.arange(len(values), dtype=np.int64),
        values=np.array([np.nan if isinstance(value, str) else value for value in values], dtype=np.float64),
        reasons=tuple(value if isinstance(value, str) else None for value in values),
    )
