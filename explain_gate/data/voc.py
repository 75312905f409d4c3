"""PASCAL VOC XML: one file an image, boxes of objects."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from explain_gate.data.shapes import Drawn, Shape
from explain_gate.errors import DataError

_MOST_BYTES = 10_000_000


def read(folder: Path) -> tuple[list[Drawn], list[str]]:
    """What each file says of its image, and the class names in alphabetical order (VOC has no order of its own).

    Raises:
        DataError: files that are not VOC XML, all of them listed.
    """
    drawn: list[Drawn] = []
    faults = []
    for path in sorted(folder.glob("*.xml")):
        try:
            drawn.extend(_file(path))
        except (OSError, ValueError, ET.ParseError) as error:
            faults.append(f"{path.name}: {error}")
    if faults:
        raise DataError(f"{folder}: {len(faults)} files are not PASCAL VOC XML:\n" + "\n".join(faults[:20]))
    return drawn, sorted({item.class_name for item in drawn})


def _file(path: Path) -> list[Drawn]:
    raw = path.read_bytes()
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
        corners = tuple(float(_text(item, f"bndbox/{name}")) for name in ("xmin", "ymin", "xmax", "ymax"))
        # VOC counts pixels from 1 and includes the last one.
        box = (corners[0] - 1, corners[1] - 1, corners[2], corners[3])
        drawn.append(Drawn(file_name=file_name, class_name=_text(item, "name"), shapes=(Shape(box=box),), size=size))
    return drawn


def _text(element: ET.Element, path: str) -> str:
    text = element.findtext(path)
    if text is None or not text.strip():
        raise ValueError(f"has no {path}")
    return text.strip()
