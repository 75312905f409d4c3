"""One mask an image whose values or colours are classes, with the map that names them.

CVAT's `Segmentation mask 1.1` (labelmap.txt beside SegmentationClass), class_dict.csv (name, r, g, b), or classes.json
({"name": value} or {"name": [r, g, b]}).
"""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from explain_gate.data.annotations.annotated import Annotated, Leftovers
from explain_gate.data.annotations.names import with_stem
from explain_gate.data.annotations.text import read_json, read_text
from explain_gate.data.regions import Drawn, Shape, packed, read_mask
from explain_gate.errors import DataError

_MAPS = ("labelmap.txt", "class_dict.csv", "classes.json")
_VOID = 255
"""The value that VOC and many after it give to pixels that belong to no class."""
_VOID_COLOUR = (224, 224, 192)
_BACKGROUND = ("background", "_background_", "unlabeled", "unlabelled")

Colour = tuple[int, int, int]


def fits(source: Path) -> bool:
    """Whether a folder has a map of classes."""
    return source.is_dir() and any((source / name).is_file() for name in _MAPS)


def flat(source: Path) -> bool:
    """Whether a folder holds masks side by side, with no folder a class and no map."""
    return source.is_dir() and any(source.glob("*.png")) and not any(path.is_dir() for path in source.iterdir())


def read(source: Path, images: Path) -> Annotated:
    """The classes that each mask shows; the background (0, black, or so called) is none.

    Raises:
        DataError: a map that cannot be read, masks without an image, or values and colours that the map does not name.
    """
    table = next((source / name for name in _MAPS if (source / name).is_file()), None)
    if table is None:
        raise DataError(
            f"{source}: holds one mask an image and no map of its values; write classes.json beside them, "
            '{"name": value} or {"name": [r, g, b]}, or sort the masks into a folder a class'
        )
    classes = _map(table)
    folder = source / "SegmentationClass" if (source / "SegmentationClass").is_dir() else source
    left, faults = Leftovers(), []
    drawn: list[Drawn] = []
    without: list[str] = []
    for path in sorted(folder.rglob("*.png")):
        stem = path.relative_to(folder).with_suffix("").as_posix()
        image = with_stem(images, stem, path.stem)
        if image is None:
            faults.append(f"{path.name}: no image of that name in {images}")
            continue
        try:
            drawn_shapes = _classes_in(path, classes, left)
        except ValueError as error:
            faults.append(f"{path.name}: {error}")
            continue
        shown = [name for name, shape in drawn_shapes if not shape.ignore]
        drawn.extend(
            # What belongs to no class counts for none of the image's.
            Drawn(file_name=image, class_name=name or shown[0], shapes=(shape,))
            for name, shape in drawn_shapes
            if shown
        )
        without.extend([] if shown else [image])
    if faults:
        raise DataError(f"{folder}: {len(faults)} masks cannot be used:\n" + "\n".join(faults[:20]))
    order = tuple(name for name in classes if name.lower() not in _BACKGROUND)
    return Annotated(drawn=tuple(drawn), classes=order, without=tuple(without), notes=left.notes(table.name))


def _classes_in(path: Path, classes: dict[str, int | Colour], left: Leftovers) -> list[tuple[str, Shape]]:
    image = read_mask(path)
    by_colour = all(isinstance(value, tuple) for value in classes.values())
    if by_colour:
        there: set[Any] = {(int(one) >> 16, int(one) >> 8 & 255, int(one) & 255) for one in np.unique(packed(image))}
        known: dict[Any, str] = {value: name for name, value in classes.items()}
        void: Any = _VOID_COLOUR
    else:
        if image.mode not in ("P", "L", "1", "I;16", "I"):
            raise ValueError(f"has colours ({image.mode}), and the map names values; write {{name: [r, g, b]}}")
        there = {int(one) for one in np.unique(np.asarray(image))}
        known = {value: name for name, value in classes.items()}
        void = _VOID
    empty: Any = (0, 0, 0) if by_colour else 0
    unknown = sorted(there - set(known) - {empty, void})
    if unknown:
        what = "colours" if by_colour else "values"
        raise ValueError(f"has {what} that the map does not name: {', '.join(map(str, unknown[:5]))}")
    shapes = [(known[one], _inside(path, one)) for one in sorted(there & set(known))]
    if void in there and void not in known:
        left.add("masks have pixels of no class, which count neither as inside nor outside", path.name)
        shapes.append(("", replace(_inside(path, void), ignore=True)))
    return [(name, shape) for name, shape in shapes if name.lower() not in _BACKGROUND]


def _inside(path: Path, value: int | Colour) -> Shape:
    if isinstance(value, int):
        return Shape(file=path, values=(value,))
    return Shape(file=path, colours=(value,))


def _map(table: Path) -> dict[str, int | Colour]:
    """Value or colour by class name, in the order of the file, without the background."""
    try:
        if table.suffix == ".json":
            data, _ = read_json(table)
            values = {str(name): _value(value) for name, value in data.items()}
        elif table.suffix == ".csv":
            rows = csv.DictReader(io.StringIO(read_text(table)[0]), skipinitialspace=True)
            values = {row["name"]: (int(row["r"]), int(row["g"]), int(row["b"])) for row in rows}
        else:
            lines = [line for line in read_text(table)[0].splitlines() if line.strip() and not line.startswith("#")]
            values = {
                line.split(":")[0]: _value([int(part) for part in line.split(":")[1].split(",")]) for line in lines
            }
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, csv.Error) as error:
        raise DataError(
            f"{table}: must name a value or a colour of each class: labelmap.txt has lines `name:r,g,b::`, "
            f'class_dict.csv the columns name, r, g, b, classes.json {{"name": value}} ({error!r})'
        ) from error
    kinds = {type(value) for value in values.values()}
    if len(kinds) != 1 or len(set(values.values())) < len(values):
        raise DataError(f"{table}: must give each class another value, or each another colour, got {values}")
    return values


def _value(value: Any) -> int | Colour:
    if isinstance(value, list) and len(value) == 3:
        red, green, blue = (int(one) for one in value)
        return red, green, blue
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"a value or a colour, got {value!r}")
    return value
