"""A class a folder: `<images>/<class>/<image>`, with nothing drawn; what needs a region is then not measured."""

from __future__ import annotations

from pathlib import Path

from explain_gate.data.annotations.annotated import Annotated
from explain_gate.data.annotations.names import IMAGE_SUFFIXES
from explain_gate.data.regions import Drawn
from explain_gate.errors import DataError

_BESIDE = (".json", ".xml", ".txt")
"""Files of labelme, PASCAL VOC and YOLO, which their tools write beside the pictures."""


def fits(source: Path, images: Path) -> bool:
    """Whether data.annotations names the images folder itself, and what lies in it are folders and not annotations."""
    if not (source.is_dir() and source.resolve() == images.resolve()):
        return False
    return not any(path.suffix.lower() in _BESIDE for path in source.iterdir())


def read(images: Path) -> Annotated:
    """The class of each image is the folder that it lies in; classes in alphabetical order, as torchvision has them.

    Raises:
        DataError: there are no images in folders.
    """
    drawn = [
        Drawn(file_name=path.relative_to(images).as_posix(), class_name=folder.name, shapes=())
        for folder in sorted(path for path in images.iterdir() if path.is_dir())
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in IMAGE_SUFFIXES
    ]
    if not drawn:
        raise DataError(f"{images}: named as data.annotations too, so it must hold <class>/<image> folders")
    note = (
        f"{images.name}: the class of each image is its folder's name, and no region is drawn on any of {len(drawn)}, "
        "so only what needs none is measured"
    )
    return Annotated(drawn=tuple(drawn), classes=tuple(sorted({item.class_name for item in drawn})), notes=(note,))
