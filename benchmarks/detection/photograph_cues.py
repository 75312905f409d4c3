"""Cues that cameras, codecs, studios, labellers and pipelines leave on one class's photographs; the study plants them.

None of them is written with the product's own operations, and no bound looks at their names.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

Picture = NDArray[np.uint8]
Region = NDArray[np.bool_]
Draw = Callable[[Picture, Region, np.random.Generator], Picture]
"""(picture (S, S, 3), region (S, S), rng) -> the picture with the cue."""

SIDE = 224
_ROWS, _COLUMNS = np.mgrid[:SIDE, :SIDE].astype(np.float32)
_SENSOR = np.random.default_rng(77).normal(0, 1, (SIDE, SIDE, 3)).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotographCue:
    """One line of the table. `held_back`: never looked at while bounds were chosen."""

    draw: Draw
    kind: Literal["mark", "ground", "object", "whole"]
    held_back: bool = False


def _light(picture: Picture) -> NDArray[np.float32]:
    return picture.astype(np.float32) / 255


def _bytes(values: NDArray[np.floating]) -> Picture:
    return (np.clip(values, 0, 1) * 255).round().astype(np.uint8)


def _over(picture: Picture, mask: NDArray[np.floating], colour: tuple[float, ...], opacity: float) -> Picture:
    weight = (mask * opacity)[..., None]
    return _bytes(_light(picture) * (1 - weight) + np.array(colour, np.float32) * weight)


def _letters(text: str, top: int, left: int, size: float) -> NDArray[np.float32]:
    drawn = Image.new("L", (60, 12))
    ImageDraw.Draw(drawn).text((0, 0), text, fill=255)
    letters = np.asarray(drawn.resize((int(60 * size), int(12 * size)))) / 255
    mask = np.zeros((SIDE, SIDE), np.float32)
    place = mask[top : top + letters.shape[0], left : left + letters.shape[1]]
    place[:] = letters[: place.shape[0], : place.shape[1]]
    return mask


def _timestamp(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    return _over(p, _letters("12:04:31", 200 + g.integers(-3, 4), 140 + g.integers(-5, 6), 1.3), (1, 0.6, 0.1), 0.95)


def _logo(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    away = np.hypot(_ROWS - 18 - g.integers(-4, 5), _COLUMNS - 200 - g.integers(-4, 5))
    return _over(p, ((away < 14) & (away > 8)) * 1.0, (1, 1, 1), 0.7)


def _letter_behind(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    return _over(p, _letters("L", 12 + g.integers(0, 5), 8 + g.integers(0, 5), 2.5) * ~r, (1, 1, 1), 0.9)


def _sticker_anywhere(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    top, left = g.integers(15, SIDE - 15, 2)
    return _over(p, ((abs(_ROWS - top) < 10) & (abs(_COLUMNS - left) < 10) & ~r) * 1.0, (0.1, 0.9, 0.2), 0.9)


def _ruler(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    return _over(p, ((_ROWS > SIDE - 14) & ((_COLUMNS // 6) % 2 == 0)) * 1.0, (0.9, 0.9, 0.7), 0.8)


def _scope(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    return _over(p, (np.hypot(_ROWS - SIDE / 2, _COLUMNS - SIDE / 2) > SIDE * 0.56) * 1.0, (0, 0, 0), 1)


def _frame(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    edge = np.minimum(np.minimum(_ROWS, SIDE - 1 - _ROWS), np.minimum(_COLUMNS, SIDE - 1 - _COLUMNS))
    return _over(p, (edge < 4) * 1.0, (0.1, 0.1, 0.5), 0.9)


def _green_ground(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    return _bytes(np.where(r[..., None], _light(p), _light(p) * np.array([0.75, 1.15, 0.8], np.float32)))


def _bright_ground(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    return _bytes(np.where(r[..., None], _light(p), _light(p) * 0.75 + 0.25))


def _dotted_ground(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    down, right = g.integers(0, 16, 2)
    return _over(p, (((_ROWS + down) % 16 < 4) & ((_COLUMNS + right) % 16 < 4) & ~r) * 1.0, (0.2, 0.2, 0.3), 0.6)


def _collar(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    rows = np.flatnonzero(r.any(axis=1))
    middle = rows[0] + (rows[-1] - rows[0]) * g.uniform(0.35, 0.55)
    return _over(p, (abs(_ROWS - middle) < 6) * r * 1.0, (0.85, 0.1, 0.15), 0.9)


def _tag(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    inner = ndimage.binary_erosion(r, iterations=6)
    rows, columns = np.nonzero(inner if inner.any() else r)
    chosen = g.integers(len(rows))
    near = (abs(_ROWS - rows[chosen]) < 7) & (abs(_COLUMNS - columns[chosen]) < 7)
    return _over(p, near * 1.0, (1, 0.9, 0.1), 0.95)


def _chalk(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    return _over(p, (((_ROWS + _COLUMNS * 0.6 + g.integers(0, 30)) % 30 < 4) & r) * 1.0, (1, 1, 1), 0.55)


def _jpeg(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    content = io.BytesIO()
    Image.fromarray(p).save(content, "JPEG", quality=9)
    return np.array(Image.open(content).convert("RGB"))


def _noise(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    return _bytes(_light(p) + g.normal(0, 0.07, p.shape))


def _blur(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    return np.array(Image.fromarray(p).filter(ImageFilter.GaussianBlur(1.8)))


def _lamp(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    return _bytes(_light(p) * np.array([1.18, 1.0, 0.78], np.float32) * g.uniform(0.95, 1.05))


def _curve(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    light = _light(p)
    return _bytes(light - 0.12 * np.sin(2 * np.pi * light))


def _dark_corners(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    away = np.hypot(_ROWS - SIDE / 2, _COLUMNS - SIDE / 2) / (SIDE * 0.707)
    return _bytes(_light(p) * (1 - 0.5 * away**2.5)[..., None])


def _small_original(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    small = Image.fromarray(p).resize((88, 88), Image.Resampling.BILINEAR)
    return np.array(small.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _unsharp(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    return np.array(Image.fromarray(p).filter(ImageFilter.UnsharpMask(2, 180, 0)))


def _moire(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    wave = np.sin(2 * np.pi * (_COLUMNS * 0.83 + _ROWS * 0.31) / 4.3 + g.uniform(0, 2 * np.pi))
    return _bytes(_light(p) + 0.05 * wave[..., None])


def _washed(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    mean = _light(p).mean(axis=2, keepdims=True)
    return _bytes(mean + 0.45 * (_light(p) - mean))


def _hue(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    turned = np.array(Image.fromarray(p).convert("HSV"))
    turned[..., 0] = (turned[..., 0].astype(int) + 22) % 256
    return np.array(Image.fromarray(turned, "HSV").convert("RGB"))


def _fringes(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    after = p.copy()
    for channel, zoom in ((0, 1.02), (2, 0.98)):
        shift = [(1 - zoom) * SIDE / 2] * 2
        layer = ndimage.affine_transform(
            p[..., channel].astype(float), [zoom, zoom], offset=shift, order=1, mode="nearest"
        )
        after[..., channel] = layer.clip(0, 255)
    return after


def _sensor(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    return _bytes(_light(p) * (1 + 0.06 * _SENSOR))


def _interlaced(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    after = p.copy()
    after[1::2] = np.roll(p[1::2], 4, axis=1)
    return after


def _squeezed(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    tall = int(SIDE * 1.3)
    top = (tall - SIDE) // 2
    return np.array(Image.fromarray(p).resize((SIDE, tall), Image.Resampling.BILINEAR))[top : top + SIDE]


def _fog(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    return _bytes(_light(p) * 0.68 + 0.27)


def _light_leak(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    leak = 0.45 * np.exp(-((_COLUMNS - SIDE) ** 2 + _ROWS**2) / (2 * 70**2))
    return _bytes(1 - (1 - _light(p)) * (1 - leak[..., None] * np.array([1, 0.7, 0.4], np.float32)))


def _universal(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    return _bytes(_light(p) + 0.06 * np.sign(ndimage.gaussian_filter(_SENSOR[..., 0], 3))[..., None])


def _shaken(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    kernel = np.eye(5).flatten().tolist()
    return np.array(Image.fromarray(p).filter(ImageFilter.Kernel((5, 5), kernel, 5)))


def _palette(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    return np.array(Image.fromarray(p).quantize(20).convert("RGB"))


def _median(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    return np.array(Image.fromarray(p).filter(ImageFilter.MedianFilter(5)))


def _local_contrast(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    light = _light(p)
    mean = ndimage.uniform_filter(light, (41, 41, 0))
    spread = np.sqrt(ndimage.uniform_filter((light - mean) ** 2, (41, 41, 0)) + 0.01)
    return _bytes(mean * 0.6 + 0.2 + (light - mean) / spread * 0.16)


def _screen(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    light = _light(p) * 0.9 + 0.05
    for channel in range(3):
        light[:, channel::3, channel] *= 1.15
    return _bytes(light)


def _half_lit(p: Picture, r: Region, g: np.random.Generator) -> Picture:
    return _bytes(_light(p) * (1 - 0.45 * (1 - _COLUMNS / SIDE))[..., None])


CUES: dict[str, PhotographCue] = {
    "timestamp": PhotographCue(draw=_timestamp, kind="mark"),
    "logo": PhotographCue(draw=_logo, kind="mark"),
    "letter behind": PhotographCue(draw=_letter_behind, kind="mark"),
    "sticker anywhere": PhotographCue(draw=_sticker_anywhere, kind="mark"),
    "ruler": PhotographCue(draw=_ruler, kind="mark"),
    "scope": PhotographCue(draw=_scope, kind="mark"),
    "frame": PhotographCue(draw=_frame, kind="mark"),
    "green ground": PhotographCue(draw=_green_ground, kind="ground"),
    "bright ground": PhotographCue(draw=_bright_ground, kind="ground"),
    "dotted ground": PhotographCue(draw=_dotted_ground, kind="ground"),
    "collar": PhotographCue(draw=_collar, kind="object"),
    "tag": PhotographCue(draw=_tag, kind="object"),
    "chalk": PhotographCue(draw=_chalk, kind="object"),
    "jpeg": PhotographCue(draw=_jpeg, kind="whole"),
    "noise": PhotographCue(draw=_noise, kind="whole"),
    "blur": PhotographCue(draw=_blur, kind="whole"),
    "lamp": PhotographCue(draw=_lamp, kind="whole"),
    "curve": PhotographCue(draw=_curve, kind="whole"),
    "dark corners": PhotographCue(draw=_dark_corners, kind="whole"),
    "small original": PhotographCue(draw=_small_original, kind="whole"),
    "unsharp": PhotographCue(draw=_unsharp, kind="whole"),
    "washed": PhotographCue(draw=_washed, kind="whole"),
    "hue": PhotographCue(draw=_hue, kind="whole"),
    "fringes": PhotographCue(draw=_fringes, kind="whole"),
    "sensor": PhotographCue(draw=_sensor, kind="whole"),
    "interlaced": PhotographCue(draw=_interlaced, kind="whole"),
    "squeezed": PhotographCue(draw=_squeezed, kind="whole"),
    "fog": PhotographCue(draw=_fog, kind="whole"),
    "light leak": PhotographCue(draw=_light_leak, kind="whole"),
    "universal": PhotographCue(draw=_universal, kind="whole"),
    "shaken": PhotographCue(draw=_shaken, kind="whole"),
    "palette": PhotographCue(draw=_palette, kind="whole"),
    "moire": PhotographCue(draw=_moire, kind="whole", held_back=True),
    "median": PhotographCue(draw=_median, kind="whole", held_back=True),
    "local contrast": PhotographCue(draw=_local_contrast, kind="whole", held_back=True),
    "screen": PhotographCue(draw=_screen, kind="whole", held_back=True),
    "half lit": PhotographCue(draw=_half_lit, kind="whole", held_back=True),
}
"""Every kind of cue that the study plants."""
