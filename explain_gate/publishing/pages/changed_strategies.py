"""Strategies of one version that the other does not have: clusters of maps that are like none of the other's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from explain_gate.comparing.pairs import paired_rows
from explain_gate.publishing.pages.strategies import Cluster, StrategyView, clusters_of, view_of
from explain_gate.publishing.pictures.gallery import photo_of, slugs_of
from explain_gate.publishing.pictures.kept import Kept
from explain_gate.records import Profile

CELLS = 8
"""Cells along each side that maps are compared in, as clustering does."""
SHOWN = 12
"""Of each kind, the largest."""
Kind = Literal["new", "lost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedStrategy:
    """A cluster that only the second version has (new), or only the first (lost)."""

    kind: Kind
    strategy: StrategyView


def changed_strategies(before: Profile, after: Profile, folder: Path) -> tuple[ChangedStrategy, ...]:
    """New ones, then lost ones, the largest first, and their pictures under `folder`/assets.

    A cluster is one version's own where its mean map lies farther from the mean of every cluster of the same class and
    method of the other version than its own maps lie from it on average, by Hellinger's distance between shares of
    relevance on 8 x 8 cells (the distance of the clustering itself). Where one was not clustered there are none.
    """
    first, second = _Side(Kept(before)), _Side(Kept(after))
    beside = {row: photo for photo, row in paired_rows(after, before).tolist()}
    every: list[ChangedStrategy] = []
    kinds: tuple[tuple[Kind, _Side, _Side, Mapping[int, int]], ...] = (
        ("new", second, first, {row: row for row in range(len(after.images))}),
        ("lost", first, second, beside),
    )
    for kind, own, other, photos in kinds:
        for number, cluster in enumerate(sorted(own.without(other), key=lambda one: -len(one.rows))[:SHOWN]):
            maps = own.kept.maps(cluster.method)
            if maps is None:
                continue
            place = (
                folder / "assets" / "strategies" / f"{slugs_of([cluster.method])[cluster.method]}-{kind}-{number:02d}"
            )

            def photo(row: int, rows: Mapping[int, int] = photos) -> str | None:
                return photo_of(second.kept, rows[row], folder) if row in rows else None

            drawn = view_of(own.kept.profile, cluster, maps, place, photos=photo)
            every.append(ChangedStrategy(kind=kind, strategy=drawn))
    return tuple(every)


class _Side:
    """One version's clusters of maps as they are, by class and method, with their mean and their spread."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.clusters: dict[tuple[str, str], list[tuple[Cluster, NDArray[np.float64], float]]] = {}
        for cluster in clusters_of(kept.profile):
            maps = kept.maps(cluster.method) if cluster.noted == "as they are" else None
            if maps is not None:
                points = _compared(maps[cluster.rows])
                mean = points.mean(axis=0)
                spread = float(np.linalg.norm(points - mean, axis=1).mean())
                key = kept.profile.images[cluster.rows[0]].class_name, cluster.method
                self.clusters.setdefault(key, []).append((cluster, mean, spread))

    def without(self, other: _Side) -> Iterator[Cluster]:
        """The clusters that are like none of the other's."""
        for key, own in self.clusters.items():
            theirs = [mean for _, mean, _ in other.clusters.get(key, ())]
            for cluster, mean, spread in own:
                if theirs and min(float(np.linalg.norm(mean - one)) for one in theirs) > max(spread, 1e-9):
                    yield cluster


def _compared(maps: NDArray[np.float16]) -> NDArray[np.float64]:
    """(N, 64): the root of each cell's share of a map's positive relevance."""
    positive = np.nan_to_num(np.maximum(maps.astype(np.float64), 0))
    rows = np.array_split(positive, min(CELLS, positive.shape[1]), axis=1)
    cells = np.stack([
        column.mean(axis=(1, 2)) for row in rows for column in np.array_split(row, min(CELLS, row.shape[2]), axis=2)
    ], axis=1)  # fmt: skip
    shares: NDArray[np.float64] = np.sqrt(cells / np.maximum(cells.sum(axis=1, keepdims=True), 1e-12))
    return shares
