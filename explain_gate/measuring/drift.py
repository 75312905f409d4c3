"""What changed between two versions on the same images: added to the candidate's profile after both are measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from explain_gate.metrics import drift
from explain_gate.profile.profile import load_maps
from explain_gate.records import Measurement, Profile, Rule

_CHUNK = 16


def with_drift(candidate: Profile, reference: Profile, rules: Sequence[Rule]) -> Profile:
    """The candidate's profile with the scores of every drift rule beside what it had."""
    wanted = {(rule.check, rule.method): rule for rule in rules if rule.metric.startswith("drift.")}
    correlations: dict[str, list[float | str]] = {}
    measurements = []
    for (check, method), rule in wanted.items():
        if method is None:
            values = _per_image(candidate, reference, drift.changed_prediction)
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
