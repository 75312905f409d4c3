"""The lists as files that labelling tools and spreadsheets read: COCO JSON of the pictures, CSV of the reasons."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from explain_gate.data.annotations.entries import Entry
from explain_gate.data.decoding import header
from explain_gate.data.images import ON_ITS_SIDE
from explain_gate.data.regions import Shape, fill
from explain_gate.data.regression_set import RegressionSet
from explain_gate.labels.runs import Runs
from explain_gate.labels.suspects import AuditRecord
from explain_gate.publishing.pictures.overlays import borders

_COLUMNS = ("list", "rank", "image", "class", "number", "measure", "why", "suggested", "like", "in_training")


def csv_of(record: AuditRecord) -> str:
    """A line for each place on a list, with the reason."""
    stream = io.StringIO()
    lines = csv.writer(stream)
    lines.writerow(_COLUMNS)
    for part in record.lists:
        for rank, one in enumerate(part.suspects, start=1):
            lines.writerow(
                (part.name, rank, one.image, one.class_name, f"{one.number:.6g}", part.measure, one.why,
                 one.suggested or "", one.other or "", one.seen)
            )  # fmt: skip
    return stream.getvalue()


def coco_of(record: AuditRecord, runs: Runs, data: RegressionSet, root: Path) -> str:
    """COCO JSON of every picture that a list names, in the order of the lists, with all that is drawn on it today.

    Masks become polygons along their borders, without holes: labelling tools draw polygons. File names are those under
    `root`, the folder data.images; sizes those that the annotations state, or of the upright picture; category ids 1
    and up in the order of the classes.

    Raises:
        DataError: a picture cannot be read.
    """
    entries: dict[Path, list[Entry]] = {}
    for entry in data.entries:
        entries.setdefault(entry.path, []).append(entry)
    paths = dict.fromkeys(data.entries[int(runs.places[row])].path for row in record.named())
    categories = {name: number for number, name in enumerate(runs.classes, start=1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, path in enumerate(paths, start=1):
        height, width = entries[path][0].size or _upright(path, data)
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        for entry in entries[path]:
            for shape in (one for one in entry.shapes if not one.ignore and one.part is None):
                for drawn in _drawn(shape, height, width):
                    place = {"id": len(annotations) + 1, "image_id": number}
                    annotations.append({**place, "category_id": categories[entry.class_name], "iscrowd": 0, **drawn})
    document = {
        "info": {"description": f"what explain-gate labels lists of {record.model}"},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": name, "supercategory": ""} for name, number in categories.items()],
    }
    return json.dumps(document, indent=1) + "\n"


def _drawn(shape: Shape, height: int, width: int) -> list[dict[str, Any]]:
    """One shape as COCO writes it; nothing for one without area."""
    placed = shape.at(height, width)
    if placed.polygons is not None:
        polygons = [[float(value) for value in corners] for corners in placed.polygons]
    elif placed.box is not None:
        left, top, right, bottom = placed.box
        polygons = [[left, top, right, top, right, bottom, left, bottom]]
    else:
        polygons = _traced(placed, height, width)
    polygons = [corners for corners in polygons if len(corners) >= 6]
    if not polygons:
        return []
    points = np.array([value for corners in polygons for value in corners]).reshape(-1, 2)
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    area = sum(abs(_area(corners)) for corners in polygons)
    return [{"segmentation": polygons, "bbox": [left, top, right - left, bottom - top], "area": area}]


def _traced(shape: Shape, height: int, width: int) -> list[list[float]]:
    loops = [[float(value) for point in loop for value in point] for loop in borders(fill(shape, height, width))]
    return [corners for corners in loops if _area(corners) > 0]


def _upright(path: Path, data: RegressionSet) -> tuple[int, int]:
    (height, width), orientation = header(path, data.preprocessing)
    return (width, height) if orientation >= ON_ITS_SIDE else (height, width)


def _area(corners: Sequence[float]) -> float:
    """Positive for a loop with its inside on the right, in pixels; a hole is negative."""
    points = np.array(corners).reshape(-1, 2)
    following = np.roll(points, -1, axis=0)
    return float((points[:, 0] * following[:, 1] - following[:, 0] * points[:, 1]).sum() / 2)
