"""The numbers behind a finding, image by image, and which images are worst. Profile and findings in, arrays out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from explain_gate.metrics import metric_of
from explain_gate.records import BLOCKING, STATUS_ORDER, Finding, Measurement, Profile, Status, Verdict

CONTROL_PREFIX = "control."
"""Methods whose name starts so hold the gate's test of itself; they are no methods of the user."""
NOTE = "@"
"""Separates a check from the name of what its metric noted beside its value: `alignment.human_ratio@ceiling`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Breaches:
    """How badly each image does.

    Shapes: status (N,), index into STATUS_ORDER; depth (N,), larger is worse; finding (N,), position in the verdict
    of the rule that the image breaks most, -1 where it breaks none; value (N,), its value there.
    """

    status: NDArray[np.int64]
    depth: NDArray[np.float64]
    finding: NDArray[np.int64]
    value: NDArray[np.float64]

    def status_of(self, row: int) -> Status:
        """The status of the worst rule that this image itself breaks."""
        return STATUS_ORDER[int(self.status[row])]


class PerImage:
    """The scores of a profile by finding; what is looked up for every finding is computed once."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._classes = np.array([image.class_name for image in profile.images], dtype=object)
        self._members: dict[str, NDArray[np.bool_]] = {}
        self._usable: dict[tuple[str, str | None], NDArray[np.bool_]] = {}
        self._measurements = {(m.check, m.method): m for m in profile.measurements}

    def shown(self) -> list[Measurement]:
        """The user's measurements, without the gate's controls and without notes, which have no better and worse."""
        return [m for m in self.profile.measurements if not is_aside(m)]

    def noted(self, finding: Finding, name: str) -> NDArray[np.float64]:
        """What the finding's metric noted under a name for the images that the finding judges; empty where nothing."""
        return self.values(replace(finding, check=f"{finding.check}{NOTE}{name}"))[1]

    def values(self, finding: Finding) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Rows and values of the measured images that the finding judges; both empty where nothing was measured."""
        measurement = self._measurements.get((finding.check, finding.method))
        if measurement is None:
            return np.empty(0, np.int64), np.empty(0)
        kept = self.usable(measurement) & self._of_class(measurement, finding.class_name)
        return measurement.rows[kept], measurement.values[kept]

    def unmeasured(self, finding: Finding) -> NDArray[np.int64]:
        """Rows of the finding's images that have no value."""
        measurement = self._measurements.get((finding.check, finding.method))
        if measurement is None:
            return np.empty(0, np.int64)
        return measurement.rows[~self.usable(measurement) & self._of_class(measurement, finding.class_name)]

    def usable(self, measurement: Measurement) -> NDArray[np.bool_]:
        """(M,), True where there is a finite value."""
        key = (measurement.check, measurement.method)
        if key not in self._usable:
            self._usable[key] = measurement.measured & np.isfinite(measurement.values)
        return self._usable[key]

    def _of_class(self, measurement: Measurement, class_name: str | None) -> NDArray[np.bool_]:
        if class_name is None:
            return np.ones(len(measurement.rows), dtype=bool)
        if class_name not in self._members:
            self._members[class_name] = self._classes == class_name
        return self._members[class_name][measurement.rows]


def is_aside(measurement: Measurement) -> bool:
    """Whether it is one of the gate's controls or a note, so that nobody asked for it as a check."""
    return NOTE in measurement.check or (measurement.method or "").startswith(CONTROL_PREFIX)


def breaches(per_image: PerImage, verdict: Verdict) -> Breaches:
    """Status and depth of every image: how far its own values lie on the wrong side of the rules' bounds.

    The depth is the sum over the rules that block, each as a share of the farthest an image can be from the bound.
    Where no rule blocks it is the sum over all rules, so that there is a worst image too.
    """
    count = len(per_image.profile.images)
    breached = Breaches(
        status=np.full(count, STATUS_ORDER.index("passed")),
        depth=np.zeros(count),
        finding=np.full(count, -1),
        value=np.full(count, np.nan),
    )
    deepest = np.zeros(count)
    blocked = any(finding.status in BLOCKING for finding in verdict.findings)
    for position, finding in enumerate(verdict.findings):
        rank = STATUS_ORDER.index(finding.status)
        if finding.status == "unmeasured":
            lost = per_image.unmeasured(finding)
            breached.status[lost] = np.minimum(breached.status[lost], rank)
        rows, values = per_image.values(finding)
        depth = _depth(finding, values)
        if depth is None:
            continue
        broken = rows[depth > 0]
        breached.status[broken] = np.minimum(breached.status[broken], rank)
        if not blocked or finding.status in BLOCKING:
            breached.depth[rows] += np.maximum(depth, 0) if blocked else depth
            worse = depth > deepest[rows]
            deepest[rows[worse]] = depth[worse]
            breached.finding[rows[worse]] = position
            breached.value[rows[worse]] = values[worse]
    return breached


def worst_first(breached: Breaches) -> list[int]:
    """Rows of all images: by status, then by depth, then as they came."""
    order: list[int] = np.lexsort((np.arange(len(breached.depth)), -breached.depth, breached.status)).tolist()
    return order


def _depth(finding: Finding, values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """How far each value lies beyond the bound, as a share of the farthest possible; None without bound or values."""
    side = bound_side(finding.bound)
    if side is None or not values.size:
        return None
    name, bound = side
    excess = (bound - values) if name == "at_least" else (values - bound)
    metric = metric_of(finding.check)
    end = None if metric is None else metric.low if name == "at_least" else metric.high
    reach = abs(bound - end) if end is not None else float(np.abs(excess).max())
    # A yes or no is always at the end of its range; it must not outrank a number that is nearly there.
    certainty = 0.5 if np.isin(values, (0.0, 1.0)).all() else 1.0
    depth: NDArray[np.float64] = excess * (certainty / (reach or 1.0))
    return depth


def bound_side(bound: Mapping[str, float]) -> tuple[Literal["at_least", "at_most"], float] | None:
    """The bound on the value itself, if there is one; bounds on the change have no place on the value's axis."""
    if "at_least" in bound:
        return "at_least", bound["at_least"]
    if "at_most" in bound:
        return "at_most", bound["at_most"]
    return None
