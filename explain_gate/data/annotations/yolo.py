"""YOLO: one text file an image, a line an object (class number, box or polygon as shares); names in data.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from explain_gate.data.annotations.annotated import Annotated, Leftovers
from explain_gate.data.annotations.names import IMAGE_SUFFIXES, with_stem
from explain_gate.data.annotations.text import read_text
from explain_gate.data.regions import Drawn, Shape
from explain_gate.errors import DataError

_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "classes.txt", "obj.names")
_LINE = re.compile(r"\s*\d+(\s+[-+.\deE]+){4,}\s*$")
_ROUNDING = 0.01
_BOX, _PREDICTION, _TRIANGLE = 5, 6, 7


def fits(source: Path) -> bool:
    """Whether this is a data.yaml, or a folder with one or with label files."""
    if source.is_file():
        return source.suffix.lower() in (".yaml", ".yml")
    if not source.is_dir():
        return False
    return any((source / name).is_file() for name in _NAMES[:3]) or any(_is_label(path) for path in _texts(source))


def read(source: Path, images: Path) -> Annotated:
    """What each label file says of the image of its name, and the class names by number.

    Labels lie where YOLO looks for them: in a folder `labels` in place of `images`, else beside the images. An image
    without a label file, or with an empty one, shows nothing.

    Raises:
        DataError: no names, or label files that cannot be used, all of them listed.
    """
    names, table = _names(source)
    folder = _labels(source, images)
    left, faults = Leftovers(), []
    drawn: list[Drawn] = []
    labelled = set()
    for path in _texts(folder):
        stem = path.relative_to(folder).with_suffix("").as_posix()
        image = with_stem(images, stem, path.stem)
        if path.name in _NAMES or (image is None and path.stat().st_size and not _is_label(path)):
            continue  # a README is no label file
        if image is None:
            faults.append(f"{stem}.txt: no image of that name in {images}")
            continue
        labelled.add(image)
        try:
            drawn.extend(_objects(path, image, names, left))
        except ValueError as error:
            faults.append(f"{stem}.txt: {error}")
    if faults:
        raise DataError(f"{folder}: {len(faults)} YOLO label files cannot be used:\n" + "\n".join(faults[:20]))
    if not labelled:
        raise DataError(f"{source}: no YOLO label files found in {folder}; name the folder that holds them")
    shown = {item.file_name for item in drawn}
    without = [name for name in _pictures(images) if name not in shown]
    return Annotated(
        drawn=tuple(drawn), classes=tuple(names.values()), without=tuple(without), notes=left.notes(table.name)
    )


def _names(source: Path) -> tuple[dict[int, str], Path]:
    """Class names by number, and the file that has them."""
    places = (
        [source] if source.is_file() else [p / name for p in (source, *list(source.parents)[:2]) for name in _NAMES]
    )
    table = next((place for place in places if place.is_file()), None)
    if table is None:
        raise DataError(
            f"{source}: YOLO label files hold class numbers; a data.yaml with names, or a classes.txt, must lie beside "
            "them or one or two folders above"
        )
    text, _ = read_text(table)
    if table.suffix not in (".yaml", ".yml"):
        return dict(enumerate(line.strip() for line in text.splitlines() if line.strip())), table
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(f"{table}: not readable YAML ({error})") from error
    names = data.get("names") if isinstance(data, dict) else None
    if isinstance(data, dict) and data.get("kpt_shape"):
        raise DataError(f"{table}: has kpt_shape, so its labels are key points; export boxes or polygons")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names or not all(isinstance(number, int) for number in names):
        raise DataError(f"{table}: must have names, a list or a mapping from number to name")
    return {number: str(name) for number, name in sorted(names.items())}, table


def _labels(source: Path, images: Path) -> Path:
    """Where the label files are."""
    if source.is_dir() and any(_is_label(path) for path in _texts(source)):
        return source / "labels" if (source / "labels").is_dir() else source
    parts = list(images.absolute().parts)
    if "images" in parts:
        place = len(parts) - 1 - parts[::-1].index("images")
        beside = Path(*parts[:place], "labels", *parts[place + 1 :])
        if beside.is_dir():
            return beside
    above = source if source.is_dir() else source.parent
    return above / "labels" if (above / "labels").is_dir() else images


def _objects(path: Path, image: str, names: dict[int, str], left: Leftovers) -> Iterator[Drawn]:
    text, _ = read_text(path)
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        try:
            kind, corners = float(words[0]), [float(word) for word in words[1:]]
        except ValueError as error:
            raise ValueError(f"line {number}: must be numbers, got {line[:60]!r}") from error
        if not kind.is_integer() or int(kind) not in names:
            raise ValueError(f"line {number}: has class {words[0]}, and names go from {min(names)} to {max(names)}")
        shape = _shape(corners, f"line {number}")
        if shape is None:
            left.add("boxes without an area dropped", f"{path.name} line {number}")
            continue
        yield Drawn(file_name=image, class_name=names[int(kind)], shapes=(shape,))


def _shape(corners: list[float], where: str) -> Shape | None:
    count = len(corners) + 1
    if count == _PREDICTION:
        raise ValueError(f"{where}: has 6 numbers, which are predictions with their confidence; give the labels")
    if count != _BOX and (count < _TRIANGLE or count % 2 == 0):
        raise ValueError(
            f"{where}: has {count} numbers; a box has 5 and a polygon 7 or more, an odd number; key points are not read"
        )
    if not all(-_ROUNDING <= value <= 1 + _ROUNDING for value in corners):
        raise ValueError(f"{where}: corners must be shares from 0 to 1, got {min(corners):g} to {max(corners):g}")
    if count > _BOX:
        return Shape(polygons=(tuple(corners),), relative=True)
    x, y, width, height = corners
    if width <= 0 or height <= 0:
        return None
    return Shape(box=(x - width / 2, y - height / 2, x + width / 2, y + height / 2), relative=True)


def _texts(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.txt"))


def _is_label(path: Path) -> bool:
    """Whether the first line is one of YOLO's."""
    if path.name in _NAMES:
        return False
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            return bool(_LINE.match(stream.readline()[:10_000]))
    except OSError:
        return False


def _pictures(images: Path) -> list[str]:
    files = (path for path in images.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    return sorted(path.relative_to(images).as_posix() for path in files)
