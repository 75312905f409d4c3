"""COCO JSON: polygons, run lengths and boxes, as exporters really write them.

What an exporter left behind (a polygon without points, a box without area) is dropped and told; what contradicts itself
is an error. `annotator`, `part` and `ignore` are this product's own keys of an annotation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from explain_gate.data.annotations.annotated import Annotated, Leftovers
from explain_gate.data.annotations.text import read_json
from explain_gate.data.regions import Drawn, Shape
from explain_gate.errors import DataError

_LISTS = ("images", "annotations", "categories")


def fits(data: Any) -> bool:
    """Whether JSON has the three lists of COCO."""
    return isinstance(data, dict) and all(isinstance(data.get(name), list) for name in _LISTS)


def read(path: Path) -> Annotated:
    """What the file says of each image, and the class names in category order.

    Raises:
        DataError: not JSON, or not COCO; the message names the entry.
    """
    data, notes = read_json(path)
    if not fits(data):
        raise DataError(f"{path}: must be COCO JSON with the lists images, annotations and categories")
    left = Leftovers()
    try:
        images = _by_id(data["images"], "images", "file_name", left)
        categories = {number: _text(item["name"]) for number, item in _categories(data, left).items()}
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DataError(f"{path}: not COCO: {_told(error)}") from error
    drawn: list[Drawn] = []
    for position, item in enumerate(data["annotations"]):
        number = item.get("id", position) if isinstance(item, dict) else position
        try:
            if item is not None:
                drawn.extend(_drawn(item, number, images, categories, left))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise DataError(f"{path}: not COCO: annotation {number}: {_told(error)}") from error
    shown = {item.file_name for item in drawn}
    try:
        valued = [(image, _value(image)) for image in images.values()]
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: not COCO: {_told(error)}") from error
    names = (item.get("file_name") for item in images.values())
    without = tuple(name for name in names if isinstance(name, str) and name not in shown)
    # A picture may have a value, and nothing drawn on it.
    alone = [
        Drawn(file_name=_text(image["file_name"]), class_name="", shapes=(), size=_size(image), value=value)
        for image, value in valued
        if value is not None and image.get("file_name") not in shown
    ]
    return Annotated(
        drawn=tuple(drawn),
        valued=tuple(alone),
        classes=tuple(dict.fromkeys(categories.values())),
        without=without,
        notes=(*notes, *left.notes(path.name)),
    )


def _by_id(items: Iterable[Any], what: str, name: str, left: Leftovers) -> dict[str, Mapping[str, Any]]:
    """Entries by id; one that is written twice counts once, two different ones under one id are an error."""
    items_by_id: dict[str, Mapping[str, Any]] = {}
    for item in items:
        if item is None:
            left.add(f"empty entries of {what} dropped", "null")
            continue
        key = _key(item["id"])
        if key in items_by_id and items_by_id[key].get(name) != item.get(name):
            raise ValueError(f"two entries of {what} have the same id {key}")
        items_by_id.setdefault(key, item)
    return items_by_id


def _categories(data: Mapping[str, Any], left: Leftovers) -> dict[str, Mapping[str, Any]]:
    """Categories by id, without a first one that only stands for all others, as Roboflow writes it."""
    entries = [item for item in data["categories"] if not (isinstance(item, dict) and item.get("name") is None)]
    if len(entries) < len(data["categories"]) and any(isinstance(item, dict) for item in data["categories"]):
        _refuse_nameless_in_use(data)
        left.add("categories without a name dropped", "used by no annotation")
    categories = _by_id(entries, "categories", "name", left)
    used = {_key(item.get("category_id")) for item in data["annotations"] if isinstance(item, dict)}
    for key, item in list(categories.items()):
        others = [other for number, other in categories.items() if number != key]
        if key not in used and others and all(other.get("supercategory") == item.get("name") for other in others):
            del categories[key]
            left.add("category dropped that is only the supercategory of the others", item.get("name"))
            break
    return categories


def _refuse_nameless_in_use(data: Mapping[str, Any]) -> None:
    nameless = {_key(item["id"]) for item in data["categories"] if isinstance(item, dict) and item.get("name") is None}
    used = {_key(item.get("category_id")) for item in data["annotations"] if isinstance(item, dict)}
    if nameless & used:
        raise KeyError("name")


def _drawn(
    item: Mapping[str, Any],
    number: Any,
    images: Mapping[str, Mapping[str, Any]],
    categories: Mapping[str, str],
    left: Leftovers,
) -> list[Drawn]:
    image_id, category_id = _key(item["image_id"]), item["category_id"]
    if image_id not in images:
        raise ValueError(f"belongs to image {item['image_id']}, which is not in images")
    if category_id is None:
        left.add("annotations without a category dropped", number)
        return []
    if _key(category_id) not in categories:
        raise ValueError(f"has category {category_id}, which is not in categories")
    shapes = _shapes(item, number, left)
    image = images[image_id]
    return [
        Drawn(
            file_name=_text(image["file_name"]),
            class_name=categories[_key(category_id)],
            shapes=tuple(shapes),
            size=_size(image),
            value=_value(item) if _value(item) is not None else _value(image),
        )
    ][: len(shapes)]


def _value(item: Mapping[str, Any]) -> float | None:
    """The number that is annotated, as `value` of an image, of an annotation, or of its attributes."""
    attributes = item.get("attributes")
    value = item.get("value", attributes.get("value") if isinstance(attributes, dict) else None)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"a value must be a number, got {value!r:.80}")
    return float(value)


def _size(image: Mapping[str, Any]) -> tuple[int, int] | None:
    """(height, width); exporters that do not know it leave it out, or write null or 0."""
    sides = (image.get("height"), image.get("width"))
    if None in sides or 0 in sides:
        return None
    return _whole(sides[0]), _whole(sides[1])


def _shapes(item: Mapping[str, Any], number: Any, left: Leftovers) -> list[Shape]:
    """What is drawn: the segmentation, or the box where it holds nothing."""
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
        segmentation = [segmentation]
    runs = [part for part in segmentation if isinstance(part, dict)] if isinstance(segmentation, list) else []
    if runs:
        if len(runs) < len(segmentation or ()):
            raise ValueError("mixes run lengths and polygons in one segmentation; write one of them")
        return [Shape(rle={"size": one.get("size"), "counts": _counts(one)}, **tags) for one in runs]
    polygons = _polygons(segmentation, number, left) if isinstance(segmentation, list) else ()
    if polygons:
        return [Shape(polygons=polygons, **tags)]
    box = item.get("bbox")
    if isinstance(box, list) and len(box) == 4 and None not in box:
        x, y, width, height = (float(value) for value in box)
        # NaN is not "no box": it is a number that somebody computed wrongly, and Shape refuses it.
        if not (width <= 0 or height <= 0):
            if segmentation:
                left.add("annotations without a whole polygon, taken by their bbox", number)
            return [Shape(box=(x, y, x + width, y + height), **tags)]
        left.add("annotations dropped whose bbox has no area", number)
        return []
    left.add("annotations dropped that have neither a segmentation nor a bbox", number)
    return []


def _counts(rle: Mapping[str, Any]) -> Any:
    counts = rle.get("counts")
    if not isinstance(counts, str) and not (
        isinstance(counts, list) and all(isinstance(run, int) and 0 <= run < 2**40 for run in counts)
    ):
        raise ValueError("must have counts that are text or numbers of pixels")
    return counts


def _polygons(segmentation: Sequence[Any], number: Any, left: Leftovers) -> tuple[tuple[float, ...], ...]:
    """The polygons that have an area; also one that is written without its outer list, or as pairs."""
    plain = bool(segmentation) and all(isinstance(value, int | float) for value in segmentation)
    if plain or (len(segmentation) > 2 and all(_is_point(value) for value in segmentation)):
        segmentation = [segmentation]
    polygons = []
    for polygon in segmentation:
        corners = _corners([] if polygon is None else polygon)
        if len(corners) >= 6 and len(corners) % 2:
            raise ValueError(f"has a polygon with an odd number of coordinates, {len(corners)}")
        if len(corners) < 6 or _flat(corners):
            left.add("polygons dropped that have fewer than three points, or no area", number)
            continue
        polygons.append(corners)
    return tuple(polygons)


def _corners(polygon: Any) -> tuple[float, ...]:
    if not isinstance(polygon, list):
        raise TypeError(f"a polygon must be a list of numbers, got {polygon!r:.80}")
    if polygon and all(_is_point(value) for value in polygon):
        polygon = [coordinate for point in polygon for coordinate in point]
    return tuple(float(value) for value in polygon)


def _is_point(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(one, int | float) for one in value)


def _flat(corners: Sequence[float]) -> bool:
    """Whether all corners are one point, which is no polygon; a thin one is."""
    return len(set(corners[::2])) == 1 and len(set(corners[1::2])) == 1


def _key(value: Any) -> str:
    """An id as text: 7, 7.0 and "7" are one id."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise TypeError(f"an id must be a number or text, got {value!r:.80}")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise TypeError(f"a height or width must be a whole number, got {value!r:.80}")
    return int(value)


def _text(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        raise TypeError(f"a name must be text, got {value!r:.80}")
    return value


def _told(error: Exception) -> str:
    return f"an entry has no {error}" if isinstance(error, KeyError) else str(error)
