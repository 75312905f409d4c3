"""The pairs of the report: one image, its map in the candidate and in the reference, worst first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from explain_gate.comparing.pairs import MapPairs, compare_maps, measured_on, paired_rows, shared_methods
from explain_gate.profile.profile import load_maps
from explain_gate.publishing.pictures.gallery import answer_of, kinds_of, outline_of, photo_of, slugs_of
from explain_gate.publishing.pictures.kept import Kept
from explain_gate.publishing.pictures.overlays import Scale, save_map_layer, scale_of
from explain_gate.records import ImageRow, Profile

SHOWN = 36
"""Pairs in all; shared evenly between the methods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One image under two versions.

    `correlation` is that of the two maps, None where one is missing; `other_reason` is what drift.changed_reason says,
    None where it was not measured. `candidate` and `reference` are pictures of the maps; `path` is the outline.
    """

    number: int
    image: ImageRow
    method: str
    correlation: float | None
    other_reason: bool | None
    predicted: str
    predicted_before: str
    photo: str | None
    candidate: str | None
    reference: str | None
    path: str

    @property
    def anchor(self) -> str:
        """Its id on the page: method and image, so that a link holds from page to page."""
        return "-".join(f"pair {self.method} {self.image.image}".split())

    @property
    def other_prediction(self) -> bool:
        """Whether the two versions predict different classes."""
        return self.predicted != self.predicted_before


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodDrift:
    """One method over all pairs: how many, how alike, and for how many images the reason is another."""

    method: str
    images: int
    median: float | None
    lowest: float | None
    other_reason: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Candidate against reference: numbers for all images, pictures for the worst; `total` images are in both.

    `left_out` tells what cannot be drawn because it is not what was measured.
    """

    pairs: tuple[Pair, ...]
    methods: tuple[MethodDrift, ...]
    total: int
    other_prediction: int
    width: int
    height: int
    scales: Mapping[str, Scale]
    smoothed: frozenset[str]
    left_out: Mapping[str, str] = field(default_factory=dict)


def build_drift(
    candidate: Profile, reference: Profile, folder: Path, *, map_pairs: Mapping[str, MapPairs] | None = None
) -> Drift | None:
    """Pair the profiles and write the pictures of the worst pairs under `folder`/assets; None where nothing pairs.

    `map_pairs` holds maps that were compared already, by method.

    Raises:
        ReferenceError: maps of either profile are not what was measured.
    """
    rows = paired_rows(candidate, reference)
    if not len(rows):
        return None
    if map_pairs is None:
        compared = (compare_maps(candidate, reference, name, rows) for name in shared_methods(candidate, reference))
        map_pairs = {one.method: one for one in compared if one is not None}
    kinds, slugs = kinds_of(candidate), slugs_of(list(map_pairs))
    # One scale for both versions, or a difference of colours would be one of scales.
    scales = {name: scale_of(kinds.get(name), load_maps(candidate, name)[:8]) for name in map_pairs}
    smoothed = frozenset(name for name in map_pairs if kinds.get(name) in {"magnitude", "signed"})
    shape = next((load_maps(candidate, name).shape[1:] for name in map_pairs), (1, 1))
    changed = {name: measured_on(candidate, "drift.changed_reason", name) for name in map_pairs}
    pairs: list[Pair] = []
    kept = Kept(candidate)
    for name, maps in map_pairs.items():
        for position in _worst(candidate, reference, maps, changed[name])[: SHOWN // len(map_pairs)]:
            layers = _Layers(folder, slugs[name], scales[name], smooth=name in smoothed)
            reason = changed[name].get(int(maps.rows[position, 0]))
            pairs.append(_pair(len(pairs), kept, reference, maps, position, reason, layers))
    return Drift(
        pairs=tuple(pairs),
        methods=tuple(_summary(maps, changed[name]) for name, maps in map_pairs.items()),
        total=len(rows),
        other_prediction=sum(
            candidate.images[a].differs(reference.images[b], candidate.tolerance) for a, b in rows.tolist()
        ),
        width=int(shape[1]),
        height=int(shape[0]),
        scales=scales,
        smoothed=smoothed,
        left_out=kept.left_out,
    )


@dataclass(frozen=True, slots=True)
class _Layers:
    """Where the maps of one method are drawn, and how."""

    folder: Path
    slug: str
    scale: Scale
    smooth: bool = False

    def draw(self, profile: Profile, method: str, row: int, side: str) -> str | None:
        path = f"assets/pairs/{self.slug}/{row:06d}-{side}.webp"
        drawn = save_map_layer(load_maps(profile, method)[row], self.scale, self.folder / path, smooth=self.smooth)
        return path if drawn else None


def _worst(candidate: Profile, reference: Profile, maps: MapPairs, changed: Mapping[int, float]) -> list[int]:
    """Positions, worst first: the same prediction for another reason, then other predictions, then the least alike."""

    def badness(position: int) -> tuple[int, float, int]:
        mine, theirs = maps.rows[position].tolist()
        same = not candidate.images[mine].differs(reference.images[theirs], candidate.tolerance)
        rank = 0 if changed.get(mine, 0.0) > 0 else 1 if not same else 2
        alike = maps.correlation[position]
        return rank, float(alike) if np.isfinite(alike) else 2.0, position

    return sorted(range(len(maps.rows)), key=badness)


def _pair(
    number: int,
    kept: Kept,
    reference: Profile,
    maps: MapPairs,
    position: int,
    reason: float | None,
    layers: _Layers,
) -> Pair:
    candidate = kept.profile
    mine, theirs = maps.rows[position].tolist()
    image, before = candidate.images[mine], reference.images[theirs]
    alike = float(maps.correlation[position])
    return Pair(
        number=number,
        image=image,
        method=maps.method,
        correlation=alike if np.isfinite(alike) else None,
        other_reason=None if reason is None else reason > 0,
        predicted=answer_of(candidate, image),
        predicted_before=answer_of(reference, before),
        photo=photo_of(kept, mine, layers.folder),
        candidate=layers.draw(candidate, maps.method, mine, "candidate"),
        reference=layers.draw(reference, maps.method, theirs, "reference"),
        path=outline_of(kept, mine),
    )


def _summary(maps: MapPairs, changed: Mapping[int, float]) -> MethodDrift:
    alike = maps.correlation[np.isfinite(maps.correlation)]
    return MethodDrift(
        method=maps.method,
        images=len(maps.rows),
        median=float(np.median(alike)) if alike.size else None,
        lowest=float(alike.min()) if alike.size else None,
        other_reason=sum(value > 0 for value in changed.values()) if changed else None,
    )
