"""Annotations of any supported format -> one list of entries. Reads no image; formats live in coco, voc and masks.

An image annotated with several classes gives one entry a class, named `cat_017.jpg#Bengal`; each asks for the map of
its own class, and a prediction of any class annotated on the image counts as right. Several regions of one class on
one image are united.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from explain_gate.config import GateConfig
from explain_gate.data.annotations import coco, masks, pets, voc
from explain_gate.data.regions import Drawn, Shape
from explain_gate.errors import DataError
from explain_gate.seeds import lowest_of_each

LISTED = 20
_MOST_SHAPES_PER_IMAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One sample to be: an image file, the class to explain, and the shapes a person drew for it.

    `label` is the logit index. `size` is (height, width) where the annotation states it.
    """

    image: str
    path: Path
    label: int
    class_name: str
    accepted: tuple[int, ...]
    shapes: tuple[Shape, ...]
    size: tuple[int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """The regression set before any image is read. `classes` maps each class name to its logit index."""

    entries: tuple[Entry, ...]
    classes: Mapping[str, int]


def read_entries(config: GateConfig) -> Entries:
    """The entries that thresholds.yaml describes, limited and stratified as it says.

    Raises:
        DataError: annotations that cannot be read, point outside the images folder or name missing files (all listed).
    """
    section = config.sections.data
    folder, source = config.resolve(section.images), config.resolve(section.annotations)
    if not folder.is_dir():
        raise DataError(f"{folder}: data.images is not a folder ({config.path}:{config.line('data', 'images')})")
    drawn, order = _read(source, folder, f"{config.path}:{config.line('data', 'annotations')}")
    if not drawn:
        raise DataError(f"{source}: no annotated image in it; a gate over nothing would always pass")
    classes = _classes(section.classes, order, drawn, source)
    entries = _entries(drawn, classes, folder, source)
    if section.limit is not None:
        entries = stratified(entries, section.limit, config.sections.seed)
    return Entries(entries=tuple(entries), classes=classes)


def stratified(entries: Sequence[Entry], limit: int, seed: int) -> list[Entry]:
    """At most `limit` entries, as evenly over the classes as they allow, seeded, in their old order.

    Drawn by the files' names: to read every file and then leave most of them out would cost what a limit saves.
    """
    if len(entries) <= limit:
        return list(entries)
    rows = lowest_of_each(
        range(len(entries)),
        limit,
        group=lambda row: entries[row].class_name,
        digest=lambda row: entries[row].image,
        name=lambda row: entries[row].image,
        seed=seed,
        purpose="limit",
    )
    return [entries[row] for row in sorted(rows)]


def _read(source: Path, folder: Path, where: str) -> tuple[list[Drawn], list[str]]:
    if source.is_file() and source.suffix.lower() == ".json":
        return coco.read(source)
    if pets.fits(source):
        return pets.read(source)
    if voc.fits(source):
        return voc.read(source)
    if source.is_dir():
        return masks.read(source, folder)
    if not source.exists():
        raise DataError(f"{source}: data.annotations does not exist ({where})")
    raise DataError(
        f"{source}: must be a COCO .json file, a folder of PASCAL VOC .xml files or one of its ImageSets .txt lists, "
        f"the annotations folder of Oxford-IIIT Pet or one of its .txt lists, or a folder of mask .png files ({where})"
    )


def _classes(
    wanted: Sequence[str] | Mapping[str, int] | None, order: Sequence[str], drawn: Iterable[Drawn], source: Path
) -> dict[str, int]:
    if isinstance(wanted, Mapping):
        classes = dict(wanted)
    else:
        classes = {name: position for position, name in enumerate(wanted if wanted is not None else order)}
    used = {item.class_name for item in drawn if not _only_ignored([item])}
    unknown = sorted(used - set(classes))
    if unknown:
        raise DataError(
            f"{source}: classes annotated but missing in data.classes: {_listed(unknown)}; "
            f"data.classes has {_listed(list(classes))}"
        )
    empty = [name for name in classes if name not in used]
    if empty:
        raise DataError(
            f"{source}: classes without an annotated image: {_listed(empty)}. Annotate some, or write data.classes as "
            "{name: logit index} with only the classes that the regression set covers."
        )
    return classes


def _entries(drawn: Sequence[Drawn], classes: Mapping[str, int], folder: Path, source: Path) -> list[Entry]:
    root = folder.resolve()
    by_image: dict[str, dict[str, list[Drawn]]] = {}
    for item in drawn:
        by_image.setdefault(item.file_name, {}).setdefault(item.class_name, []).append(item)
    entries, faults = [], []
    for file_name in sorted(by_image):
        groups = by_image[file_name]
        fault = _fault(root, file_name) or _too_many(file_name, groups)
        if fault:
            faults.append(fault)
            continue
        # What is to be ignored is so for every class of the image, and gives no sample of its own.
        ignored = tuple(shape for items in groups.values() for item in items for shape in item.shapes if shape.ignore)
        shown = {name: items for name, items in groups.items() if not _only_ignored(items)}
        accepted = tuple(sorted(classes[name] for name in groups if name in classes))
        for class_name, items in sorted(shown.items(), key=lambda group: classes[group[0]]):
            sizes = {item.size for item in items if item.size is not None}
            entries.append(
                Entry(
                    image=file_name if len(shown) == 1 else f"{file_name}#{class_name}",
                    path=root / file_name,
                    label=classes[class_name],
                    class_name=class_name,
                    accepted=accepted,
                    shapes=(*(shape for item in items for shape in item.shapes if not shape.ignore), *ignored),
                    size=next(iter(sizes), None),
                )
            )
    if faults:
        more = f"\n(and {len(faults) - LISTED} more)" if len(faults) > LISTED else ""
        raise DataError(f"{source}: {len(faults)} image files cannot be used:\n" + "\n".join(faults[:LISTED]) + more)
    return entries


def _only_ignored(items: Sequence[Drawn]) -> bool:
    shapes = [shape for item in items for shape in item.shapes]
    return bool(shapes) and all(shape.ignore for shape in shapes)


def _too_many(file_name: str, groups: Mapping[str, Sequence[Drawn]]) -> str | None:
    count = sum(len(item.shapes) for items in groups.values() for item in items)
    if count <= _MOST_SHAPES_PER_IMAGE:
        return None
    return f"{file_name!r}: has {count} annotated shapes, at most {_MOST_SHAPES_PER_IMAGE} are read"


def _fault(root: Path, file_name: str) -> str | None:
    """What is wrong with a file name: it may not leave the folder, not even through a symbolic link."""
    try:
        if "\0" in file_name or not file_name:
            return f"{file_name!r}: not a file name"
        path = Path(os.path.realpath(root / file_name))
        if not path.is_relative_to(root):
            return f"{file_name!r}: leaves the images folder {root}"
        if not path.is_file():
            return f"{file_name!r}: missing in {root}"
    except (OSError, ValueError) as error:
        return f"{file_name[:80]!r}: not a usable file name ({error})"
    return None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
