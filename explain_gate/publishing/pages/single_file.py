"""A page with everything in it: one file that opens from a mail, years later, without its folder or any network."""

from __future__ import annotations

import base64
import functools
import html
import io
import re
from pathlib import Path

from markupsafe import escape
from PIL import Image

from explain_gate.publishing.pages.page import FROM_DISK

FILE = "report.html"
_PICTURE = re.compile(r'src="(assets/[^"]+)"')
_KINDS = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".webp": "webp"}
_QUALITY = 80


def single_file(page: str, folder: Path) -> str:
    """The page with its pictures inside.

    Each picture is kept as it is or as WebP, whichever is smaller; a map's colours may then differ by a shade, its
    numbers stand in profile/.

    Args:
        page: index.html's text.
        folder: where its assets/ lie; a picture that is not there stays a picture that is not there.
    """

    @functools.cache
    def inside(name: str) -> str:
        path = folder / html.unescape(name)
        kind = _KINDS.get(path.suffix.lower())
        if kind is None or not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
            return name
        content = path.read_bytes()
        smaller = _as_webp(content)
        if smaller is not None and len(smaller) < len(content):
            kind, content = "webp", smaller
        return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"

    whole = _PICTURE.sub(lambda match: f'src="{inside(match[1])}"', page)
    return whole.replace(f"img-src {escape(FROM_DISK)}", "img-src data:", 1)


def _as_webp(content: bytes) -> bytes | None:
    try:
        with Image.open(io.BytesIO(content)) as picture:
            target = io.BytesIO()
            kept = picture if picture.mode in ("RGB", "RGBA") else picture.convert("RGBA")
            kept.save(target, "WEBP", quality=_QUALITY, method=4)
            return target.getvalue()
    except (OSError, ValueError):  # a build of Pillow without WebP, or a damaged picture
        return None
