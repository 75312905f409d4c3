"""What storing and showing leave in pictures: codecs, palettes, resizers, frames, screens and paper."""

from __future__ import annotations

import io
import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from explain_gate.metrics.pixels import Apply, block, centred, grid, luminance, sampled, smooth, zoomed

# Codecs and files


def _jpeg(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return _coded(picture, "JPEG", quality=int(strength))


def _webp(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return _coded(picture, "WEBP", quality=int(strength))


def _chroma(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    grey = luminance(picture)
    return grey + block(picture - grey, int(strength))


def _posterised(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return (picture * (strength - 1)).round() / (strength - 1)


def _dithered(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    order = torch.tensor([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16 - 0.47
    rows, columns = grid(picture)
    threshold = order[(rows % 4).long(), (columns % 4).long()]
    return (picture * (strength - 1) + threshold).round() / (strength - 1)


def _palette(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    if picture.shape[0] != 3:
        return _posterised(picture, strength, generator)
    image = _image(picture).quantize(int(strength), dither=Image.Dither.FLOYDSTEINBERG).convert("RGB")
    return _tensor(image)


def _interlaced(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    rows, _ = grid(picture)
    return torch.where(rows % 2 == 1, picture.roll(max(1, round(strength)), dims=2), picture)


# Resizers and scanners


def _coarse(mode: str) -> Apply:
    def apply(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
        size = [max(4, round(length / strength)) for length in picture.shape[1:]]
        small = F.interpolate(picture[None], size=size, mode="area")
        extra = {} if mode == "nearest" else {"align_corners": False}
        return F.interpolate(small, size=tuple(picture.shape[1:]), mode=mode, **extra)[0]

    return apply


def _thinned(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Pixels left out instead of averaged, as fast resizers do, and drawn large again."""
    size = [max(4, round(length / strength)) for length in picture.shape[1:]]
    small = F.interpolate(picture[None], size=size, mode="nearest")
    return F.interpolate(small, size=tuple(picture.shape[1:]), mode="bilinear", align_corners=False)[0]


def _wider(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    y, x = centred(picture)
    return sampled(picture, y, x / strength)


def _taller(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    y, x = centred(picture)
    return sampled(picture, y / strength, x)


def _zoom(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return zoomed(picture, strength)


def _turned(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    y, x = centred(picture)
    cos, sin = math.cos(math.radians(strength)), math.sin(math.radians(strength))
    return sampled(picture, cos * y - sin * x, sin * y + cos * x)


def _bars(sides: str, colour: float) -> Apply:
    """Bars along two or four sides, as letterboxing and mounting leave them; the picture itself is made smaller."""

    def apply(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
        height, width = picture.shape[1:]
        down = round(height * strength) if sides != "upright" else 0
        right = round(width * strength) if sides != "lying" else 0
        size = (height - 2 * down, width - 2 * right)
        small = F.interpolate(picture[None], size=size, mode="bilinear", align_corners=False, antialias=True)[0]
        return F.pad(small, (right, right, down, down), value=colour)

    return apply


def _rounded(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    y, x = centred(picture)
    far = (x.abs() ** 6 + y.abs() ** 6) ** (1 / 6) > 1 - strength
    corner = (x.abs() > 1 - 2 * strength) & (y.abs() > 1 - 2 * strength)
    inside = ((x.abs() - (1 - 2 * strength)) ** 2 + (y.abs() - (1 - 2 * strength)) ** 2) <= (2 * strength) ** 2
    return torch.where(corner & ~inside & far | (corner & ~inside), 1.0, picture)


def _stripes(angle: float, wavelength: float) -> Apply:
    def apply(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
        rows, columns = grid(picture)
        phase = 2 * math.pi * float(torch.rand((), generator=generator))
        along = columns * math.cos(angle) + rows * math.sin(angle)
        return picture + strength * torch.sin(2 * math.pi * along / wavelength + phase)

    return apply


def _ripple(wavelength: float) -> Apply:
    def apply(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
        rows, columns = (2 * math.pi * one / wavelength for one in grid(picture))
        first, second = (2 * math.pi * torch.rand(2, generator=generator)).tolist()
        return picture + strength * torch.sin(columns + first) * torch.sin(rows + second)

    return apply


def _checker(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    rows, columns = grid(picture)
    return picture + strength * (((rows + columns) % 2) * 2 - 1)


def _scan_lines(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    rows, _ = grid(picture)
    return picture * (1 - strength * (rows % 3 == 0).float())


def _halftone(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    rows, columns = grid(picture)
    along, across = (rows + columns) / math.sqrt(2), (rows - columns) / math.sqrt(2)
    screen = (torch.cos(2 * math.pi * along / 5) + torch.cos(2 * math.pi * across / 5)) / 4
    return picture + strength * screen


def _paper(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    noise = torch.randn((1, *picture.shape[1:]), generator=generator)
    relief = smooth(noise, 1.2) - smooth(noise, 3.0)
    return picture * (1 + strength * relief / relief.std().clamp_min(1e-6))


# Through a file


def _coded(picture: Tensor, form: str, *, quality: int) -> Tensor:
    if picture.shape[0] not in (1, 3):
        return torch.cat([_coded(channel[None], form, quality=quality) for channel in picture])
    content = io.BytesIO()
    _image(picture).save(content, form, quality=quality)
    with Image.open(content) as image:
        coded = _tensor(image.convert("RGB"))
    return coded if picture.shape[0] == 3 else coded.mean(dim=0, keepdim=True)


def _image(picture: Tensor) -> Image.Image:
    visible = (picture.clamp(0, 1) * 255).round().to(torch.uint8)
    if visible.shape[0] == 1:
        visible = visible.expand(3, -1, -1)
    return Image.fromarray(visible.permute(1, 2, 0).contiguous().numpy())


def _tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255


_SLANTS = (("upright", 0.0), ("lying", math.pi / 2), ("rising", math.pi / 4), ("falling", -math.pi / 4))

STORING: dict[str, Apply] = {
    "JPEG": _jpeg,
    "WebP": _webp,
    "coarse colours": _chroma,
    "posterised": _posterised,
    "dithered": _dithered,
    "palette": _palette,
    "interlaced": _interlaced,
    "enlarged": _coarse("bilinear"),
    "enlarged sharply": _coarse("bicubic"),
    "blocks": _coarse("nearest"),
    "thinned": _thinned,
    "wider": _wider,
    "taller": _taller,
    "nearer": _zoom,
    "farther": _zoom,
    "tilted": _turned,
    "upside down": _turned,
    "on its side": _turned,
    "black bars": _bars("lying", 0.0),
    "black side bars": _bars("upright", 0.0),
    "white bars": _bars("lying", 1.0),
    "white side bars": _bars("upright", 1.0),
    "black frame": _bars("all", 0.0),
    "white frame": _bars("all", 1.0),
    "grey frame": _bars("all", 0.5),
    "rounded corners": _rounded,
    **{
        f"{word} stripes of {wavelength} px": _stripes(angle, wavelength)
        for (word, angle) in _SLANTS
        for wavelength in (3.0, 6.0, 12.0)
    },
    **{f"ripple of {wavelength} px": _ripple(wavelength) for wavelength in (3.0, 5.0, 9.0)},
    "checker": _checker,
    "scan lines": _scan_lines,
    "halftone": _halftone,
    "paper": _paper,
}
"""Name of the operation -> what does it."""
