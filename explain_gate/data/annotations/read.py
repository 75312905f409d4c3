"""Annotations of any supported format -> one list of entries. Reads no image; each format is a module of its own.

An image annotated with several classes gives one entry a class, named `cat_017.jpg#Bengal`; each asks for the map of
its own class, and a prediction of any class annotated on the image counts as right. Several regions of one class on
one image are united, but for tasks whose sample is one object: there each gives an entry, `cat_017.jpg#Bengal.2`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from explain_gate.config import GateConfig
from explain_gate.data.annotations import (
    classmasks,
    coco,
    cvat,
    folders,
    foreign,
    labelme,
    masks,
    pets,
    table,
    voc,
    yolo,
)
from explain_gate.data.annotations.annotated import Annotated, Leftovers, first
from explain_gate.data.annotations.by_task import for_task
from explain_gate.data.annotations.names import Names
from explain_gate.data.annotations.text import read_json
from explain_gate.data.regions import Drawn, Shape
from explain_gate.errors import DataError
from explain_gate.seeds import lowest_of_each
from explain_gate.tasks import TASKS, SetFacts

LISTED = 20
_MOST_SHAPES_PER_IMAGE = 1000
_ROUNDING = 2
"""Pixels that a shape may reach beyond its picture without a word: tools round, and count from 0 or from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One sample to be: an image file, the class to explain, and the shapes a person drew for it.

    `label` is the logit index. `size` is (height, width) where the annotation states it, `value` the annotated number.
    `empty`: the picture is known to show no object.
    """

    image: str
    path: Path
    label: int
    class_name: str
    accepted: tuple[int, ...]
    shapes: tuple[Shape, ...]
    size: tuple[int, int] | None
    value: float | None = None
    empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """The regression set before any image is read. `classes` maps each class name to its logit index.

    `notes` say what was dropped or read in another way than it is written, a sentence a kind; `facts` what tasks know
    of the set.
    """

    entries: tuple[Entry, ...]
    classes: Mapping[str, int]
    notes: tuple[str, ...] = ()
    facts: SetFacts


def read_entries(config: GateConfig) -> Entries:
    """The entries that thresholds.yaml describes, limited and stratified as it says.

    Raises:
        DataError: annotations that cannot be read, point outside the images folder or name missing files (all listed).
    """
    section = config.sections.data
    folder, source = config.resolve(section.images), config.resolve(section.annotations)
    if not folder.is_dir():
        raise DataError(f"{folder}: data.images is not a folder ({config.path}:{config.line('data', 'images')})")
    annotated = _read(
        source,
        folder,
        f"{config.path}:{config.line('data', 'annotations')}",
        values=config.sections.model.task.name == "regression",
    )
    if not annotated.drawn:
        raise DataError(
            "\n".join([f"{source}: no annotated image in it; a gate over nothing would always pass", *annotated.notes])
        )
    own = for_task(annotated, config.sections, source)
    classes = _classes(own.classes, own.order, own.drawn, source)
    names = Names(folder)
    per_object = config.sections.model.task.name in TASKS and TASKS[config.sections.model.task.name].per_object
    entries = _entries(own.drawn, classes, names, source, per_object=per_object)
    facts = SetFacts(
        classes=classes,
        nothing=None if own.nothing is None else classes[own.nothing],
        bare=frozenset(_bare(entries)),
        mean=own.mean,
        deviation=own.deviation,
    )
    if section.limit is not None:
        entries = stratified(entries, section.limit, config.sections.seed)
    notes = (
        *annotated.notes,
        *names.notes(source.name),
        *_cut(annotated.drawn, source),
        *_without(annotated, own.drawn, source),
    )
    return Entries(entries=tuple(entries), classes=classes, notes=notes, facts=facts)


def _without(annotated: Annotated, drawn: Sequence[Drawn], source: Path) -> list[str]:
    """Images on which nothing is drawn are not measured; that they are there is told."""
    shown = {item.file_name for item in drawn}
    without = [name for name in dict.fromkeys(annotated.without) if name not in shown]
    if not without:
        return []
    told = (
        f"{source.name}: {len(without)} of {len(without) + len(shown)} images have no object and are not measured, "
        f"since a classifier has no right answer for them ({first(without)}); "
        "data.background_class names the class that is right for them"
    )
    return [told]


def _bare(entries: Sequence[Entry]) -> set[int]:
    """Classes all of whose pictures are known to show no object."""
    return {entry.label for entry in entries if entry.empty} - {entry.label for entry in entries if not entry.empty}


def _cut(drawn: Sequence[Drawn], source: Path) -> tuple[str, ...]:
    """Shapes that reach beyond the picture they state, by more than rounding."""
    left = Leftovers()
    for item in drawn:
        for shape in item.shapes:
            if item.size is None or (extent := shape.extent()) is None:
                continue
            height, width = item.size
            over = max(-extent[0], -extent[1], extent[2] - width, extent[3] - height)
            if over > max(_ROUNDING, 0.02 * max(item.size)):
                left.add("shapes reach beyond their picture and are cut at its edge", f"{item.file_name} by {over:.0f}")
    return left.notes(source.name)


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


def _read(source: Path, folder: Path, where: str, *, values: bool) -> Annotated:
    """What the source says, by the one format that it is."""
    if not source.exists():
        raise DataError(f"{source}: data.annotations does not exist ({where})")
    annotated = _read_file(source, folder, values=values) if source.is_file() else _read_folder(source, folder)
    if annotated is None:
        raise DataError(
            f"{source}: must be a COCO .json file, a YOLO data.yaml, a CVAT .xml file, a .csv of image and class, a "
            "folder of PASCAL VOC .xml, YOLO .txt or labelme .json files, one of VOC's ImageSets .txt lists, the "
            "annotations folder of Oxford-IIIT Pet or one of its .txt lists, a folder of mask .png files, or the "
            "images folder itself "
            f"where each class is a folder ({where})"
        )
    return annotated


def _read_file(source: Path, folder: Path, *, values: bool) -> Annotated | None:
    suffix = source.suffix.lower()
    if suffix == ".json":
        return _read_json(source)
    if suffix == ".csv":
        return table.read(source, values=values)
    if cvat.fits(source):
        return cvat.read(source)
    if suffix == ".xml":
        raise DataError(f"{source}: one file of PASCAL VOC is one image; name the folder of all of them")
    readers = ((pets.fits, pets.read), (voc.fits, voc.read))
    for fits, read in readers:
        if fits(source):
            return read(source)
    return yolo.read(source, folder) if yolo.fits(source) else None


def _read_json(source: Path) -> Annotated:
    data, _ = read_json(source)
    if labelme.fits(data):
        return labelme.read(source)
    if not coco.fits(data) and (told := foreign.named(data)):
        raise DataError(f"{source}: is {told}")
    return coco.read(source)


def _read_folder(source: Path, folder: Path) -> Annotated:
    """A folder by what lies in it: the first that fits."""
    listed = (source / "labels.csv").is_file()
    xml = sorted(source.glob("*.xml"))
    ways: tuple[tuple[Callable[[], bool], Callable[[], Annotated]], ...] = (
        (lambda: folders.fits(source, folder) and not listed, lambda: folders.read(folder)),
        (lambda: pets.fits(source), lambda: pets.read(source)),
        (lambda: classmasks.fits(source), lambda: classmasks.read(source, folder)),
        (lambda: len(xml) == 1 and cvat.fits(xml[0]), lambda: cvat.read(xml[0])),
        (lambda: voc.fits(source), lambda: voc.read(source)),
        (lambda: listed, lambda: masks.read(source, folder)),
        (lambda: yolo.fits(source), lambda: yolo.read(source, folder)),
        (lambda: _only_json(source), lambda: _read_json_folder(source)),
        (lambda: classmasks.flat(source), lambda: classmasks.read(source, folder)),
    )
    for fits, read in ways:
        if fits():
            return read()
    return masks.read(source, folder)


def _only_json(source: Path) -> bool:
    """Whether there are JSON files, and no mask beside them: labelme writes a.json beside a.png, the picture."""
    stems = {path.with_suffix("") for path in source.rglob("*.json")}
    return bool(stems) and {path.with_suffix("") for path in source.rglob("*.png")} <= stems


def _read_json_folder(source: Path) -> Annotated:
    files = sorted(source.rglob("*.json"))
    data, _ = read_json(files[0])
    if labelme.fits(data):
        return labelme.read(source)
    if len(files) > 1:
        raise DataError(f"{source}: holds {len(files)} JSON files ({first([f.name for f in files])}); name one of them")
    return _read_json(files[0])


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


def _entries(
    drawn: Sequence[Drawn], classes: Mapping[str, int], names: Names, source: Path, *, per_object: bool
) -> list[Entry]:
    by_image, faults = _by_file(drawn, names)
    entries = []
    for file_name in sorted(by_image):
        groups = by_image[file_name]
        sizes = {item.size for items in groups.values() for item in items if item.size is not None}
        if fault := _too_many(file_name, groups) or _contradiction(file_name, sizes):
            faults.append(fault)
            continue
        # What is to be ignored is so for every class of the image, and gives no sample of its own.
        ignored = tuple(shape for items in groups.values() for item in items for shape in item.shapes if shape.ignore)
        shown = {name: items for name, items in groups.items() if not _only_ignored(items)}
        accepted = tuple(sorted(classes[name] for name in groups if name in classes))
        for name, class_name, items in _samples(file_name, shown, classes, per_object=per_object):
            entries.append(
                Entry(
                    image=name,
                    path=names.root / file_name,
                    label=classes[class_name],
                    class_name=class_name,
                    accepted=accepted,
                    shapes=(*(shape for item in items for shape in item.shapes if not shape.ignore), *ignored),
                    size=next(iter(sizes), None),
                    value=next((item.value for item in items if item.value is not None), None),
                    empty=all(item.empty for item in items),
                )
            )
    if faults:
        more = f"\n(and {len(faults) - LISTED} more)" if len(faults) > LISTED else ""
        raise DataError(f"{source}: {len(faults)} image files cannot be used:\n" + "\n".join(faults[:LISTED]) + more)
    return entries


def _samples(
    file_name: str, shown: Mapping[str, Sequence[Drawn]], classes: Mapping[str, int], *, per_object: bool
) -> Iterator[tuple[str, str, Sequence[Drawn]]]:
    """Name, class and what is drawn of each sample of one image."""
    for class_name, items in sorted(shown.items(), key=lambda group: classes[group[0]]):
        name = file_name if len(shown) == 1 else f"{file_name}#{class_name}"
        objects = [item for item in items if not _only_ignored([item])]
        if not per_object or len(objects) == 1:
            yield name, class_name, items
            continue
        for number, item in enumerate(objects, start=1):
            yield f"{file_name}#{class_name}.{number}", class_name, [item]


def _by_file(drawn: Sequence[Drawn], names: Names) -> tuple[dict[str, dict[str, list[Drawn]]], list[str]]:
    """What is drawn by image file and class, and the names that lead to no file."""
    by_name: dict[str, list[Drawn]] = {}
    for item in drawn:
        by_name.setdefault(item.file_name, []).append(item)
    by_image: dict[str, dict[str, list[Drawn]]] = {}
    faults = []
    for name, items in sorted(by_name.items()):
        try:
            groups = by_image.setdefault(names.find(name), {})
        except LookupError as error:
            faults.append(str(error.args[0]))
            continue
        for item in items:
            groups.setdefault(item.class_name, []).append(item)
    return by_image, faults


def _contradiction(file_name: str, sizes: set[tuple[int, int]]) -> str | None:
    if len(sizes) < 2:
        return None
    told = " and ".join(f"{width} x {height}" for height, width in sorted(sizes))
    return f"{file_name!r}: is annotated as {told} at once; keep the annotations of one of them"


def _only_ignored(items: Sequence[Drawn]) -> bool:
    shapes = [shape for item in items for shape in item.shapes]
    return bool(shapes) and all(shape.ignore for shape in shapes)


def _too_many(file_name: str, groups: Mapping[str, Sequence[Drawn]]) -> str | None:
    count = sum(len(item.shapes) for items in groups.values() for item in items)
    if count <= _MOST_SHAPES_PER_IMAGE:
        return None
    return f"{file_name!r}: has {count} annotated shapes, at most {_MOST_SHAPES_PER_IMAGE} are read"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
