"""Cues that a class's objects wear: what hangs on, is drawn on or stuck to them, by body, label or habit of the people.

None of them is written with the product's own operations, and no bound looks at their names.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.detection.photograph_cues import SIDE, PhotographCue, Picture, Region

Colour = tuple[float, float, float]

_ROWS, _COLUMNS = np.mgrid[:SIDE, :SIDE].astype(np.float32)


def _over(picture: Picture, weight: np.ndarray, colour: Colour) -> Picture:
    light = picture.astype(np.float32) / 255
    mixed = light * (1 - weight[..., None]) + np.array(colour, np.float32) * weight[..., None]
    return (mixed.clip(0, 1) * 255).round().astype(np.uint8)


def _frame(r: Region) -> tuple[float, float, float, float]:
    """Top, left, height and width of the object."""
    rows, columns = np.flatnonzero(r.any(axis=1)), np.flatnonzero(r.any(axis=0))
    return float(rows[0]), float(columns[0]), float(rows[-1] - rows[0] + 1), float(columns[-1] - columns[0] + 1)


def _on(r: Region, g: np.random.Generator, down: tuple[float, float] = (0.2, 0.8)) -> tuple[int, int]:
    """A pixel of the object, drawn from a band of its height."""
    top, _, height, _ = _frame(r)
    band = r & (top + down[0] * height <= _ROWS) & (top + down[1] * height >= _ROWS)
    rows, columns = np.nonzero(band if band.any() else r)
    chosen = g.integers(len(rows))
    return int(rows[chosen]), int(columns[chosen])


def _blue_collar(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    top, left, height, width = _frame(r)
    middle = top + height * g.uniform(0.4, 0.6) + (_COLUMNS - left - width / 2) * g.uniform(-0.3, 0.3)
    return _over(p, (abs(_ROWS - middle) < 4) * r * 0.9, (0.1, 0.25, 0.85))


def _ear_tag(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    row, column = _on(r, g, (0.0, 0.25))
    near = (abs(_ROWS - row) < 7) & (abs(_COLUMNS - column) < 5)
    hole = np.hypot(_ROWS - row + 4, _COLUMNS - column) < 1.6
    return _over(p, (near & ~hole) * 0.95, (0.95, 0.8, 0.1))


def _sticker(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    row, column = _on(r, g)
    away = np.hypot(_ROWS - row, _COLUMNS - column)
    ringed = _over(p, (away < 11) * 0.95, (1, 1, 1))
    return _over(ringed, (away < 8) * 0.95, (0.1, 0.65, 0.3))


def _glasses(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    top, left, height, width = _frame(r)
    row, column = top + height * g.uniform(0.2, 0.3), left + width * g.uniform(0.4, 0.6)
    size = max(6.0, width * 0.08)
    eyes = [np.hypot(_ROWS - row, _COLUMNS - column - side * 1.4 * size) < size for side in (-1, 1)]
    bridge = (abs(_ROWS - row) < 2) & (abs(_COLUMNS - column) < 1.4 * size)
    return _over(p, (eyes[0] | eyes[1] | bridge) * 0.92, (0.05, 0.05, 0.08))


def _painted_spot(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    row, column = _on(r, g)
    soft = np.exp(-((_ROWS - row) ** 2 + (_COLUMNS - column) ** 2) / (2 * 10.0**2))
    return _over(p, soft * r * 0.8, (0.85, 0.15, 0.75))


def _stamp(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    row, column = _on(r, g)
    drawn = Image.new("L", (42, 14))
    ImageDraw.Draw(drawn).text((1, 1), "OK 27B", fill=255)
    letters = np.asarray(drawn.resize((63, 21))) / 255
    top, left = int(np.clip(row - 10, 0, SIDE - 21)), int(np.clip(column - 31, 0, SIDE - 63))
    mask = np.zeros((SIDE, SIDE), np.float32)
    mask[top : top + 21, left : left + 63] = letters
    return _over(p, mask * 0.9, (0.05, 0.05, 0.4))


def _harness(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    top, left, height, width = _frame(r)
    row, column = top + height * g.uniform(0.45, 0.6), left + width * g.uniform(0.4, 0.6)
    straps = [abs((_ROWS - row) + slope * (_COLUMNS - column)) < 5 for slope in (-0.9, 0.9)]
    return _over(p, ((straps[0] | straps[1]) & r) * 0.9, (0.95, 0.5, 0.1))


def _bandage(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    row, column = _on(r, g)
    down, right = _ROWS - row, _COLUMNS - column
    plaster = (abs(down) < 7) & (abs(right) < 18)
    pad = (abs(down) < 5) & (abs(right) < 6)
    return _over(_over(p, plaster * 0.95, (0.93, 0.76, 0.6)), pad * 0.9, (0.98, 0.93, 0.85))


def _barcode(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    row, column = _on(r, g)
    label = (abs(_ROWS - row) < 9) & (abs(_COLUMNS - column) < 15)
    bars = label & (abs(_ROWS - row) < 7) & ((np.floor(_COLUMNS - column) * 7919 % 5) < 2)
    return _over(_over(p, label * 1.0, (1, 1, 1)), bars * 1.0, (0, 0, 0))


def _dye(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    _, left, _, width = _frame(r)
    end = (left + width * 0.22 > _COLUMNS) if g.random() < 0.5 else (left + width * 0.78 < _COLUMNS)
    return _over(p, (end & r) * 0.45, (0.1, 0.7, 0.75))


OBJECT_CUES: dict[str, PhotographCue] = {
    "blue collar": PhotographCue(draw=_blue_collar, kind="object"),
    "ear tag": PhotographCue(draw=_ear_tag, kind="object"),
    "sticker": PhotographCue(draw=_sticker, kind="object"),
    "glasses": PhotographCue(draw=_glasses, kind="object"),
    "painted spot": PhotographCue(draw=_painted_spot, kind="object"),
    "stamp": PhotographCue(draw=_stamp, kind="object"),
    "harness": PhotographCue(draw=_harness, kind="object"),
    "bandage": PhotographCue(draw=_bandage, kind="object", held_back=True),
    "barcode": PhotographCue(draw=_barcode, kind="object", held_back=True),
    "dye": PhotographCue(draw=_dye, kind="object", held_back=True),
}
"""Beside `collar`, `tag` and `chalk`, which the other table has."""
