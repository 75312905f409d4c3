"""How well numbers tell classes apart: a small classifier, asked about pictures that it has not seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

Values = NDArray[np.float64]
Labels = NDArray[np.int64]

FOLDS = 5
_CLIPPED = 4.0
"""Deviations beyond which a number says no more."""


def told_classes(columns: Values, labels: Labels) -> Labels:
    """The class that each picture is taken for by a classifier trained on the others' folds.

    Discriminant analysis with equal priors and a covariance shrunk towards its diagonal (Friedman 1989), since pictures
    are fewer than numbers. Folds are dealt out class by class, in the order of the rows.

    Args:
        columns: (N, F), finite; rows in an order that says nothing, such as that of digests.
        labels: (N,), each class at least `FOLDS` times.

    Returns:
        (N,), of the same labels.
    """
    folds = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        folds[mine] = np.arange(len(mine)) % FOLDS
    told = np.empty_like(labels)
    for fold in range(FOLDS):
        away = folds == fold
        told[away] = _classified(columns[~away], labels[~away], columns[away])
    return told


def balanced_accuracy(told: Labels, labels: Labels) -> float:
    """Mean over classes of the share of their pictures that are told right."""
    return float(np.mean([(told[labels == label] == label).mean() for label in np.unique(labels)]))


def beyond_guessing(told: Labels, labels: Labels) -> float:
    """Probability that guesses are right as often: a binomial tail, with a chance of one in as many as classes."""
    right = int((told == labels).sum())
    if right == 0:
        return 1.0
    return float(special.betainc(right, len(labels) - right + 1, 1 / len(np.unique(labels))))


def one_from_rest(told: Labels, labels: Labels, label: int) -> tuple[float, float]:
    """How well one class is told from all others: balanced accuracy, and the p-value of Fisher's exact test."""
    from scipy import stats  # slow to load, and not needed where what tells classes apart is remembered

    mine, called = labels == label, told == label
    table = [[int((mine & called).sum()), int((mine & ~called).sum())],
             [int((~mine & called).sum()), int((~mine & ~called).sum())]]  # fmt: skip
    accuracy = (called[mine].mean() + (~called[~mine]).mean()) / 2
    return float(accuracy), float(stats.fisher_exact(table, alternative="greater").pvalue)


def _classified(known: Values, labels: Labels, asked: Values) -> Labels:
    centre = np.median(known, axis=0)
    scale = np.median(np.abs(known - centre), axis=0) * 1.4826
    scale = np.where(scale > 1e-9, scale, known.std(axis=0))
    scale = np.where(scale > 1e-9, scale, 1.0)
    known, asked = (np.clip((one - centre) / scale, -_CLIPPED, _CLIPPED) for one in (known, asked))
    classes = np.unique(labels)
    means = np.stack([known[labels == label].mean(axis=0) for label in classes])
    within = known - means[np.searchsorted(classes, labels)]
    covariance = within.T @ within / max(1, len(known) - len(classes))
    shrunk = 0.5 * covariance + 0.5 * np.diag(np.diag(covariance)) + 0.05 * np.eye(len(covariance))
    weights = np.linalg.solve(shrunk, means.T)
    scores = asked @ weights - 0.5 * (means.T * weights).sum(axis=0)
    return np.asarray(classes[scores.argmax(axis=1)])
