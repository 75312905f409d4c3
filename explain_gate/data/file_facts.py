"""What a picture file says before a pixel is decoded: how it was stored, by what, and how large. For warnings alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from PIL import Image, JpegImagePlugin, UnidentifiedImageError

Facts = Mapping[str, Mapping[str, float | str]]
"""Property in words -> named numbers and names."""

_CAMERA = {271: "make", 272: "model", 305: "software", 274: "orientation", 42036: "lens"}
"""EXIF tags that say what took or edited a picture."""


def file_facts(path: Path) -> Facts:
    """Facts of one file by what they tell of; what a reader cannot open has its size on disk and its ending.

    Raises:
        OSError: the file cannot be read.
    """
    stored = path.stat().st_size
    kind: dict[str, float | str] = {"ending": path.suffix.lower()}
    try:
        with Image.open(path) as opened:
            width, height = opened.size
            kind |= {"format": opened.format or "", "mode": opened.mode, "bits": str(opened.info.get("bits", ""))}
            return {
                "the file's format": kind,
                "the file's size in pixels": {
                    "width": math.log(width),
                    "height": math.log(height),
                    "aspect": math.log(width / height),
                    "shape": f"{width} x {height}",
                },
                "the file's compression": {
                    "density": math.log(stored / (width * height)),
                    **_compression(opened),
                },
                "the file's metadata": _metadata(opened),
            }
    except (UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError):
        return {"the file's format": kind, "the file's size on disk": {"bytes": math.log(1 + stored)}}


def _compression(opened: Image.Image) -> dict[str, float | str]:
    if not isinstance(opened, JpegImagePlugin.JpegImageFile):
        return {}
    facts: dict[str, float | str] = {
        f"table {number}": math.log(sum(table) / len(table)) for number, table in sorted(opened.quantization.items())
    }
    facts["tables"] = str(_tables(opened.quantization))
    facts["subsampling"] = str(JpegImagePlugin.get_sampling(opened))
    facts["progressive"] = str(bool(opened.info.get("progressive")))
    return facts


def _tables(tables: Mapping[int, object]) -> tuple[tuple[int, ...], ...]:
    """Quantisation tables as something to compare."""
    return tuple(tuple(table) for _, table in sorted(tables.items()) if isinstance(table, list | tuple))


def _metadata(opened: Image.Image) -> dict[str, float | str]:
    exif = opened.getexif()
    told: dict[str, float | str] = {name: str(exif.get(tag, "")).strip() for tag, name in _CAMERA.items()}
    told["exif"] = str(bool(len(exif)))
    told["profile"] = str(len(opened.info.get("icc_profile") or b""))
    told["dots"] = str(opened.info.get("dpi", ""))
    told["comment"] = str(bool(opened.info.get("comment")))
    return told
