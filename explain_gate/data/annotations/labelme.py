"""labelme: one JSON file an image, with polygons, rectangles, circles and masks."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from explain_gate.data.annotations.annotated import Annotated, Leftovers
from explain_gate.data.annotations.runs import whole_picture
from explain_gate.data.annotations.text import read_json
from explain_gate.data.regions import Drawn, Shape
from explain_gate.errors import DataError

_ROUND = 64
"""Corners of the polygon that stands for a circle."""
_FLAT = ("line", "linestrip", "point", "points")


def fits(data: Any) -> bool:
    """Whether JSON is one of labelme's files."""
    return isinstance(data, dict) and "imagePath" in data and isinstance(data.get("shapes"), list)


def read(source: Path) -> Annotated:
    """What each file of the folder, or the one file, says of its image; classes in alphabetical order.

    Raises:
        DataError: files that cannot be used, all of them listed.
    """
    drawn: list[Drawn] = []
    without: list[str] = []
    notes: list[str] = []
    faults = []
    left = Leftovers()
    for path in sorted(source.rglob("*.json")) if source.is_dir() else [source]:
        data, more = read_json(path)
        notes.extend(more)
        try:
            name, size = _head(data)
            objects = [
                Drawn(file_name=name, class_name=_text(item["label"], "label"), shapes=(shape,), size=size)
                for number, item in enumerate(data["shapes"])
                if (shape := _shape(item, size, f"{path.name} shape {number}", left)) is not None
            ]
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
            told = f"an entry has no {error}" if isinstance(error, KeyError) else str(error)
            faults.append(f"{path.name}: {told}")
        else:
            drawn.extend(objects)
            without.extend([] if objects else [name])
    if faults:
        raise DataError(f"{source}: {len(faults)} labelme files cannot be used:\n" + "\n".join(faults[:20]))
    classes = tuple(sorted({item.class_name for item in drawn}))
    return Annotated(
        drawn=tuple(drawn), classes=classes, without=tuple(without), notes=(*notes, *left.notes(source.name))
    )


def _head(data: Any) -> tuple[str, tuple[int, int] | None]:
    """The image's name, and its (height, width) where it is stated."""
    if not fits(data):
        raise ValueError("is not labelme's JSON (it has no imagePath and shapes)")
    height, width = data.get("imageHeight"), data.get("imageWidth")
    return _text(data["imagePath"], "imagePath"), (int(height), int(width)) if height and width else None


def _shape(item: Mapping[str, Any], size: tuple[int, int] | None, where: str, left: Leftovers) -> Shape | None:
    kind = item.get("shape_type") or "polygon"
    points = [(float(x), float(y)) for x, y in item["points"]]
    if kind == "mask":
        return _mask(item, points, size)
    if kind == "circle" and len(points) == 2:
        return Shape(polygons=(_circle(points),))
    if kind not in ("polygon", "rectangle", *_FLAT) or (kind == "rectangle" and len(points) not in (2, 4)):
        raise ValueError(f"{where} is a {kind} of {len(points)} points; polygon, rectangle, circle and mask are read")
    xs, ys = [x for x, _ in points], [y for _, y in points]
    flat = not points or min(xs) == max(xs) or min(ys) == max(ys)
    if kind in _FLAT or flat or len(points) < (2 if kind == "rectangle" else 3):
        left.add(f"shapes dropped that have no area ({kind})", where)
        return None
    if kind == "rectangle":
        return Shape(box=(min(xs), min(ys), max(xs), max(ys)))
    return Shape(polygons=(tuple(value for point in points for value in point),))


def _circle(points: Sequence[tuple[float, float]]) -> tuple[float, ...]:
    (x, y), edge = points
    radius = math.dist((x, y), edge)
    turns = (2 * math.pi * step / _ROUND for step in range(_ROUND))
    return tuple(value for turn in turns for value in (x + radius * math.cos(turn), y + radius * math.sin(turn)))


def _mask(item: Mapping[str, Any], points: Sequence[tuple[float, float]], size: tuple[int, int] | None) -> Shape:
    if size is None:
        raise ValueError("has a mask, so imageHeight and imageWidth must be there")
    with Image.open(io.BytesIO(base64.b64decode(item["mask"]))) as image:
        inside = np.asarray(image.convert("L")) > 0
    (left, top), _ = points
    return Shape(rle=whole_picture(inside, round(left), round(top), size))


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{what} must be text, got {value!r:.80}")
    return value
