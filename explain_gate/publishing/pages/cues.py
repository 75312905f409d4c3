"""The cues that the search found: which place of its pictures each class hangs on, and what it does to others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explain_gate.publishing.pictures.kept import Kept

_LISTED = "cues/cues.json"

TELLING = 0.1
"""Share of other images that a place has to turn before the report shows it at full size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CueView:
    """One class's most telling place.

    `sentence` is what it does, `share` the share in [0, 1] of other images that follow; `box` is its place (x, y,
    width, height) in the source picture, in pixels; `source`, `before` and `after` are pictures.
    """

    class_name: str
    sentence: str
    share: float
    images: int
    inside: bool
    source_image: str
    target_image: str
    box: tuple[int, int, int, int]
    source: str
    before: str
    after: str


def build_cues(kept: Kept, folder: Path) -> tuple[CueView, ...]:
    """Read the profile's cues, strongest first, and copy their pictures; damaged or absent ones are left out."""
    path = kept.file(_LISTED)
    if path is None:
        return ()
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))["cues"]
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    views = []
    for position, entry in enumerate(listed if isinstance(listed, list) else ()):
        try:
            view = _view(entry, position, kept, folder)
        except (KeyError, TypeError, ValueError, AttributeError, OSError):
            continue
        if view is not None:
            views.append(view)
    return tuple(sorted(views, key=lambda view: -view.share))


def _view(entry: Mapping[str, Any], position: int, kept: Kept, folder: Path) -> CueView | None:
    left, top, right, bottom = (int(edge) for edge in entry["box"])
    pictures = {}
    for name in ("source", "before", "after"):
        pictures[name] = f"assets/cues/{position:03d}-{name}.png"
        (folder / pictures[name]).parent.mkdir(parents=True, exist_ok=True)
        # Only the last part of the name: a profile from elsewhere must not copy other files into the report.
        picture = kept.file(f"cues/{Path(str(entry['files'][name])).name}")
        if picture is None:
            return None
        shutil.copyfile(picture, folder / pictures[name])
    sentence = str(entry["sentence"])
    return CueView(
        class_name=str(entry["class_name"]),
        sentence=sentence[:1].upper() + sentence[1:],
        share=float(entry["share"]),
        images=int(entry["images"]),
        inside=entry["place"] == "inside",
        source_image=str(entry["source_image"]),
        target_image=str(entry["target_image"]),
        box=(left, top, right - left, bottom - top),
        **pictures,
    )
