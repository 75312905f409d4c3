"""Which format an annotation source is: the first that fits; each is a module of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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
from explain_gate.data.annotations.annotated import Annotated, first
from explain_gate.data.annotations.text import read_json
from explain_gate.errors import DataError


def read_annotated(source: Path, folder: Path, where: str, *, values: bool) -> Annotated:
    """What the source says, by the one format that it is; `where` names the key that asked for it.

    Raises:
        DataError: it is not there, or of no format that is read here.
    """
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
