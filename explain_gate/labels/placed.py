"""Regions against the maps of all versions: which no map touches, and which would fit better a little further on."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from explain_gate.digits import number, plural
from explain_gate.labels.grid import coarse
from explain_gate.labels.runs import Runs
from explain_gate.labels.suspects import Seen, Suspect, SuspectList, ranked
from explain_gate.profile.files import REGIONS_FILE
from explain_gate.profile.profile import holds, load_maps, load_region

CELLS = 32
"""A side of the grid on which regions are moved; a frame of fewer pixels keeps its own."""
LEFT = 0.75
"""Share of a region that must stay in the frame when it is moved."""
_FENCE = 1.5
"""Interquartile ranges above the upper quartile beyond which a gain is an outlier (Tukey 1977)."""
_LEAST = 8
"""Samples of a class that make a distribution of their own; smaller classes are told by that of all."""
NEITHER = "no run holds maps and regions"
_UNTOUCHED = "most of a map's relevance on the region, as a multiple of what an even map has there"
_SHIFTED = "share of relevance that the region gains where it fits best, beyond what is usual for its class"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placed:
    """What maps say of each sample's region; NaN where there is no region or no map.

    Shapes: lift (N,), the largest over versions and methods of the relevance inside against the region's share of the
    frame, 1 for an even map; gain (N,), in [0, 1], how much more of the maps, cut at half their maximum, the region
    holds where it fits best; move (N, 2), there, down and right as shares of the frame; agreed (N,), whether it gains
    in every version. `files` of maps were read.
    """

    lift: NDArray[np.float64]
    gain: NDArray[np.float64]
    move: NDArray[np.float64]
    agreed: NDArray[np.bool_]
    files: int


def place(runs: Runs, tell: Callable[[int, int], None]) -> Placed:
    """Look at every map once; `tell` hears how many samples of how many are done."""
    opened = [(version, load_maps(runs.profiles[version], name)) for version, name in runs.maps()]
    count = len(runs.images)
    lift, gain = np.full(count, np.nan), np.full(count, np.nan)
    move, agreed = np.full((count, 2), np.nan), np.zeros(count, dtype=bool)
    for row in range(count):
        regions: dict[int, NDArray[np.bool_]] = {}
        cores: dict[int, list[NDArray[np.float64]]] = {}
        for version, maps in opened:
            own = int(runs.rows[version, row])
            if version not in regions:
                regions[version] = _region(runs, version, own)
            map_ = np.maximum(np.asarray(maps[own], dtype=np.float64), 0)
            if not regions[version].any() or not np.isfinite(map_).all():
                continue
            whole = float(map_.sum())
            share = float(map_[regions[version]].sum()) / whole if whole > 0 else 0.0
            lift[row] = np.nanmax([lift[row], share / float(regions[version].mean())])
            if whole > 0:
                core = np.where(map_ >= map_.max() / 2, map_, 0)
                cores.setdefault(version, []).append(core / core.sum())
        if cores:
            gain[row], move[row], agreed[row] = _fitted(cores, regions)
        tell(row + 1, count)
    return Placed(lift=lift, gain=gain, move=move, agreed=agreed, files=len(opened))


def untouched(runs: Runs, placed: Placed, seen: list[Seen], doubted: Collection[int] = ()) -> SuspectList:
    """Samples whose region no map of any method and version favours over an even map, the least touched first.

    Args:
        runs: whose samples are asked.
        placed: what their maps say.
        seen: whether each sample's picture is among those of training.
        doubted: rows whose label is doubted; their maps explain a class that they may not show.
    """
    asked = _without(np.isfinite(placed.lift), doubted)
    if not asked.any():
        return SuspectList(name="untouched", measure=_UNTOUCHED, unasked=NEITHER)
    suspects = [
        Suspect(
            row=int(row),
            image=runs.images[row].image,
            class_name=runs.images[row].class_name,
            number=float(placed.lift[row]),
            why=f"of {plural(placed.files, 'map')} none has more of its relevance on the region than an even one "
            f"would; the most has {number(float(placed.lift[row]))} times as much",
            seen=seen[row],
        )
        for row in np.flatnonzero(asked & (placed.lift <= 1))
    ]
    return SuspectList(
        name="untouched",
        measure=_UNTOUCHED,
        suspects=ranked(suspects, lowest=True),
        asked=int(asked.sum()),
        note=_told_doubted(doubted),
    )


def shifted(runs: Runs, placed: Placed, seen: list[Seen], doubted: Collection[int] = ()) -> SuspectList:
    """Samples whose region gains in every version by the same move, and more than regions of its class do.

    Args:
        runs: as `untouched`.
        placed: likewise.
        seen: likewise.
        doubted: likewise.
    """
    asked = _without(np.isfinite(placed.gain), doubted)
    if not asked.any():
        return SuspectList(name="shifted", measure=_SHIFTED, unasked=NEITHER)
    names = np.array([image.class_name for image in runs.images])
    usual = np.full(len(names), _fence(placed.gain[asked]))
    for name in np.unique(names):
        mine = asked & (names == name)
        if int(mine.sum()) >= _LEAST:
            usual[mine] = _fence(placed.gain[mine])
    suspects = []
    for row in np.flatnonzero(asked & placed.agreed & (placed.gain > usual)):
        down, right = (float(one) for one in placed.move[row])
        suspects.append(
            Suspect(
                row=int(row),
                image=runs.images[row].image,
                class_name=runs.images[row].class_name,
                number=float(placed.gain[row] - usual[row]),
                why=f"moved {told_move(down, right)} it would hold {100 * placed.gain[row]:.0f} % more of all "
                f"relevance, in every version; {100 * usual[row]:.0f} % is usual at most",
                move=(down, right),
                seen=seen[row],
            )
        )
    return SuspectList(
        name="shifted",
        measure=_SHIFTED,
        suspects=ranked(suspects, lowest=False),
        asked=int(asked.sum()),
        note="A map of a part of an object alone, or of a cue beside it, moves a right region too: the list says where "
        f"to look, and a person says what is wrong. {_told_doubted(doubted)}".strip(),
    )


def _without(asked: NDArray[np.bool_], doubted: Collection[int]) -> NDArray[np.bool_]:
    asked[list(doubted)] = False
    return asked


def _told_doubted(doubted: Collection[int]) -> str:
    if not doubted:
        return ""
    return (
        f"{plural(len(doubted), 'sample')} of doubted labels are not asked: their maps explain a class that they may "
        "not show."
    )


def told_move(down: float, right: float) -> str:
    """`12 % down and 8 % left`, of the frame."""
    parts = [
        f"{100 * abs(share):.0f} % {after if share > 0 else before}"
        for share, before, after in ((down, "up", "down"), (right, "left", "right"))
        if round(abs(share), 2) > 0
    ]
    return " and ".join(parts) or "nowhere"


def _region(runs: Runs, version: int, row: int) -> NDArray[np.bool_]:
    profile = runs.profiles[version]
    if holds(profile, REGIONS_FILE):
        return load_region(profile, row)
    return np.zeros((1, 1), dtype=bool)


def _fitted(
    cores: dict[int, list[NDArray[np.float64]]], regions: dict[int, NDArray[np.bool_]]
) -> tuple[float, tuple[float, float], bool]:
    """The move by which the region holds most, with its gain, and whether every version gains by it."""
    held, left = [], []
    for version, maps in sorted(cores.items()):
        height, width = (min(CELLS, side) for side in regions[version].shape)
        region = coarse(regions[version], height, width)
        whole = coarse(np.mean(maps, axis=0), height, width)
        held.append(_moved(whole / whole.sum(), region))
        left.append(_moved(np.ones_like(region), region) / region.sum())
    if len({one.shape for one in held}) > 1:  # frames of other sizes below the grid's own: the first tells
        held, left = held[:1], left[:1]
    every = np.stack(held)
    height, width = every.shape[1:]
    middle = (height // 2, width // 2)
    total = np.where(np.min(left, axis=0) >= LEFT, every.mean(axis=0), -np.inf)
    # Rounding decides no tie: of equal places the one nearest to the region's own is meant.
    down, right = np.indices((height, width)) - np.array(middle)[:, None, None]
    best = np.flatnonzero(total.round(9) == total.round(9).max())
    at = int(best[np.lexsort((best, (down**2 + right**2).flat[best]))[0]])
    gains = every.reshape(len(every), -1)[:, at] - every[:, middle[0], middle[1]]
    move = (float(down.flat[at]) / height, float(right.flat[at]) / width)
    return max(0.0, float(gains.mean())), move, bool((gains > 0).all())


def _moved(values: NDArray[np.float64], region: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of values (H, W) under the region at every move of up to half the frame; (H, W), no move in the middle."""
    height, width = values.shape
    size = (2 * height, 2 * width)
    crossed = fft.irfft2(fft.rfft2(values, size) * np.conj(fft.rfft2(region, size)), size)
    rows = np.arange(height) - height // 2
    columns = np.arange(width) - width // 2
    moved: NDArray[np.float64] = crossed[np.ix_(rows % size[0], columns % size[1])]
    return moved


def _fence(gains: NDArray[np.float64]) -> float:
    low, high = np.quantile(gains, [0.25, 0.75])
    return float(high + _FENCE * (high - low))
