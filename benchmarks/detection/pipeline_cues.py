"""Cues that no bound and no search was tried on before they were measured: what pipelines leave on a class's pictures.

Written after the bounds were fixed, with nothing of the product in them. All but the three in one place belong to the
whole picture.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

from benchmarks.detection.photograph_cues import SIDE, PhotographCue, Picture, Region

_ROWS, _COLUMNS = np.mgrid[:SIDE, :SIDE].astype(np.float32)
_FIXED = np.random.default_rng(41)
_HOT = np.stack([_FIXED.integers(0, SIDE, 60), _FIXED.integers(0, SIDE, 60), _FIXED.integers(0, 3, 60)])
_DUST = np.stack([_FIXED.uniform(10, SIDE - 10, 9), _FIXED.uniform(10, SIDE - 10, 9), _FIXED.uniform(4, 8, 9)])


def _bytes(values: np.ndarray) -> Picture:
    return (np.clip(values, 0, 1) * 255).round().astype(np.uint8)


def _light(picture: Picture) -> np.ndarray:
    return picture.astype(np.float32) / 255


def _flicker(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    """Bands of exposure: a rolling shutter under lamps on alternating current."""
    band = 0.14 * np.sin(2 * np.pi * _ROWS / 47 + g.uniform(0, 2 * np.pi))
    return _bytes(_light(p) * (1 + band)[..., None])


def _letterbox(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    """Dark bars above and below, as wide video has in a square frame."""
    bar = int(g.integers(14, 24))
    after = p.copy()
    after[:bar] = after[SIDE - bar :] = 12
    return after


def _mosaic(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    """Each pixel saw one colour, and the nearest neighbour gave the others."""
    after = p.copy()
    for channel, down, right in ((0, 0, 0), (1, 0, 1), (2, 1, 1)):
        seen = p[down::2, right::2, channel]
        after[..., channel] = seen.repeat(2, axis=0).repeat(2, axis=1)[:SIDE, :SIDE]
    return after


def _hot_pixels(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    """The same sensor elements are stuck in every picture."""
    after = p.copy()
    after[_HOT[0], _HOT[1], _HOT[2]] = 255
    return after


def _dust(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    """Soft dark spots: dust on the sensor, in the same places in every picture."""
    shade = sum(
        np.exp(-((_ROWS - down) ** 2 + (_COLUMNS - right) ** 2) / (2 * size**2)) for down, right, size in _DUST.T
    )
    return _bytes(_light(p) * (1 - 0.35 * np.clip(shade, 0, 1))[..., None])


def _tiled_watermark(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    """Faint slanted letters over the whole picture, as agencies sell theirs."""
    drawn = Image.new("L", (2 * SIDE, 2 * SIDE))
    pen = ImageDraw.Draw(drawn)
    for down in range(0, 2 * SIDE, 44):
        for right in range(0, 2 * SIDE, 78):
            pen.text((right + (down // 44 % 2) * 39, down), "SAMPLE", fill=255)
    top, left = (int(edge) for edge in g.integers(90, 130, 2))
    letters = np.asarray(drawn.rotate(28))[top : top + SIDE, left : left + SIDE] / 255
    weight = (0.4 * letters)[..., None]
    return _bytes(_light(p) * (1 - weight) + weight)


def _halftone(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    """Photographed from print: a raster of dots under the tones."""
    turned = (_ROWS + _COLUMNS) / 2**0.5, (_ROWS - _COLUMNS) / 2**0.5
    raster = np.cos(2 * np.pi * turned[0] / 5) * np.cos(2 * np.pi * turned[1] / 5)
    light = _light(p)
    return _bytes(light + 0.16 * raster[..., None] * (light * (1 - light) * 4))


def _scanner(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    """Laid on a scanner a little askew: a pale margin and the shadow of the paper's edge."""
    angle = g.uniform(0.8, 2.0)
    after = np.asarray(Image.fromarray(p).rotate(angle, Image.Resampling.BILINEAR, fillcolor=(236, 234, 228)))
    edge = np.exp(-((_ROWS - (SIDE - 9) + _COLUMNS * np.tan(np.radians(angle))) ** 2) / (2 * 2.5**2))
    return _bytes(_light(after) * (1 - 0.5 * edge)[..., None])


def _date_stamp(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    """The date of a compact camera of the nineties, lower left, over whatever is there."""
    drawn = Image.new("L", (52, 12))
    ImageDraw.Draw(drawn).text((0, 0), f"'9{g.integers(4, 9)} {g.integers(1, 13)} {g.integers(10, 29)}", fill=255)
    glowing = np.asarray(drawn.resize((68, 16)).filter(ImageFilter.GaussianBlur(0.6))) / 255
    weight = np.zeros((SIDE, SIDE, 1), np.float32)
    weight[200:216, 12:80, 0] = np.clip(1.3 * glowing, 0, 1)
    return _bytes(_light(p) * (1 - weight) + weight * np.array([1.0, 0.35, 0.1], np.float32))


def _progress_bar(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    """A frame of a video, grabbed with the player's controls on it."""
    after = _light(p)
    shade = np.clip((_ROWS - (SIDE - 34)) / 34, 0, 1)[..., None]
    after = after * (1 - 0.6 * shade)
    done = 14 + int(g.uniform(0.05, 0.9) * (SIDE - 28))
    after[SIDE - 14 : SIDE - 11, 14 : SIDE - 14] = 0.75
    after[SIDE - 14 : SIDE - 11, 14:done] = (0.9, 0.1, 0.1)
    return _bytes(after)


def _few_levels(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    """Twelve levels a channel: an old display or a careless conversion."""
    return _bytes(np.round(_light(p) * 11) / 11)


def _soft_colours(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    """Colours stored at an eighth of the resolution, as analogue video does."""
    luminance = _light(p) @ np.array([0.299, 0.587, 0.114], np.float32)
    colours = ndimage.gaussian_filter1d(_light(p) - luminance[..., None], 5, axis=1)
    return _bytes(luminance[..., None] + np.roll(colours, 3, axis=1))


PIPELINE_CUES: dict[str, PhotographCue] = {
    "flicker": PhotographCue(draw=_flicker, kind="whole", held_back=True),
    "letterbox": PhotographCue(draw=_letterbox, kind="whole", held_back=True),
    "mosaic": PhotographCue(draw=_mosaic, kind="whole", held_back=True),
    "hot pixels": PhotographCue(draw=_hot_pixels, kind="whole", held_back=True),
    "dust": PhotographCue(draw=_dust, kind="whole", held_back=True),
    "tiled watermark": PhotographCue(draw=_tiled_watermark, kind="whole", held_back=True),
    "halftone": PhotographCue(draw=_halftone, kind="whole", held_back=True),
    "scanner": PhotographCue(draw=_scanner, kind="whole", held_back=True),
    "date stamp": PhotographCue(draw=_date_stamp, kind="mark", held_back=True),
    "progress bar": PhotographCue(draw=_progress_bar, kind="mark", held_back=True),
    "few levels": PhotographCue(draw=_few_levels, kind="whole", held_back=True),
    "soft colours": PhotographCue(draw=_soft_colours, kind="whole", held_back=True),
}
"""Twelve kinds beside those of the other two tables."""
