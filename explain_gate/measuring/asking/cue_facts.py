"""What a run tells of a class's cue: its place and colour in words, its numbers, its pictures. Knows no model."""

from __future__ import annotations

import colorsys
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from explain_gate.metrics.batch import Cue
from explain_gate.metrics.patches import Form, Place, Window

FILE = "cues.json"
PICTURES = ("source", "patch", "before", "after")

_STANDS_OUT = 0.15
"""Distance of colours, each channel in [0, 1], below which a patch has nothing that its surroundings lack."""
_MOSTLY = 0.6
"""Share of a patch's telling pixels that must have one colour for it to be named."""
_GREY = 0.2
"""Saturation below which a colour is white, grey or black."""
_HUES = ((15, "red"), (45, "orange"), (70, "yellow"), (165, "green"), (200, "cyan"), (255, "blue"), (290, "purple"))
"""Up to which angle of the colour wheel a hue has its name; beyond the last lies pink, and red from 345 degrees on."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CueFacts:
    """What is told of one class and place.

    `box` is (x0, y0, x1, y1), the place on the
    source image, in pixels of the model's input. `colour` is that of what stands out in the patch, None where it has
    no one colour. `anywhere`: patches of other places do as much, so no place is named. `support_gained` is the mean
    rise of the support for the class on the pictures of the search that took the patch.
    """

    place: Place
    label: int
    class_name: str
    form: Form
    colour: str | None
    anywhere: bool
    what: str
    box: tuple[int, int, int, int]
    source_image: str
    target_image: str
    search_share: float
    support_gained: float
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lent:
    """What a class lends: the row that the patch comes from, how it is planted, and what is told and shown of it."""

    row: int
    cue: Cue
    facts: CueFacts
    pictures: Mapping[str, bytes]


def write_facts(folder: Path, lent: Sequence[Lent], outcomes: Sequence[Mapping[int, float]]) -> None:
    """Pictures, and one JSON of facts with what the patch did to the images that took it: per fact, 0 or 1 by image."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = []
    for each, shares in zip(lent, outcomes, strict=True):
        one = each.facts
        for picture, name in one.files.items():
            (folder / name).write_bytes(each.pictures[picture])
        # Sorted, so that the sum is the same in whatever order images came.
        share = float(np.sort(list(shares.values())).mean()) if shares else one.search_share
        listed.append(
            {
                **asdict(one),
                "share": round(share, 4),
                "images": len(shares),
                "sentence": f"{one.what} turns {100 * share:.0f} % of other images into {one.class_name}",
            }
        )
    text = json.dumps({"schema_version": 1, "cues": listed}, indent=2, allow_nan=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")


def describe(
    form: Form, where: Place, window: Window, size: Sequence[int], colour: str | None, *, anywhere: bool
) -> str:
    """The cue as the subject of a sentence: `a red patch in the upper left corner`. `size` is (height, width)."""
    what = "object" if where == "inside" else "background"
    if form == "tinted":
        return f"the {colour} of the {what}" if colour else f"the colour of the {what}"
    named = f"{colour} patch" if colour else "patch"
    article = "an" if named[0] in "aeiou" else "a"
    if form == "tiled":
        return f"{article} {named} of the background, repeated all over it,"
    if form == "own" or anywhere:
        return f"{article} {named} of the {what}"
    return f"{article} {named} {place_words(window, size)}"


def place_words(window: Window, size: Sequence[int]) -> str:
    """Where in a frame (height, width) a window lies: `in the upper left corner`, `at the left edge`."""
    vertical, upright = _along(window.top, window.side, size[0], "upper", "lower")
    horizontal, level = _along(window.left, window.side, size[1], "left", "right")
    if upright and level:
        return f"in the {vertical} {horizontal} corner"
    if upright or level:
        edge, other = (vertical, horizontal) if upright else (horizontal, vertical)
        return f"at the {edge} edge" + (f", {other} of the middle" if other in ("left", "right") else _beside(other))
    words = " ".join(word for word in (vertical, horizontal) if word)
    return f"in the {words} part of the frame" if words else "in the middle of the frame"


def colour_of(picture: NDArray[np.float64], kind: NDArray[np.bool_], window: Window, form: Form) -> str | None:
    """Name of the colour by which a patch stands out from the rest of its picture; None where it is not one colour.

    Args:
        picture: (H, W, 3), in [0, 1].
        kind: (H, W), the pixels that a patch is taken of: the object's, or all others.
        window: the place of the patch.
        form: `tinted` passes the mean colour on, so that is named; of other forms what stands out is.
    """
    own = np.zeros(kind.shape, dtype=bool)
    own[window.rows, window.columns] = True
    patch = picture[own & kind]
    if not len(patch):
        return None
    if form == "tinted":
        return _colour_name(patch.mean(axis=0))
    rest = picture[~own & kind]
    distance = np.abs(patch - np.median(rest if len(rest) else patch, axis=0)).max(axis=1)
    if distance.max() >= _STANDS_OUT:
        patch = patch[distance >= distance.max() / 2]
    names = Counter(_colour_name(pixel) for pixel in patch)
    name, count = names.most_common(1)[0]
    return name if count >= _MOSTLY * len(patch) else None


def pack(lent: Lent | None) -> tuple[dict[str, Any], bytes]:
    """What a class lends as a head that JSON takes, and bytes."""
    if lent is None:
        return {"facts": None}, b""
    window = [lent.cue.window.top, lent.cue.window.left, lent.cue.window.side]
    part = None if lent.cue.part is None else lent.cue.part.int().tolist()
    sizes = {name: len(lent.pictures[name]) for name in PICTURES}
    head = {"facts": asdict(lent.facts), "window": window, "part": part, "sizes": sizes}
    return head, b"".join(lent.pictures[name] for name in PICTURES)


def unpack(head: Mapping[str, Any], content: bytes, rows: Mapping[str, int], names: Mapping[str, str]) -> Lent | None:
    """What `pack` packed; None where nothing was lent. `names` say what images are called today, `rows` where."""
    if head["facts"] is None:
        return None
    facts = renamed(CueFacts(**{**head["facts"], "box": tuple(head["facts"]["box"])}), names)
    top, left, side = head["window"]
    part = None if head["part"] is None else torch.tensor(head["part"], dtype=torch.bool)
    pictures, start = {}, 0
    for name in PICTURES:
        pictures[name] = content[start : start + head["sizes"][name]]
        start += head["sizes"][name]
    cue = Cue(window=Window(top=top, left=left, side=side), form=facts.form, part=part)
    return Lent(row=rows[facts.source_image], cue=cue, facts=facts, pictures=pictures)


def renamed(facts: CueFacts, names: Mapping[str, str]) -> CueFacts:
    """Facts of images that may be called something else today."""
    return replace(
        facts,
        source_image=names.get(facts.source_image, facts.source_image),
        target_image=names.get(facts.target_image, facts.target_image),
    )


def png(visible: Tensor) -> bytes:
    """An image (3, H, W), in [0, 1], as a PNG."""
    pixels = (visible.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _along(start: int, side: int, length: int, low: str, high: str) -> tuple[str, bool]:
    """The word for a stretch of one axis, empty in the middle, and whether it reaches an end of it."""
    if start == 0 or start + side == length:
        return (low if start == 0 else high), True
    share = (start + side / 2) / length
    return (low if share <= 0.4 else high if share >= 0.6 else ""), False


def _beside(word: str) -> str:
    return f", {'above' if word == 'upper' else 'below'} the middle" if word else ""


def _colour_name(colour: NDArray[np.float64]) -> str:
    hue, saturation, value = colorsys.rgb_to_hsv(*(float(channel) for channel in np.clip(colour, 0, 1)))
    if value < 0.15:
        return "black"
    if saturation < _GREY:
        return "white" if value > 0.85 else "black" if value < 0.25 else "grey"
    angle = 360 * hue
    name = next((name for end, name in _HUES if angle < end), "pink" if angle < 345 else "red")
    return "brown" if name == "orange" and value < 0.65 else name
