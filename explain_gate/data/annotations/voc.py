"""PASCAL VOC XML: one file an image, boxes of objects and of their parts; also a whole VOCdevkit year or one list."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from explain_gate.data.git_lfs import pointer_fault
from explain_gate.data.regions import Drawn, Shape
from explain_gate.errors import DataError

_MOST_BYTES = 10_000_000


def fits(source: Path) -> bool:
    """Whether this is a folder of XML files, VOCdevkit/VOC2012 or the like, or one of its lists in ImageSets."""
    return _folder(source) is not None


def read(source: Path) -> tuple[list[Drawn], list[str]]:
    """What each file says of its image, and the class names in alphabetical order (VOC has no order of its own).

    Raises:
        DataError: the list cannot be read, or files that are missing or not VOC XML, all of them listed.
    """
    folder = _folder(source) or source
    drawn: list[Drawn] = []
    faults = []
    for path in _files(source, folder):
        try:
            drawn.extend(_file(path))
        except (OSError, ValueError, LookupError, OverflowError, ET.ParseError) as error:
            faults.append(f"{path.name}: {error}")
    if faults:
        raise DataError(f"{source}: {len(faults)} files are not PASCAL VOC XML:\n" + "\n".join(faults[:20]))
    return drawn, sorted({item.class_name for item in drawn})


def _folder(source: Path) -> Path | None:
    """Where the XML files are."""
    if source.suffix == ".txt" and source.is_file():
        places = [parent / "Annotations" for parent in list(source.parents)[:3]]
    else:
        places = [source, source / "Annotations"]
    return next((place for place in places if place.is_dir() and any(place.glob("*.xml"))), None)


def _files(source: Path, folder: Path) -> list[Path]:
    if not source.is_file():
        return sorted(folder.glob("*.xml"))
    try:
        words = [line.split() for line in source.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{source}: not a readable list ({error})") from error
    # Lists of one class have a second column: 1 shows it, 0 shows it poorly, -1 does not.
    return [folder / f"{Path(line[0]).name}.xml" for line in words if line[1:2] != ["-1"]]


def _file(path: Path) -> list[Drawn]:
    raw = path.read_bytes()
    if fault := pointer_fault(path):
        raise DataError(fault)
    if len(raw) > _MOST_BYTES:
        raise ValueError(f"must be smaller than {_MOST_BYTES} bytes")
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        # Entities can blow a small file up to gigabytes; annotations have no use for them.
        raise ValueError("must not declare a document type or entities")
    root = ET.fromstring(raw)  # noqa: S314 - entities are refused above
    file_name = _text(root, "filename")
    size = None
    if root.find("size") is not None:
        size = (int(_text(root, "size/height")), int(_text(root, "size/width")))
    drawn = []
    for item in root.findall("object"):
        shapes = (Shape(box=_box(item)), *(_part(part) for part in item.findall("part")))
        drawn.append(Drawn(file_name=file_name, class_name=_text(item, "name"), shapes=shapes, size=size))
    return drawn


def _part(item: ET.Element) -> Shape:
    return Shape(box=_box(item), part=_text(item, "name"))


def _box(item: ET.Element) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(_text(item, f"bndbox/{name}")) for name in ("xmin", "ymin", "xmax", "ymax"))
    # VOC counts pixels from 1 and includes the last one.
    return left - 1, top - 1, right, bottom


def _text(element: ET.Element, path: str) -> str:
    text = element.findtext(path)
    if text is None or not text.strip():
        raise ValueError(f"has no {path}")
    return text.strip()
