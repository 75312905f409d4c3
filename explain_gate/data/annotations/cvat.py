"""CVAT for images 1.1: one XML file with boxes, polygons, ellipses, masks and tags of every image."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from explain_gate.data.annotations.annotated import Annotated, Leftovers
from explain_gate.data.annotations.runs import whole_picture
from explain_gate.data.annotations.voc import read_xml
from explain_gate.data.regions import Drawn, Shape
from explain_gate.errors import DataError

_ROUND = 64
_FLAT = ("polyline", "points", "skeleton", "cuboid")


def fits(path: Path) -> bool:
    """Whether this is an XML file whose outermost element is CVAT's."""
    if path.suffix.lower() != ".xml" or not path.is_file():
        return False
    with path.open("rb") as stream:
        return b"<annotations" in stream.read(4096)


def read(path: Path) -> Annotated:
    """What is drawn on each image, and the labels in the order of the task.

    A tag is a class without a region.

    Raises:
        DataError: not XML, a video's tracks, or images that cannot be used, all of them listed.
    """
    try:
        root = read_xml(path)
    except (OSError, ValueError, ET.ParseError) as error:
        raise DataError(f"{path}: not readable XML ({error})") from error
    if root.find("track") is not None:
        raise DataError(f"{path}: holds the tracks of a video; export it as `CVAT for images 1.1` or as COCO")
    left, faults = Leftovers(), []
    drawn: list[Drawn] = []
    without: list[str] = []
    for image in root.findall("image"):
        name = image.get("name") or ""
        try:
            objects = _objects(image, name, left)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            told = f"has no {error}" if isinstance(error, KeyError) else str(error)
            faults.append(f"{name!r}: {told}")
        else:
            drawn.extend(objects)
            without.extend([] if objects else [name])
    if faults:
        raise DataError(f"{path}: {len(faults)} images cannot be used:\n" + "\n".join(faults[:20]))
    order = [item.text.strip() for item in root.iterfind("meta//label/name") if item.text]
    classes = dict.fromkeys([*order, *sorted({item.class_name for item in drawn} - set(order))])
    return Annotated(drawn=tuple(drawn), classes=tuple(classes), without=tuple(without), notes=left.notes(path.name))


def _objects(image: ET.Element, name: str, left: Leftovers) -> list[Drawn]:
    size = (int(image.attrib["height"]), int(image.attrib["width"]))
    objects = []
    for item in image:
        if item.tag in _FLAT:
            left.add(f"shapes dropped that have no area ({item.tag})", name)
            continue
        if item.tag == "tag":
            shapes: tuple[Shape, ...] = ()
        else:
            shapes = (_shape(item, size),)
        objects.append(Drawn(file_name=name, class_name=item.attrib["label"], shapes=shapes, size=size))
    return objects


def _shape(item: ET.Element, size: tuple[int, int]) -> Shape:
    if item.tag == "box":
        box = [float(item.attrib[side]) for side in ("xtl", "ytl", "xbr", "ybr")]
        turned = float(item.get("rotation", 0))
        return Shape(polygons=(_turned(box, turned),)) if turned else Shape(box=(box[0], box[1], box[2], box[3]))
    if item.tag == "polygon":
        corners = tuple(float(value) for point in item.attrib["points"].split(";") for value in point.split(","))
        if len(corners) < 6 or len(corners) % 2:
            raise ValueError(f"a polygon must have three points or more, got {item.attrib['points'][:60]!r}")
        return Shape(polygons=(corners,))
    if item.tag == "ellipse":
        x, y, a, b = (float(item.attrib[one]) for one in ("cx", "cy", "rx", "ry"))
        turns = (2 * math.pi * step / _ROUND for step in range(_ROUND))
        points = [(x + a * math.cos(turn), y + b * math.sin(turn)) for turn in turns]
        return Shape(polygons=(_about((x, y), points, float(item.get("rotation", 0))),))
    if item.tag == "mask":
        return Shape(rle=_mask(item, size))
    raise ValueError(f"has a {item.tag}; boxes, polygons, ellipses, masks and tags are read")


def _mask(item: ET.Element, size: tuple[int, int]) -> dict[str, object]:
    """CVAT's run lengths go row by row through the mask's own box, from outside on."""
    left, top, width, height = (int(item.attrib[one]) for one in ("left", "top", "width", "height"))
    runs = [int(run) for run in item.attrib["rle"].split(",")]
    if min(runs) < 0 or sum(runs) != width * height:
        raise ValueError(f"a mask's run lengths must add up to {width * height} pixels, got {sum(runs)}")
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return whole_picture(flat.reshape(height, width), left, top, size)


def _turned(box: list[float], degrees: float) -> tuple[float, ...]:
    left, top, right, bottom = box
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return _about(((left + right) / 2, (top + bottom) / 2), corners, degrees)


def _about(centre: tuple[float, float], points: list[tuple[float, float]], degrees: float) -> tuple[float, ...]:
    """Points turned clockwise about a centre, as CVAT shows it."""
    (x, y), turn = centre, math.radians(degrees)
    return tuple(
        value
        for px, py in points
        for value in (
            x + (px - x) * math.cos(turn) - (py - y) * math.sin(turn),
            y + (px - x) * math.sin(turn) + (py - y) * math.cos(turn),
        )
    )
