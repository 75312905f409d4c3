"""COCO JSON: polygons, run lengths and boxes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from explain_gate.data.git_lfs import pointer_fault
from explain_gate.data.regions import Drawn, Shape
from explain_gate.errors import DataError


def read(path: Path) -> tuple[list[Drawn], list[str]]:
    """What the file says of each image, and the class names in category order.

    Raises:
        DataError: not JSON, or not COCO; the message names the entry.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise DataError(pointer_fault(path) or f"{path}: not a readable JSON file ({error})") from error
    if not isinstance(data, dict) or not all(
        isinstance(data.get(k), list) for k in ("images", "annotations", "categories")
    ):
        raise DataError(f"{path}: must be COCO JSON with the lists images, annotations and categories")
    try:
        categories = {number: _text(item["name"]) for number, item in _by_id(data["categories"], "categories").items()}
        images = _by_id(data["images"], "images")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: not COCO: {_told(error)}") from error
    drawn = []
    for position, item in enumerate(data["annotations"]):
        try:
            drawn.append(_drawn(item, images, categories, path))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            number = item.get("id", position) if isinstance(item, dict) else position
            raise DataError(f"{path}: not COCO: annotation {number}: {_told(error)}") from error
    return drawn, list(dict.fromkeys(categories.values()))


def _by_id(items: list[Any], what: str) -> dict[int, Mapping[str, Any]]:
    found = {_number(item["id"]): item for item in items}
    if len(found) < len(items):
        raise ValueError(f"two entries of {what} have the same id")
    return found


def _drawn(
    item: Mapping[str, Any], images: Mapping[int, Mapping[str, Any]], categories: Mapping[int, str], path: Path
) -> Drawn:
    number = item.get("id", "without id")
    if item["image_id"] not in images:
        raise DataError(f"{path}: annotation {number} belongs to image {item['image_id']}, which is not in images")
    if item["category_id"] not in categories:
        raise DataError(f"{path}: annotation {number} has category {item['category_id']}, which is not in categories")
    image = images[item["image_id"]]
    size = (_number(image["height"]), _number(image["width"])) if "height" in image and "width" in image else None
    return Drawn(
        file_name=_text(image["file_name"]),
        class_name=categories[item["category_id"]],
        shapes=(_shape(item, number, path),),
        size=size,
    )


def _shape(item: Mapping[str, Any], number: Any, path: Path) -> Shape:
    tags: dict[str, Any] = {
        "annotator": None if item.get("annotator") is None else str(item["annotator"]),
        "part": None if item.get("part") is None else str(item["part"]),
        # A crowd is a region where COCO did not tell one object from another, so it cannot be right or wrong.
        # iscrowd says how a region is encoded as often as that it is a crowd (every run-length region has it in many
        # data sets), so it does not make a region disappear.
        "ignore": bool(item.get("ignore", False)),
    }
    segmentation = item.get("segmentation")
    if isinstance(segmentation, dict) and "counts" in segmentation:
        counts = segmentation["counts"]
        if not isinstance(counts, str) and not (
            isinstance(counts, list) and all(isinstance(run, int) and 0 <= run < 2**40 for run in counts)
        ):
            raise DataError(f"{path}: annotation {number} must have counts that are text or numbers of pixels")
        return Shape(rle={"size": segmentation.get("size"), "counts": counts}, **tags)
    if isinstance(segmentation, list) and segmentation:
        polygons = tuple(tuple(float(value) for value in _list(polygon)) for polygon in segmentation)
        if any(len(polygon) < 6 or len(polygon) % 2 for polygon in polygons):
            raise DataError(f"{path}: annotation {number} has a polygon with fewer than three points")
        return Shape(polygons=polygons, **tags)
    box = item.get("bbox")
    if isinstance(box, list) and len(box) == 4:
        x, y, width, height = (float(value) for value in box)
        return Shape(box=(x, y, x + width, y + height), **tags)
    raise DataError(f"{path}: annotation {number} has neither a segmentation nor a bbox")


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"an id, height or width must be a whole number, got {value!r:.80}")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"a polygon must be a list of numbers, got {value!r:.80}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"a name must be text, got {value!r:.80}")
    return value


def _told(error: Exception) -> str:
    return f"an entry has no {error}" if isinstance(error, KeyError) else str(error)
