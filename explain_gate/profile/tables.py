"""images.parquet and scores.parquet: records to columns and back. Knows columns, no metrics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from explain_gate.records import ImageRow, Measurement, Profile
from explain_gate.redact import redact


def images_table(images: Sequence[ImageRow]) -> pa.Table:
    """One row an image, in the profile's order."""
    return pa.table(
        {
            "image": pa.array([row.image for row in images], pa.string()),
            "label": pa.array([row.label for row in images], pa.int32()),
            "class": pa.array([row.class_name for row in images], pa.string()),
            "accepted": pa.array([list(row.accepted) for row in images], pa.list_(pa.int32())),
            "digest": pa.array([row.digest for row in images], pa.string()),
            "predicted": pa.array([row.predicted for row in images], pa.int32()),
            "probability": pa.array([row.probability for row in images], pa.float64()),
            "region_area": pa.array([row.region_area for row in images], pa.float64()),
            "region_reason": pa.array([row.region_reason for row in images], pa.string()),
            "right": pa.array([row.right for row in images], pa.bool_()),
            "said": pa.array([None if row.said is None else list(row.said) for row in images], pa.list_(pa.int32())),
            "value": pa.array([row.value for row in images], pa.float64()),
            "annotated": pa.array([row.annotated for row in images], pa.float64()),
        }
    )


def read_images(path: Path) -> tuple[ImageRow, ...]:
    """The rows of images.parquet."""
    columns = pq.ParquetFile(path).read().to_pydict()
    columns["class_name"] = columns.pop("class")
    columns["accepted"] = [tuple(accepted) for accepted in columns["accepted"]]
    if "said" in columns:  # profiles of earlier versions hold the prediction alone
        columns["said"] = [None if said is None else tuple(said) for said in columns["said"]]
    names = list(columns)
    return tuple(ImageRow(**dict(zip(names, row, strict=True))) for row in zip(*columns.values(), strict=True))


def scores_table(profile: Profile) -> pa.Table:
    """One row a measurement and image; a value that could not be measured is null, with its reason."""
    parts = []
    for measurement in profile.measurements:
        rows = measurement.rows
        images = [profile.images[row] for row in rows.tolist()]
        count = len(images)
        parts.append(
            pa.table(
                {
                    "image": pa.array([image.image for image in images], pa.string()),
                    "label": pa.array([image.label for image in images], pa.int32()),
                    "predicted": pa.array([image.predicted for image in images], pa.int32()),
                    "check": pa.array([measurement.check] * count, pa.string()),
                    "method": pa.array([measurement.method] * count, pa.string()),
                    "value": pa.array(measurement.values, mask=~measurement.measured),
                    "reason": pa.array([reason and redact(reason) for reason in measurement.reasons], pa.string()),
                    "about": pa.array([None] * count if measurement.about is None else measurement.about, pa.int32()),
                    "not_applicable": pa.array(
                        [False] * count if measurement.not_applicable is None else measurement.not_applicable,
                        pa.bool_(),
                    ),
                }
            )
        )
    return pa.concat_tables(parts) if parts else _no_scores()


def read_scores(path: Path, images: tuple[ImageRow, ...]) -> tuple[Measurement, ...]:
    """The measurements of scores.parquet, whose images are told by name."""
    position = {row.image: index for index, row in enumerate(images)}
    grouped: dict[tuple[str, str | None], list[_Score]] = {}
    columns = pq.ParquetFile(path).read().to_pydict()
    none = [None] * len(columns["image"])  # of what profiles did not hold yet when this one was written
    for image, check, method, value, reason, about, exempt in zip(
        columns["image"],
        columns["check"],
        columns["method"],
        columns["value"],
        columns["reason"],
        columns.get("about", none),
        columns.get("not_applicable", none),
        strict=True,
    ):
        score = _Score(position[image], value, None if value is not None else reason, about, bool(exempt))
        grouped.setdefault((check, method), []).append(score)
    return tuple(
        Measurement(
            check=check,
            method=method,
            rows=np.array([score.row for score in scores]),
            values=np.array([float("nan") if score.value is None else score.value for score in scores]),
            reasons=tuple(score.reason for score in scores),
            about=_column([score.about for score in scores]),
            not_applicable=np.array([score.exempt for score in scores]) if any(s.exempt for s in scores) else None,
        )
        for (check, method), scores in grouped.items()
    )


class _Score(NamedTuple):
    """One line of scores.parquet."""

    row: int
    value: float | None
    reason: str | None
    about: int | None
    exempt: bool


def _column(about: Sequence[int | None]) -> NDArray[np.int64] | None:
    """The classes that values are about; None where the file names none."""
    named = [index for index in about if index is not None]
    return np.array(named, dtype=np.int64) if named and len(named) == len(about) else None


def _no_scores() -> pa.Table:
    """A table of no measurement. Made when it is asked for: to make any array loads pandas, which reading does not."""
    return pa.schema(
        {
            "image": pa.string(),
            "label": pa.int32(),
            "predicted": pa.int32(),
            "check": pa.string(),
            "method": pa.string(),
            "value": pa.float64(),
            "reason": pa.string(),
            "about": pa.int32(),
            "not_applicable": pa.bool_(),
        }
    ).empty_table()
