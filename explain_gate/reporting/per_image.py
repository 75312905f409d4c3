"""The numbers behind a finding, image by image, and which images are worst. Profile and findings in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explain_gate.records import Finding, Measurement, Profile, Status, Verdict
from explain_gate.reporting.wording import BLOCKING, STATUS_ORDER, bound_side, metric_of

CONTROL_PREFIX = "control."
"""Methods whose name starts so hold the gate's test of itself; they are no methods of the user."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Breaches:
    """How badly each image does. Shapes: status (N,), index into STATUS_ORDER; depth (N,), larger is worse."""

    status: NDArray[np.int64]
    depth: NDArray[np.float64]

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
        """The user's measurements, without the gate's controls."""
        return [m for m in self.profile.measurements if m.method is None or not m.method.startswith(CONTROL_PREFIX)]

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


def breaches(per_image: PerImage, verdict: Verdict) -> Breaches:
    """Status and depth of every image: how far its own values lie on the wrong side of the rules' bounds.

    The depth is taken over the rules that block; where none does, over all rules, so that there is a worst image too.
    It is a share of the metric's range, or of the spread of the values where the range is open.
    """
    count = len(per_image.profile.images)
    status = np.full(count, STATUS_ORDER.index("passed"))
    depth = np.full(count, -np.inf)
    blocked = any(finding.status in BLOCKING for finding in verdict.findings)
    for finding in verdict.findings:
        rank = STATUS_ORDER.index(finding.status)
        side = bound_side(finding.bound)
        rows, values = per_image.values(finding)
        if side is not None and rows.size:
            sign = 1.0 if side[0] == "at_least" else -1.0
            excess = sign * (side[1] - values)
            broken = rows[excess > 0]
            status[broken] = np.minimum(status[broken], rank)
            if not blocked or finding.status in BLOCKING:
                depth[rows] = np.maximum(depth[rows], excess / _scale(finding, values))
        if finding.status == "unmeasured":
            lost = per_image.unmeasured(finding)
            status[lost] = np.minimum(status[lost], rank)
            depth[lost] = np.maximum(depth[lost], 0.0)
    reached = depth[np.isfinite(depth)]
    depth[~np.isfinite(depth)] = reached.min() if reached.size else 0.0
    return Breaches(status=status, depth=depth)


def _scale(finding: Finding, values: NDArray[np.float64]) -> float:
    metric = metric_of(finding.check)
    if metric is not None and metric.low is not None and metric.high is not None:
        return metric.high - metric.low
    return float(np.ptp(values)) or 1.0
