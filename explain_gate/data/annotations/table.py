"""A CSV of image and class, or of image and value, with a box or a mask where somebody drew one."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from math import isfinite, nan
from pathlib import Path

from explain_gate.data.annotations.annotated import Annotated, Leftovers
from explain_gate.data.annotations.text import read_text
from explain_gate.data.regions import Drawn, Shape
from explain_gate.errors import DataError

_IMAGE = ("image", "file_name", "filename", "file", "image_path", "path", "filepath", "image_name")
_CLASS = ("class", "label", "class_name", "category", "label_name")
_BOXES = (("xmin", "ymin", "xmax", "ymax"), ("x1", "y1", "x2", "y2"))
_SIZED = (("x", "y", "w", "h"), ("bbox_x", "bbox_y", "bbox_width", "bbox_height"))
_VALUE = ("value", "score", "target", "rating")


def read(path: Path, *, values: bool = False) -> Annotated:
    """What each line says; classes in the order of first mention, or of their numbers where they are numbers.

    With `values` each line says a number in place of a class.

    Raises:
        DataError: no such columns, or faulty lines, all of them listed.
    """
    text, notes = read_text(path)
    try:
        first = text.splitlines()[0] if text.strip() else ""
        separator = max(",;\t", key=first.count)
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
        names = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
        rows = [{key: str(row.get(name) or "").strip() for key, name in names.items()} for row in reader]
    except csv.Error as error:
        raise DataError(f"{path}: not a readable CSV file ({error})") from error
    image, label = _column(names, _IMAGE), _column(names, _VALUE if values else _CLASS)
    if image is None or label is None:
        raise DataError(f"{path}: {_lacking(names, values=values)}")
    left, faults = Leftovers(), []
    drawn: list[Drawn] = []
    without: list[str] = []
    for number, row in enumerate(rows, start=2):
        if not row[image]:
            faults.append(f"line {number}: {image} must not be empty")
            continue
        if not row[label] and not values:
            without.append(row[image])
            continue
        try:
            shapes = _shapes(row, path.parent, f"line {number}", left)
            drawn.append(_drawn(row, image, label, shapes, values=values))
        except ValueError as error:
            faults.append(f"line {number}: {error}")
            continue
    if faults:
        raise DataError(f"{path}: {len(faults)} faulty lines:\n" + "\n".join(faults[:20]))
    classes = list(dict.fromkeys(item.class_name for item in drawn))
    if all(name.isdigit() for name in classes):
        classes.sort(key=int)
    return Annotated(
        drawn=tuple(drawn), classes=tuple(classes), without=tuple(without), notes=(*notes, *left.notes(path.name))
    )


def _lacking(names: Mapping[str, str], *, values: bool) -> str:
    """That a column is missing, and which there are."""
    value, wanted = _column(names, _VALUE), "value" if values else " or ".join(_CLASS[:2])
    task = ""
    if value and not values and _column(names, _IMAGE):
        task = f"; for a model of the values in {value} write model.task: {{name: regression, tolerance: NUMBER}}"
    return (
        f"must have a column {' or '.join(_IMAGE[:3])} and a column {wanted} in its first line, got "
        f"{', '.join(map(repr, names)) or 'nothing'}{task}"
    )


def _drawn(row: Mapping[str, str], image: str, label: str, shapes: tuple[Shape, ...], *, values: bool) -> Drawn:
    """What one line says; of a value, which is no class."""
    value = _number(row[label]) if values else None
    return Drawn(
        file_name=row[image], class_name="" if values else row[label], shapes=shapes, size=_size(row), value=value
    )


def _column(names: Mapping[str, str], wanted: tuple[str, ...]) -> str | None:
    return next((name for name in wanted if name in names), None)


def _number(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = nan
    if not isfinite(value):
        raise ValueError(f"a value must be a number, got {word[:80]!r}")
    return value


def _size(row: Mapping[str, str]) -> tuple[int, int] | None:
    """(height, width) of the picture, where it is stated beside the corners of a box."""
    sides = (row.get("height", ""), row.get("width", ""))
    if not all(side.isdigit() and int(side) for side in sides) or _corners(row) is None:
        return None
    return int(sides[0]), int(sides[1])


def _corners(row: Mapping[str, str]) -> tuple[float, float, float, float] | None:
    for names in (*_BOXES, *_SIZED):
        words = [row.get(name, "") for name in names]
        if any(words):
            if not all(words):
                raise ValueError(f"a box needs {', '.join(names)}, got {', '.join(words)}")
            a, b, c, d = (float(word) for word in words)
            return (a, b, a + c, b + d) if names in _SIZED else (a, b, c, d)
    return None


def _shapes(row: Mapping[str, str], folder: Path, where: str, left: Leftovers) -> tuple[Shape, ...]:
    if row.get("mask"):
        mask = (folder / row["mask"]).resolve()
        if not mask.is_relative_to(folder.resolve()) or not mask.is_file():
            raise ValueError(f"no mask {row['mask'][:80]!r} in {folder}")
        return (Shape(file=mask, annotator=row.get("annotator") or None, part=row.get("part") or None),)
    corners = _corners(row)
    if corners is None:
        return ()
    if 0 < max(corners) <= 1:
        raise ValueError(f"a box must be in pixels, got {corners}, which look like shares of the picture")
    if corners[0] == corners[2] or corners[1] == corners[3] or max(corners) <= 0:
        left.add("boxes without an area dropped", where)
        return ()
    return (Shape(box=corners, annotator=row.get("annotator") or None, part=row.get("part") or None),)
