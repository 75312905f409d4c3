"""Two profiles side by side, image by image and map by map: what is the same, and how far apart is the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explain_gate.profile.files import maps_file
from explain_gate.profile.profile import holds, load_maps
from explain_gate.records import Profile

_CHUNK = 16
_SIDE = 112


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapPairs:
    """The maps of one method in two profiles.

    Shapes: rows (P, 2), positions in the candidate and in the reference; correlation (P,), Spearman in [-1, 1], NaN
    where either has no map; distance (P,), the largest difference of the kept maps, whose own largest magnitude is 1;
    equal (P,), True where every bit is the same.
    """

    method: str
    rows: NDArray[np.int64]
    correlation: NDArray[np.float64]
    distance: NDArray[np.float64]
    equal: NDArray[np.bool_]


def paired_rows(candidate: Profile, reference: Profile) -> NDArray[np.int64]:
    """(P, 2) positions of the images that both hold with the same file and label, in the candidate's order."""
    theirs = {(image.image, image.label, image.digest): row for row, image in enumerate(reference.images)}
    pairs = [
        (row, theirs[image.image, image.label, image.digest])
        for row, image in enumerate(candidate.images)
        if (image.image, image.label, image.digest) in theirs
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def shared_methods(candidate: Profile, reference: Profile) -> list[str]:
    """Methods that both profiles hold maps of, in the candidate's order.

    Raises:
        ReferenceError: maps of either are not what was measured, so that nothing may be said of them.
    """
    return [name for name in candidate.manifest.get("methods", {}) if _opened(candidate, reference, name)]


def compare_maps(
    candidate: Profile, reference: Profile, method: str, rows: NDArray[np.int64] | None = None
) -> MapPairs | None:
    """Correlation and distance of every pair of maps; None where the maps cannot be compared.

    The correlation is the one that `drift.map_correlation` measured on the candidate, where it did; else it is
    computed here, on a grid of at most 112 pixels a side.

    Raises:
        ReferenceError: maps of either are not what was measured.
    """
    opened = _opened(candidate, reference, method)
    if opened is None:
        return None
    mine, theirs = opened
    pairs = paired_rows(candidate, reference) if rows is None else rows
    correlation, distance = np.full(len(pairs), np.nan), np.full(len(pairs), np.nan)
    equal = np.zeros(len(pairs), dtype=bool)
    known = _measured(candidate, method)
    for start in range(0, len(pairs), _CHUNK):
        part = slice(start, start + _CHUNK)
        kept, earlier = mine[pairs[part, 0]], theirs[pairs[part, 1]]
        equal[part] = (kept.view(np.uint16) == earlier.view(np.uint16)).all(axis=(1, 2))
        first, second = kept.astype(np.float32), earlier.astype(np.float32)
        usable = np.isfinite(first).all(axis=(1, 2)) & np.isfinite(second).all(axis=(1, 2))
        distance[part] = np.where(usable, np.abs(first - second).max(axis=(1, 2)), np.nan)
        correlation[part] = np.where(usable, _spearman(first, second, equal[part]), np.nan)
    for position, row in enumerate(pairs[:, 0].tolist()):
        correlation[position] = known.get(row, correlation[position])
    return MapPairs(method=method, rows=pairs, correlation=correlation, distance=distance, equal=equal)


def measured_on(profile: Profile, check: str, method: str | None) -> dict[int, float]:
    """Row -> value of the images that have a finite one; empty where nothing was measured."""
    measurement = profile.measurement(check, method)
    if measurement is None:
        return {}
    usable = measurement.measured & np.isfinite(measurement.values)
    return dict(zip(measurement.rows[usable].tolist(), measurement.values[usable].tolist(), strict=True))


def _measured(profile: Profile, method: str) -> dict[int, float]:
    return measured_on(profile, "drift.map_correlation", method)


def _opened(
    candidate: Profile, reference: Profile, method: str
) -> tuple[NDArray[np.float16], NDArray[np.float16]] | None:
    if not all(holds(profile, maps_file(method)) for profile in (candidate, reference)):
        return None
    mine, theirs = load_maps(candidate, method), load_maps(reference, method)
    whole = (len(mine), len(theirs)) == (len(candidate.images), len(reference.images))
    return (mine, theirs) if whole and mine.ndim == 3 and mine.shape[1:] == theirs.shape[1:] else None


def _spearman(first: NDArray[np.float32], second: NDArray[np.float32], equal: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Rank correlation of each pair (N, H, W) on a coarser grid, where ranking is cheap enough for a report."""
    from scipy.stats import rankdata  # slow to load, and only versions that are compared need it

    step = max(1, -(-max(first.shape[1:]) // _SIDE))
    ranks = [
        rankdata(np.nan_to_num(maps[:, ::step, ::step]).reshape(len(maps), -1), axis=1) for maps in (first, second)
    ]
    centred = [rank - rank.mean(axis=1, keepdims=True) for rank in ranks]
    scale = np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation: NDArray[np.float64] = (centred[0] * centred[1]).sum(axis=1) / scale
    return np.where(equal, 1.0, correlation)
