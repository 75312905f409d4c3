"""Annotations that lie in a project, and the pictures that they are of, as the package's own readers see them."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from explain_gate.commands.survey.files import Files
from explain_gate.config import GateConfig, GateFile
from explain_gate.data.annotations.read import read_entries
from explain_gate.errors import ExplainGateError

_MOST_JSON = 100_000_000
_MOST_ASKED = 50
_HELD_OUT = ("test", "val", "valid", "validation", "eval", "regression", "holdout", "gate")
_TRAINED_ON = ("train", "training", "images", "data")
_YOLO_NAMES = ("data.yaml", "data.yml", "dataset.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotated:
    """A regression set that could be gated: where it lies, what it is, and how many pictures each class has.

    `fault` is what the reader says of it; then there is nothing in `counts`.
    """

    annotations: str
    images: str
    kind: str
    counts: Mapping[str, int]
    fault: str | None = None


def annotated_sets(files: Files) -> list[Annotated]:
    """Every set of annotations with its pictures: held-out ones first, and regions before boxes before bare classes."""
    places = dict.fromkeys((str(one), str(images), kind) for one, images, kind in _places(files))
    read = [_read(files.root, *place) for place in list(places)[:_MOST_ASKED]]
    return sorted(
        read, key=lambda one: (one.fault is not None, _KINDS.index(one.kind) == len(_KINDS) - 1, not _held_out(one))
    )


def class_folders(files: Files, folder: PurePosixPath) -> list[str]:
    """The folders below one in which pictures lie, by name, as torchvision's ImageFolder numbers them."""
    return sorted({place.parts[len(folder.parts)] for place in files.pictures if folder in place.parents})


def _held_out(one: Annotated) -> bool:
    words = re.split(r"[\W_]+", f"{one.images}/{one.annotations}".lower())
    return any(word in _HELD_OUT for word in words)


_KINDS = (
    "masks in a folder a class", "one mask an image", "COCO", "YOLO", "PASCAL VOC", "labelme", "CVAT", "a CSV",
    "class folders with nothing drawn",
)  # fmt: skip


def _places(files: Files) -> Iterator[tuple[PurePosixPath, PurePosixPath, str]]:
    """Annotations, the folder of their pictures, and the kind."""
    yield from _masks(files)
    yield from _json(files)
    yield from _yolo(files)
    yield from _xml(files)
    yield from _tables(files)
    yield from _folders(files)


def _masks(files: Files) -> Iterator[tuple[PurePosixPath, PurePosixPath, str]]:
    for folder, names in files.masks.items():
        images = files.folder_of(f"{folder.name}/{PurePosixPath(names[0]).stem}", folder)
        if images is None or not all(name.lower().endswith(".png") for name in names):
            continue
        if any(
            (files.root / folder / name).is_file()
            for name in ("labelmap.txt", "class_dict.csv", "classes.json", "labels.csv")
        ):
            yield folder, images, "one mask an image"
        elif any((files.root / folder.parent / name).is_file() for name in ("labelmap.txt", "labels.csv")):
            yield folder.parent, images, "one mask an image"
        elif len(folder.parts) > 1:
            yield folder.parent, images, "masks in a folder a class"


def _json(files: Files) -> Iterator[tuple[PurePosixPath, PurePosixPath, str]]:
    seen: set[PurePosixPath] = set()
    for path in list(files.ending(".json"))[:2000]:
        head = files.head(path)
        if path.parent in seen or not re.search(r'"(images|annotations|categories|shapes|info|licenses)"', head):
            continue
        data = _loaded(files.root / path)
        if {"images", "annotations", "categories"} <= set(data) and isinstance(data["images"], list):
            name = next((one.get("file_name") for one in data["images"] if isinstance(one, dict)), None)
            if isinstance(name, str) and (images := files.folder_of(name, path)) is not None:
                yield path, images, "COCO"
        elif {"shapes", "imagePath"} <= set(data):
            seen.add(path.parent)
            if (images := files.folder_of(str(data["imagePath"]), path)) is not None:
                yield path.parent, images, "labelme"


def _loaded(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes()) if path.stat().st_size <= _MOST_JSON else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _yolo(files: Files) -> Iterator[tuple[PurePosixPath, PurePosixPath, str]]:
    for path in files.named(*_YOLO_NAMES):
        try:
            data = yaml.safe_load(files.text(path))
        except (yaml.YAMLError, ValueError, RecursionError):
            continue
        if not isinstance(data, dict) or "names" not in data:
            continue
        for split in ("test", "val", "train"):
            named = data.get(split)
            for images in _split_places(path.parent, data.get("path"), named) if isinstance(named, str) else ():
                if any(folder == images or images in folder.parents for folder in files.pictures):
                    yield path, images, "YOLO"
                    break


def _split_places(beside: PurePosixPath, root: Any, named: str) -> Iterator[PurePosixPath]:
    """Where a split may lie: below `path`, beside the file, or as tools mean their own `../`."""
    plain = PurePosixPath(
        *(part for part in PurePosixPath(named.replace("\\", "/")).parts if part not in ("..", ".", "/"))
    )
    if isinstance(root, str) and not root.startswith("/"):
        yield _joined(beside, root, named)
        yield _joined(PurePosixPath(), root, named)
    yield _joined(beside, named)
    yield beside / plain
    yield beside.parent / plain


def _joined(*parts: PurePosixPath | str) -> PurePosixPath:
    """Joined, with `..` taken."""
    taken: list[str] = []
    for part in PurePosixPath(*parts).parts:
        if part == "..":
            taken[-1:] = []
        else:
            taken.append(part)
    return PurePosixPath(*taken)


def _xml(files: Files) -> Iterator[tuple[PurePosixPath, PurePosixPath, str]]:
    seen: set[PurePosixPath] = set()
    for path in files.ending(".xml"):
        if path.parent in seen:
            continue
        head = files.head(path)
        name = re.search(r"<filename>\s*([^<]+?)\s*</filename>", head) or re.search(r'<image [^>]*name="([^"]+)"', head)
        if "<annotations>" in head and name and (images := files.folder_of(name[1], path)) is not None:
            yield path, images, "CVAT"
        elif "<annotation" in head and "<annotations>" not in head:
            seen.add(path.parent)
            images = files.folder_of(path.stem, path) or (files.folder_of(name[1], path) if name else None)
            if images is not None:
                yield path.parent, images, "PASCAL VOC"


def _tables(files: Files) -> Iterator[tuple[PurePosixPath, PurePosixPath, str]]:
    for path in files.ending(".csv"):
        lines = files.head(path).splitlines()
        rows = list(csv.DictReader(lines))
        if path.name == "labels.csv" and path.parent in files.masks:
            continue
        if rows and rows[0].get("image") and {"class", "value"} & set(rows[0]):
            images = files.folder_of(rows[0]["image"], path)
            if images is not None:
                yield path, images, "a CSV"


def _folders(files: Files) -> Iterator[tuple[PurePosixPath, PurePosixPath, str]]:
    """Folders of which each subfolder holds pictures: two classes or more."""
    for folder, count in Counter(place.parent for place in files.pictures if place.parts).items():
        names = class_folders(files, folder)
        if count > 1 and folder not in files.pictures and not set(names) & {*_HELD_OUT, *_TRAINED_ON}:
            yield folder, folder, "class folders with nothing drawn"


def _read(root: Path, annotations: str, images: str, kind: str) -> Annotated:
    """What the package's own reader makes of it."""
    data = {"images": images, "annotations": annotations}
    task = "regression" if kind == "a CSV" and "value" in _columns(root / annotations) else "classification"
    sections = GateFile.model_validate(
        {
            "version": 1,
            "model": {"source": "none:none", "task": task},
            "data": data,
            "methods": {"grad_cam": {}},
            "checks": {},
        }
    )
    config = GateConfig(path=(root / "thresholds.yaml").absolute(), text="", digest="", sections=sections, lines={})
    try:
        entries = read_entries(config)
    except ExplainGateError as error:
        return Annotated(annotations=annotations, images=images, kind=kind, counts={}, fault=str(error).splitlines()[0])
    counts = Counter(entry.class_name for entry in entries.entries)
    order = sorted(entries.classes, key=lambda name: entries.classes[name])
    return Annotated(annotations=annotations, images=images, kind=kind, counts={name: counts[name] for name in order})


def _columns(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            return [name.strip() for name in stream.readline().split(",")]
    except OSError:
        return []
