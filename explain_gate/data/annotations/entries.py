"""What is drawn, by image file -> the samples of the regression set. Reads no image.

An image annotated with several classes gives one entry a class, named `cat_017.jpg#Bengal`; each asks for the map of
its own class, and a prediction of any class annotated on the image counts as right. Several regions of one class on
one image are united, but for tasks whose sample is one object: there each gives an entry, `cat_017.jpg#Bengal.2`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from explain_gate.data.annotations.names import Names
from explain_gate.data.regions import Drawn, Shape
from explain_gate.errors import DataError
from explain_gate.records import Truth
from explain_gate.tasks import SetFacts

LISTED = 20
_MOST_SHAPES_PER_IMAGE = 1000


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

    @property
    def truth(self) -> Truth:
        """What outputs are compared with, without the region, which is not read yet."""
        return Truth(label=self.label, accepted=self.accepted, value=self.value)


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


def entries_of(
    drawn: Sequence[Drawn], classes: Mapping[str, int], names: Names, source: Path, *, per_object: bool
) -> list[Entry]:
    """The samples, in the order of the file names; `per_object` gives each drawn object one of its own.

    Raises:
        DataError: files that are missing, annotated in two sizes or with too many shapes (all listed).
    """
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


def classes_of(
    wanted: Sequence[str] | Mapping[str, int] | None, order: Sequence[str], drawn: Iterable[Drawn], source: Path
) -> dict[str, int]:
    """Logit by class name, as the file wants it or in the order of the annotations.

    Raises:
        DataError: an annotated class has no logit, or a class no annotated image.
    """
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


def _contradiction(file_name: str, sizes: set[tuple[int, int]]) -> str | None:
    if len(sizes) < 2:
        return None
    told = " and ".join(f"{width} x {height}" for height, width in sorted(sizes))
    return f"{file_name!r}: is annotated as {told} at once; keep the annotations of one of them"


def _too_many(file_name: str, groups: Mapping[str, Sequence[Drawn]]) -> str | None:
    count = sum(len(item.shapes) for items in groups.values() for item in items)
    if count <= _MOST_SHAPES_PER_IMAGE:
        return None
    return f"{file_name!r}: has {count} annotated shapes, at most {_MOST_SHAPES_PER_IMAGE} are read"


def _only_ignored(items: Sequence[Drawn]) -> bool:
    shapes = [shape for item in items for shape in item.shapes]
    return bool(shapes) and all(shape.ignore for shape in shapes)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
