"""The strategies of the report: clusters of maps by class, a row each: their mean map and a few images."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain_gate.comparing.per_image import CONTROL_PREFIX
from explain_gate.publishing.pictures.gallery import photo_of, slugs_of
from explain_gate.publishing.pictures.kept import Kept
from explain_gate.publishing.pictures.overlays import save_map_layer
from explain_gate.records import Measurement, Profile

CHECK = "strategies.outside"
SHOWN = 24
"""Clusters in all, those outside the regions first."""
MEMBERS = 4
_VIEWS = {"as they are": "in the picture", "on the object": "around the object"}
"""How maps were laid beside each other, as the metric notes it, and in a reader's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One image of a cluster: its picture, and its map's."""

    image: str
    photo: str | None
    layer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyView:
    """One cluster of a class's maps.

    `inside` is the share of its relevance on the regions, `even` what even maps would have there; `mean` is the picture
    of its mean map, None where maps were laid around objects, which lie elsewhere in each picture.
    """

    class_name: str
    method: str
    view: str
    count: int
    of: int
    inside: float
    even: float
    mean: str | None
    members: tuple[Member, ...]

    @property
    def outside(self) -> bool:
        """Whether it lies outside the regions."""
        return self.inside < self.even


def build_strategies(kept: Kept, folder: Path) -> tuple[StrategyView, ...]:
    """The clusters that were measured, those outside first, and their pictures; nothing where none were."""
    clusters = list(clusters_of(kept.profile))
    slugs = slugs_of(list(dict.fromkeys(cluster.method for cluster in clusters)))
    clusters.sort(key=lambda one: (one.gain >= 0, -len(one.rows), one.gain))
    views = []
    for number, cluster in enumerate(clusters[:SHOWN]):
        maps = kept.maps(cluster.method)
        if maps is not None:
            place = f"assets/strategies/{slugs[cluster.method]}/{number:03d}"
            photos = functools.partial(photo_of, kept, folder=folder)
            views.append(view_of(kept.profile, cluster, maps, folder / place, photos=photos))
    return tuple(views)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Rows of one class that are mapped alike, out of `total`; `inside` and `even` as in StrategyView."""

    method: str
    noted: str
    rows: list[int]
    total: int
    inside: float
    even: float

    @property
    def gain(self) -> float:
        """How much more lies inside than an even map would have there."""
        return self.inside - self.even


def clusters_of(profile: Profile) -> Iterator[Cluster]:
    """Every cluster that was measured, those of several methods and ways to lay maps beside each other."""
    for measurement in profile.measurements:
        check, _, noted = measurement.check.partition("@cluster ")
        method = measurement.method or ""
        if check.partition("/")[0] != CHECK or noted not in _VIEWS or method.startswith(CONTROL_PREFIX):
            continue
        inside = _noted(profile, f"{check}@inside", method)
        for rows, total in _rows_of_each(profile, measurement):
            if noted != "as they are" and len(rows) == total:
                continue  # one strategy of all images was shown already, as they are
            yield Cluster(
                method=method,
                noted=noted,
                rows=rows,
                total=total,
                inside=_mean(rows, inside),
                even=_even(profile, rows),
            )


def view_of(
    profile: Profile,
    cluster: Cluster,
    maps: NDArray[np.float16],
    place: Path,
    *,
    photos: Callable[[int], str | None],
) -> StrategyView:
    """Draw a cluster: its mean map, and the images that are most like it, which stand for it.

    Args:
        profile: that the cluster's rows are of.
        cluster: one of `clusters_of`.
        maps: (N, H, W), those of its method.
        place: where its pictures go: a page's folder, `assets`, and how their names begin.
        photos: row -> the picture's path from the page, None where it is not there.
    """
    rows = cluster.rows
    positive = np.maximum(maps[rows].astype(np.float32), 0)
    mean = np.nan_to_num(positive).mean(axis=0)
    apart = ((np.nan_to_num(positive) - mean) ** 2).sum(axis=(1, 2))
    nearest = [rows[position] for position in np.argsort(apart, kind="stable")[:MEMBERS].tolist()]

    def drawn(one: NDArray[Any], name: str) -> str | None:
        file = place.with_name(f"{place.name}-{name}.webp")
        return str(file.relative_to(_page_of(file))) if save_map_layer(one, "sequential", file) else None

    members = [
        Member(image=profile.images[row].image, photo=photos(row), layer=drawn(maps[row], f"{row:06d}"))
        for row in nearest
    ]
    return StrategyView(
        class_name=profile.images[rows[0]].class_name,
        method=cluster.method,
        view=_VIEWS[cluster.noted],
        count=len(rows),
        of=cluster.total,
        inside=cluster.inside,
        even=cluster.even,
        mean=drawn(mean, "mean") if cluster.noted == "as they are" else None,
        members=tuple(members),
    )


def _page_of(file: Path) -> Path:
    return next(folder.parent for folder in file.parents if folder.name == "assets")


def _rows_of_each(profile: Profile, measurement: Measurement) -> list[tuple[list[int], int]]:
    """Rows of each cluster of each class, and how many rows the class has."""
    grouped: dict[str, dict[int, list[int]]] = {}
    for row, number in zip(measurement.rows.tolist(), measurement.values.tolist(), strict=True):
        grouped.setdefault(profile.images[row].class_name, {}).setdefault(int(number), []).append(row)
    return [
        (rows, sum(map(len, clusters.values())))
        for clusters in grouped.values()
        for _, rows in sorted(clusters.items())
    ]


def _noted(profile: Profile, check: str, method: str) -> dict[int, float]:
    noted = profile.measurement(check, method)
    return {} if noted is None else dict(zip(noted.rows.tolist(), noted.values.tolist(), strict=True))


def _mean(rows: list[int], values: Mapping[int, float]) -> float:
    known = [values[row] for row in rows if row in values]
    return sum(known) / len(known) if known else 0.0


def _even(profile: Profile, rows: list[int]) -> float:
    areas = [area for row in rows if (area := profile.images[row].region_area) is not None]
    return sum(areas) / len(areas) if areas else 0.0
