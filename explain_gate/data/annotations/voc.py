"""PASCAL VOC XML: one file an image, boxes of objects and of their parts; also a whole VOCdevkit year or one list."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from explain_gate.data.annotations.annotated import Annotated, Leftovers
from explain_gate.data.git_lfs import pointer_fault
from explain_gate.data.regions import Drawn, Shape
from explain_gate.errors import DataError

_MOST_BYTES = 50_000_000


def fits(source: Path) -> bool:
    """Whether this is a folder of XML files, VOCdevkit/VOC2012 or the like, or one of its lists in ImageSets."""
    return _folder(source) is not None


def read(source: Path) -> Annotated:
    """What each file says of its image, and the class names in alphabetical order (VOC has no order of its own).

    Raises:
        DataError: the list cannot be read, or files that are missing or not VOC XML, all of them listed.
    """
    folder = _folder(source) or source
    drawn: list[Drawn] = []
    faults = []
    without: list[str] = []
    left = Leftovers()
    for path in _files(source, folder):
        try:
            objects = _file(path, left)
            drawn.extend(objects if not isinstance(objects, str) else [])
            without.extend([objects] if isinstance(objects, str) else [])
        except (OSError, ValueError, LookupError, OverflowError, ET.ParseError) as error:
            faults.append(f"{path.name}: {error}")
    if faults:
        raise DataError(f"{source}: {len(faults)} files are not PASCAL VOC XML:\n" + "\n".join(faults[:20]))
    return Annotated(
        drawn=tuple(drawn),
        classes=tuple(sorted({item.class_name for item in drawn})),
        without=tuple(without),
        notes=left.notes(source.name),
    )


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


def _file(path: Path, left: Leftovers) -> list[Drawn] | str:
    """What is drawn on the image, or its name where nothing is."""
    root = read_xml(path)
    file_name = _text(root, "filename")
    size = None
    if root.find("size") is not None:
        size = (int(_text(root, "size/height")), int(_text(root, "size/width")))
        # labelImg and others write 0 x 0 where they do not know.
        size = None if 0 in size else size
    drawn = []
    for number, item in enumerate(root.findall("object"), start=1):
        x0, y0, x1, y1 = _box(item)
        # VOC's last pixel is inside, so a box without an area ends one before it begins; corners the wrong way round
        # are a fault, which Shape names.
        if x0 == x1 or y0 == y1:
            left.add("boxes without an area dropped", f"{path.name} object {number}")
            continue
        shapes = (Shape(box=(x0, y0, x1, y1)), *(_part(part) for part in item.findall("part")))
        drawn.append(Drawn(file_name=file_name, class_name=_text(item, "name"), shapes=shapes, size=size))
    return drawn or file_name


def read_xml(path: Path) -> ET.Element:
    """The outermost element of an XML file.

    Raises:
        DataError: the file is a Git LFS pointer.
        ValueError: it is too large, or declares entities.
        OSError, ET.ParseError: it cannot be read, or is not XML.
    """
    raw = path.read_bytes()
    if fault := pointer_fault(path):
        raise DataError(fault)
    if len(raw) > _MOST_BYTES:
        raise ValueError(f"must be smaller than {_MOST_BYTES} bytes")
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        # Entities can blow a small file up to gigabytes; annotations have no use for them.
        raise ValueError("must not declare a document type or entities")
    return ET.fromstring(raw)  # noqa: S314 - entities are refused above


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
