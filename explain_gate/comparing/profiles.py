"""Two measured versions compared: scores, predictions, maps to the bit, and in what the runs themselves differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from explain_gate.comparing.pairs import MapPairs, compare_maps, measured_on, paired_rows, shared_methods
from explain_gate.comparing.per_image import is_aside
from explain_gate.digits import number, plural
from explain_gate.metrics import better
from explain_gate.records import Direction, Profile
from explain_gate.statistics import interval

Trend = Literal["better", "worse", "unclear", "equal"]
_MOVED = 3
_UNTOLD = ("seconds", "passes", "cache", "model", "files")
_UNTOLD_FACTS = tuple(f"environment {name}" for name in ("started", "started_by", "started_from", "job", "command"))
"""Of a run as an event; they tell nothing of what was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One image's value before and after."""

    image: str
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckChange:
    """Mean of one check in both profiles over the images that both measured; `largest` is one image's difference.

    `interval` is the 95 % bootstrap interval of the change over images. `class_name` is None for all classes, and
    `moved` has their images that changed most, farthest first.
    """

    check: str
    method: str | None
    class_name: str | None
    better: Direction
    images: int
    before: float
    after: float
    change: float
    interval: tuple[float, float]
    largest: float
    moved: tuple[Moved, ...] = ()

    @property
    def trend(self) -> Trend:
        """Whether the change is more than chance, and in which direction."""
        if self.largest == 0:
            return "equal"
        if self.interval[0] <= 0 <= self.interval[1]:
            return "unclear"
        return "better" if (self.change > 0) == (self.better == "higher") else "worse"


@dataclass(frozen=True, slots=True, kw_only=True)
class MapChange:
    """The maps of one method in both: how many pairs, how many equal to the bit, how far apart the rest."""

    method: str
    images: int
    equal: int
    largest: float | None
    median: float | None
    lowest: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """Before and after. `facts` are what differs between the runs: (name, before, after), as text.

    `images` are in both; `only_before` and `only_after` are in one of them. `map_pairs` holds the maps pair by pair.
    """

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    checks: tuple[CheckChange, ...]
    classes: tuple[CheckChange, ...]
    maps: tuple[MapChange, ...]
    facts: tuple[tuple[str, str, str], ...]
    images: int
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    other_prediction: int
    map_pairs: Mapping[str, MapPairs]

    @property
    def same_model(self) -> bool:
        """Whether both runs measured the same weights."""
        digest = self.before.get("digest")
        return digest is not None and digest == self.after.get("digest")

    @property
    def bit_equal(self) -> bool:
        """Whether every image, prediction, score and map is the same to the last bit."""
        return (
            not self.only_before
            and not self.only_after
            and not self.other_prediction
            and all(change.largest == 0 for change in self.checks)
            and all(change.equal == change.images for change in self.maps)
        )

    @property
    def sentence(self) -> str:
        """What came out, in one sentence without its full stop."""
        if not self.images:
            return "The two profiles have no image in common"
        if self.same_model and self.bit_equal:
            return "The same model, and every prediction, score and map is equal to the bit"
        if self.same_model:
            return f"The same model, {self._how_unequal()}"
        worse = sum(change.trend == "worse" for change in self.checks)
        gained = sum(change.trend == "better" for change in self.checks)
        count = f"{self.other_prediction:,} of {plural(self.images, 'prediction')} {_verb(self.other_prediction)}"
        return f"{count}; {plural(worse, 'check')} got worse and {gained:,} better by more than chance"

    def _how_unequal(self) -> str:
        unequal = sum(change.images - change.equal for change in self.maps)
        largest = max((change.largest for change in self.maps if change.largest is not None), default=0.0)
        scores = max((change.largest for change in self.checks), default=0.0)
        parts = [f"{self.other_prediction:,} of {plural(self.images, 'prediction')} {_verb(self.other_prediction)}"]
        if unequal:
            parts.append(f"{plural(unequal, 'map')} not equal to the bit, apart by at most {number(largest)} of 1")
        if scores:
            parts.append(f"scores apart by at most {number(scores)}")
        return "; ".join(parts)


def compare_profiles(before: Profile, after: Profile) -> Comparison:
    """Compare two profiles image by image; nothing is measured."""
    rows = paired_rows(after, before)
    compared = (compare_maps(after, before, name, rows) for name in shared_methods(after, before))
    map_pairs = {one.method: one for one in compared if one is not None}
    paired = {after.images[row].image for row in rows[:, 0].tolist()}
    names = [image.class_name for image in after.images]
    keys = [(m.check, m.method) for m in after.measurements if not is_aside(m)]
    columns = [(key, _values(before, after, rows, *key)) for key in keys]
    pairs = rows.tolist()
    return Comparison(
        before=_model(before),
        after=_model(after),
        checks=tuple(
            replace(_check(key, None, *values[1:]), moved=_moved(after, *values))
            for key, values in columns
            if values[0].size
        ),
        classes=tuple(
            _check(key, name, *(column[chosen] for column in values[1:]))
            for key, values in columns
            for name in dict.fromkeys(names)
            if (chosen := np.array([names[row] == name for row in values[0].tolist()], dtype=bool)).any()
        ),
        maps=tuple(_maps(one) for one in map_pairs.values()),
        facts=tuple(_facts(before, after)),
        images=len(rows),
        only_before=tuple(image.image for image in before.images if image.image not in paired),
        only_after=tuple(image.image for image in after.images if image.image not in paired),
        other_prediction=sum(after.images[a].differs(before.images[b], after.tolerance) for a, b in pairs),
        map_pairs=map_pairs,
    )


def named(model: Mapping[str, Any]) -> str:
    """A model as people call it: name, version, where from, digest."""
    parts = (model.get("name"), model.get("version"), model.get("checkpoint") or model.get("source"))
    digest = str(model.get("digest") or "")[:12]
    return " ".join(str(part) for part in (*parts, f"({digest})" if digest else None) if part) or "unknown"


def _verb(count: int) -> str:
    return "differs" if count == 1 else "differ"


def _values(
    before: Profile, after: Profile, rows: NDArray[np.int64], check: str, method: str | None
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Rows of the second profile, and both values, of the images that both measured."""
    mine, theirs = measured_on(after, check, method), measured_on(before, check, method)
    kept = [(a, theirs[b], mine[a]) for a, b in rows.tolist() if a in mine and b in theirs]
    columns = np.array(kept, dtype=np.float64).reshape(-1, 3)
    return columns[:, 0].astype(np.int64), columns[:, 1], columns[:, 2]


def _check(
    key: tuple[str, str | None], class_name: str | None, before: NDArray[np.float64], after: NDArray[np.float64]
) -> CheckChange:
    differences = after - before
    return CheckChange(
        check=key[0],
        method=key[1],
        class_name=class_name,
        better=better(key[0], {}),
        images=differences.size,
        before=float(before.mean()),
        after=float(after.mean()),
        change=float(differences.mean()),
        interval=_interval(differences),
        largest=float(np.abs(differences).max()),
    )


def _moved(
    after: Profile, rows: NDArray[np.int64], was: NDArray[np.float64], now: NDArray[np.float64]
) -> tuple[Moved, ...]:
    order = np.argsort(-np.abs(now - was), kind="stable")[:_MOVED].tolist()
    return tuple(
        Moved(image=after.images[int(rows[at])].image, before=float(was[at]), after=float(now[at]))
        for at in order
        if now[at] != was[at]
    )


def _interval(differences: NDArray[np.float64]) -> tuple[float, float]:
    # Wilson's interval, which `interval` takes for yes and no, would read a difference of one as a yes.
    if np.ptp(differences) == 0:
        return float(differences[0]), float(differences[0])
    low, high = interval(differences * 0.5, "mean")
    return 2 * low, 2 * high


def _maps(pairs: MapPairs) -> MapChange:
    alike, apart = (values[np.isfinite(values)] for values in (pairs.correlation, pairs.distance))
    return MapChange(
        method=pairs.method,
        images=len(pairs.rows),
        equal=int(pairs.equal.sum()),
        largest=float(apart.max()) if apart.size else None,
        median=float(np.median(alike)) if alike.size else None,
        lowest=float(alike.min()) if alike.size else None,
    )


def _model(profile: Profile) -> Mapping[str, Any]:
    model = profile.manifest.get("model")
    return model if isinstance(model, Mapping) else {}


def _facts(before: Profile, after: Profile) -> list[tuple[str, str, str]]:
    was, now = (
        _flat({k: v for k, v in p.manifest.items() if k not in _UNTOLD} | {"unverified": p.unverified or ""})
        for p in (before, after)
    )
    return [
        (name, was.get(name, ""), now.get(name, ""))
        for name in dict.fromkeys((*was, *now))
        if was.get(name) != now.get(name) and name not in _UNTOLD_FACTS
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name} ")
        else:
            flat[prefix + str(name)] = str(value)
    return flat
