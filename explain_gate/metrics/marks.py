"""Marks: what tells one class's pictures from the others' by how they look, whatever they show.

An operation leaves a mark on whatever it is applied to. Whether the pictures of a class carry that mark more than the
others do follows from the data alone, so no model can choose which operations it is asked about.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def mark_scores(looks: Values, changes: Values, operated: Values | None = None) -> tuple[Values, Values]:
    """How much of each mark each picture carries, and what it is of pictures that were operated on.

    The direction is Fisher's: what the operation changes, over how much pictures differ anyway, with a covariance
    shrunk towards its diagonal. It knows nothing of classes: pictures centred by class would tell the classes apart by
    chance alone, since they are fewer than the statistics.

    Args:
        looks: (N, F), of the pictures as they are.
        changes: (T, F), mean change of the looks under each of T operations.
        operated: (T, P, F), looks of P pictures after each of them; none by default.

    Returns:
        (T, N), higher for pictures that look more as if they had been through it, and the same of those operated on,
        (T, P).
    """
    centred = looks - np.median(looks, axis=0)
    scale = np.median(np.abs(centred), axis=0) * 1.4826
    scale = np.where(scale > 1e-9, scale, np.maximum(centred.std(axis=0), 1e-3))
    inside = np.clip(centred / scale, -4, 4)
    covariance = inside.T @ inside / max(1, len(inside) - 1)
    covariance = 0.5 * covariance + 0.5 * np.diag(np.diag(covariance)) + 0.1 * np.eye(len(scale))
    weights = np.linalg.solve(covariance, np.clip(changes / scale, -8, 8).T)
    scores = np.asarray((np.clip(centred / scale, -8, 8) @ weights).T)
    if operated is None:
        return scores, np.zeros((len(changes), 0))
    after = np.clip((operated - np.median(looks, axis=0)) / scale, -8, 8)
    return scores, np.einsum("tpf,ft->tp", after, weights)


def doses(scores: Values, mine: NDArray[np.bool_], moved: Values) -> Values:
    """How many times as far as a class's pictures carry its mark an operation moves pictures, (T,), each at least 0.

    What the class carries is from the others' median to its own ninth decile. Where it carries nothing, infinite.

    Shapes: scores (T, N); mine (N,), bool; moved (T,), by how much an operation raises the scores.
    """
    if mine.all() or not mine.any():
        return np.full(len(scores), np.inf)
    carried = np.quantile(scores[:, mine], 0.9, axis=1) - np.median(scores[:, ~mine], axis=1)
    return np.where(carried > 0, np.maximum(moved, 0) / np.where(carried > 0, carried, 1), np.inf)


def separation(scores: Values, mine: NDArray[np.bool_]) -> tuple[Values, Values]:
    """How well marks tell a class's pictures from the others' (areas under the ROC curve), and one-sided p-values.

    Shapes: scores (T, N), of T marks; mine (N,), bool. Returns (T,) and (T,). Mann and Whitney 1947; exact where one
    side has at most eight pictures and no two score the same.
    """
    areas, chances = np.full(len(scores), 0.5), np.ones(len(scores))
    if mine.all() or not mine.any():
        return areas, chances
    from scipy import stats  # slow to load, and not needed where marks are remembered

    tied = np.array([len(np.unique(row)) < len(row) for row in scores])
    for rows in (tied, ~tied):  # one with ties among them would make scipy approximate all
        if rows.any():
            test = stats.mannwhitneyu(scores[rows][:, mine], scores[rows][:, ~mine], alternative="greater", axis=1)
            areas[rows], chances[rows] = test.statistic / (int(mine.sum()) * int((~mine).sum())), test.pvalue
    return areas, chances
