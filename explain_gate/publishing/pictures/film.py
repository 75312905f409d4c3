"""Film strips: the same image under one version after the other, small enough to lie inside a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from explain_gate.attribution import METHODS
from explain_gate.comparing.pairs import compare_maps, paired_rows
from explain_gate.publishing.pictures.attachments import overlay
from explain_gate.publishing.pictures.gallery import Gallery, answer_of, kinds_of
from explain_gate.publishing.pictures.kept import Kept
from explain_gate.publishing.pictures.overlays import scale_of
from explain_gate.records import Profile

FRAMES, STRIPS = 12, 4
_SIDE = 132


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture: the version's label, the picture as a data address, and what the version predicted."""

    label: str
    picture: str
    predicted: str
    correct: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One image under every version, by one method."""

    image: str
    class_name: str
    method: str
    frames: tuple[Frame, ...]


def film_strips(profiles: Sequence[Profile], labels: Sequence[str]) -> tuple[Strip, ...]:
    """The images whose map changed most between the first and the last profile, at most 12 versions of each.

    The method is the coarsest that all profiles share, since fine grain cannot be seen at this size.
    """
    method = coarsest(profiles) if len(profiles) > 1 else None
    if method is None:
        return ()
    first, last = profiles[0], profiles[-1]
    pairs = compare_maps(last, first, method, paired_rows(last, first))
    if pairs is None:
        return ()
    order = np.argsort(np.nan_to_num(pairs.correlation, nan=2.0), kind="stable")
    chosen = np.unique(np.linspace(0, len(profiles) - 1, min(len(profiles), FRAMES)).round().astype(int)).tolist()
    strips: list[Strip] = []
    seen: set[str] = set()
    for distinct in (True, False):  # one of every class before a second of any
        for position in order.tolist():
            image = last.images[int(pairs.rows[position, 0])]
            taken = any(strip.image == image.image for strip in strips)
            if len(strips) < STRIPS and not taken and not (distinct and image.class_name in seen):
                seen.add(image.class_name)
                frames = [frame_of(profiles[at], labels[at], image.image, method) for at in chosen]
                shown = tuple(frame for frame in frames if frame is not None)
                if len(shown) > 1:
                    strips.append(Strip(image=image.image, class_name=image.class_name, method=method, frames=shown))
    return tuple(strips)


def coarsest(profiles: Sequence[Profile]) -> str | None:
    """The coarsest method of which all profiles have maps; None where there is none."""
    shared = [
        name
        for name in profiles[0].manifest.get("methods", {})
        if all(Kept(profile).maps(name) is not None for profile in profiles)
    ]
    coarse = [name for name in shared if name in METHODS and METHODS[name].kind == "positive"]
    return next(iter([*coarse, *shared]), None)


def frame_of(profile: Profile, label: str, image: str, method: str) -> Frame | None:
    """One image of a profile with its map; None where either is not kept."""
    row = next((row for row, one in enumerate(profile.images) if one.image == image), None)
    kept = Kept(profile)
    maps = kept.maps(method)
    if row is None or maps is None:
        return None
    kind = kinds_of(profile).get(method)
    drawn = Gallery(
        shown=(), total=0, width=1, height=1, scales={method: scale_of(kind, maps[:8])},
        smoothed=frozenset({method} if kind in {"magnitude", "signed"} else ()),
    )  # fmt: skip
    picture = overlay(kept, row, method, drawn)
    if picture is None:
        return None
    small = picture.resize((_SIDE, max(round(_SIDE * picture.height / picture.width), 1)), Image.Resampling.LANCZOS)
    held = io.BytesIO()
    small.save(held, "WEBP", quality=68, method=2)
    image_row = profile.images[row]
    return Frame(
        label=label,
        picture=f"data:image/webp;base64,{base64.b64encode(held.getvalue()).decode()}",
        predicted=answer_of(profile, image_row),
        correct=image_row.correct,
    )
