"""The audit log of a profile: one row per image and method, so that a year later the record says what was looked at."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from explain_gate.errors import ReferenceError
from explain_gate.profile.profile import load_maps, profile_file
from explain_gate.records import Profile

FILE = "audit.parquet"
SCHEMA = pa.schema(
    {
        "image": pa.string(),
        "input_digest": pa.string(),
        "method": pa.string(),
        "settings": pa.string(),
        "target": pa.int32(),
        "target_class": pa.string(),
        "predicted": pa.int32(),
        "model_source": pa.string(),
        "model_digest": pa.string(),
        "model_version": pa.string(),
        "time": pa.timestamp("ms", tz="UTC"),
        "map_digest": pa.string(),
        "map_minimum": pa.float32(),
        "map_maximum": pa.float32(),
        "map_mean": pa.float32(),
        "map_deviation": pa.float32(),
        "map_positive_share": pa.float32(),
        "peak_row": pa.int32(),
        "peak_column": pa.int32(),
        "reason": pa.string(),
    }
)
"""`map_digest` is SHA-256 over the map as it is kept: height and width as little-endian int64, then its float16 bytes.

Statistics are those of the kept map, whose largest magnitude is 1; `map_positive_share` is the share of the summed
magnitude that is positive. All of them are null where there is no map, and `reason` then says why.
"""


def write_audit(profile: Profile) -> None:
    """Write audit.parquet beside the profile's tables, for every image and method.

    Raises:
        ReferenceError: the profile lies in no folder.
    """
    if profile.folder is None:
        raise ReferenceError("the profile was not written to a folder, so it has no audit log")
    methods = profile.manifest.get("methods", {})
    now = dt.datetime.now(dt.UTC)
    rows = [row for name, settings in methods.items() for row in _rows(profile, name, settings, now)]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), profile.folder / FILE)


def read_audit(profile: Profile) -> pa.Table:
    """The audit log of a profile.

    Raises:
        ReferenceError: it has none, or it is damaged.
    """
    path = profile_file(profile, FILE)
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise ReferenceError(f"{path}: missing or damaged: {error}") from error


def map_digest(kept: NDArray[np.float16]) -> str:
    """SHA-256 of one kept map (H, W), the same on every machine."""
    content = hashlib.sha256(np.array(kept.shape, dtype="<i8").tobytes())
    content.update(np.ascontiguousarray(kept, dtype="<f2").tobytes())
    return content.hexdigest()


def _rows(profile: Profile, method: str, settings: Any, now: dt.datetime) -> list[dict[str, Any]]:
    model = profile.manifest.get("model", {})
    try:
        maps = load_maps(profile, method)
    except ReferenceError:
        return []
    reasons = _reasons(profile, method)
    described = json.dumps(settings, sort_keys=True, default=str)
    names = profile.classes
    return [
        {
            "image": image.image,
            "input_digest": image.digest,
            "method": method,
            "settings": described,
            "target": image.label,
            "target_class": names[image.label] if 0 <= image.label < len(names) else image.class_name,
            "predicted": image.predicted,
            "model_source": model.get("source"),
            "model_digest": model.get("digest"),
            "model_version": model.get("version"),
            "time": now,
            **(_statistics(maps[row]) or {"reason": reasons.get(row, "the map is missing")}),
        }
        for row, image in enumerate(profile.images)
    ]


def _statistics(kept: NDArray[np.float16]) -> dict[str, Any] | None:
    values = np.asarray(kept, dtype=np.float32)
    if not np.isfinite(values).all():
        return None
    magnitude = float(np.abs(values).sum())
    peak_row, peak_column = np.unravel_index(int(np.argmax(values)), values.shape)
    return {
        "map_digest": map_digest(kept),
        "map_minimum": float(values.min()),
        "map_maximum": float(values.max()),
        "map_mean": float(values.mean()),
        "map_deviation": float(values.std()),
        "map_positive_share": float(np.maximum(values, 0).sum()) / magnitude if magnitude else None,
        "peak_row": int(peak_row),
        "peak_column": int(peak_column),
    }


def _reasons(profile: Profile, method: str) -> dict[int, str]:
    """Why images have no map, as their scores tell it."""
    reasons: dict[int, str] = {}
    for measurement in profile.measurements:
        if measurement.method == method:
            for row, reason in zip(measurement.rows.tolist(), measurement.reasons, strict=True):
                if reason is not None:
                    reasons.setdefault(row, reason)
    return reasons
