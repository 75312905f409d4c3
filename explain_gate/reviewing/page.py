"""The page of a review as one file for somebody without the run: pictures in it, answers saved as one file."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from importlib.resources import files

from explain_gate.publishing.pages.page import policy_of, template_text
from explain_gate.reviewing.desk import Desk
from explain_gate.reviewing.pictures import Pictures

MOST = 200
"""Questions in a page, which holds their pictures: what one person judges, within some megabytes."""
_STYLE, _SCRIPT = '<link rel="stylesheet" href="style.css">', '<script src="script.js"></script>'


def own_text(name: str) -> str:
    """A file of the page, as it is."""
    return (files("explain_gate.reviewing") / "templates" / name).read_text(encoding="utf-8")


def style() -> str:
    """Of the page, with and without a server."""
    return template_text("report.css") + own_text("review.css")


def page_of(desk: Desk, *, most: int = MOST) -> str:
    """One HTML file with the first questions of a desk; nothing may load from elsewhere.

    Raises:
        DataError: a file in the desk's folder is no decision.
    """
    pictures = Pictures(desk.profile, desk.methods)
    questions = desk.questions[:most]
    described = desk.described()
    blanks = [asdict(desk.blank(question)) for question in questions]
    rows = sorted({question.row for question in questions})
    page = {
        "described": {
            **described,
            "questions": described["questions"][:most],
            "at_end": "Every map is judged. Save the answers, and give the file to whoever gave you this page.",
        },
        "standings": desk.standings()[:most],
        "details": {str(row): pictures.detail(row) for row in rows},
        "pictures": {name: _inside(content, kind) for name, content, kind in _pictures(pictures, rows)},
        "blanks": blanks,
        "key": hashlib.sha256(json.dumps(blanks).encode()).hexdigest()[:16],
    }
    # Names come from anywhere: no end of the element may stand in the data.
    data = json.dumps(page, allow_nan=False).replace("<", "\\u003c")
    script = own_text("offline.js") + own_text("review.js")
    text = own_text("review.html")
    policy = f'<meta http-equiv="Content-Security-Policy" content="{policy_of(style(), script, "data:")}">'
    text = text.replace(_STYLE, f"{policy}\n<style>{style()}</style>")
    return text.replace(
        _SCRIPT, f'<script type="application/json" id="page">{data}</script>\n<script>{script}</script>'
    )


def _pictures(pictures: Pictures, rows: list[int]) -> Iterator[tuple[str, bytes | None, str]]:
    for row in rows:
        yield f"photo {row}", pictures.photo(row), "image/jpeg"
        for method in range(len(pictures.methods)):
            yield f"map {row} {method}", pictures.layer(row, method), "image/webp"
    for number, one in enumerate(pictures.exchanged):
        if one.row in rows:
            yield f"exchanged {number}", one.path.read_bytes(), "image/jpeg"


def _inside(content: bytes | None, kind: str) -> str:
    return "" if content is None else f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
