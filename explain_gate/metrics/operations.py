"""Everyday operations on whole pictures: what cameras, lenses, codecs, resizers, scanners and editors leave behind.

After ImageNet-C (Hendrycks 2019), with what it leaves out. None of them changes what is in the picture; a model whose
answer turns to one class under one of them takes the operation's mark for the class.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from explain_gate.metrics.everyday import EVERYDAY

Apply = Callable[[Tensor, float, torch.Generator], Tensor]
"""(picture, strength, generator) -> the picture after it; shapes (C, H, W), values in [0, 1], before clamping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation at the strengths at which people leave it in pictures.

    `say` completes "pictures of other classes turn to it when ...".
    """

    name: str
    say: str
    apply: Apply
    strengths: tuple[float, ...]


def operate(picture: Tensor, operation: Operation, strength: float, generator: torch.Generator) -> Tensor:
    """The picture after the operation.

    Shapes: picture (C, H, W), in [0, 1]; returns the same. What is random in an operation (grain) comes from the
    generator.
    """
    return operation.apply(picture, strength, generator).clamp(0, 1).to(picture.dtype)


# Sensors


def _grain(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return picture + strength * torch.randn(picture.shape, generator=generator)


def _luminance_grain(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    noise = torch.randn(picture.shape[1:], generator=generator)
    return picture + strength * _smooth(noise[None], 0.8) * 1.8


def _shot_noise(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return picture + strength * picture.clamp_min(0).sqrt() * torch.randn(picture.shape, generator=generator)


def _impulses(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    draw = torch.rand(picture.shape[1:], generator=generator)
    return torch.where(draw < strength / 2, 0.0, torch.where(draw > 1 - strength / 2, 1.0, picture))


def _fixed_pattern(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    sensor = torch.Generator().manual_seed(20260101)
    return picture * (1 + strength * torch.randn(picture.shape, generator=sensor))


def _row_noise(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return picture + strength * torch.randn((1, picture.shape[1], 1), generator=generator)


def _column_noise(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return picture + strength * torch.randn((1, 1, picture.shape[2]), generator=generator)


def _mosaic(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Every pixel keeps one colour of a Bayer pattern; the others are averaged from its neighbours."""
    if picture.shape[0] != 3:
        return picture
    rows, columns = _grid(picture)
    kept = torch.stack(
        [(rows % 2 == 0) & (columns % 2 == 0), (rows + columns) % 2 == 1, (rows % 2 == 1) & (columns % 2 == 1)]
    ).to(picture.dtype)
    window = torch.ones(3, 1, 3, 3)
    total = F.conv2d(F.pad((picture * kept)[None], (1, 1, 1, 1)), window, groups=3)[0]
    count = F.conv2d(F.pad(kept[None], (1, 1, 1, 1)), window, groups=3)[0].clamp_min(1)
    return torch.lerp(picture, torch.where(kept > 0, picture, total / count), strength)


# Lenses and shutters


def _defocus(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return _smooth(picture, max(0.5, strength * min(picture.shape[1:]) / 224))


def _motion(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    length = max(2, round(strength * min(picture.shape[1:]) / 224))
    kernel = torch.full((picture.shape[0], 1, 1, length), 1 / length)
    padded = F.pad(picture[None], (length // 2, length - 1 - length // 2, 0, 0), mode="replicate")
    return F.conv2d(padded, kernel, groups=picture.shape[0])[0]


def _motion_down(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return _motion(picture.transpose(1, 2), strength, generator).transpose(1, 2)


def _vignette(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return picture * (1 - strength * _radius(picture) ** 2)


def _bright_vignette(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return torch.lerp(picture, torch.ones_like(picture), (strength * _radius(picture) ** 3).clamp(max=1))


def _colour_fringe(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    if picture.shape[0] != 3:
        return picture
    zooms = (1 + strength, 1.0, 1 - strength)
    return torch.stack([_zoomed(channel[None], zoom)[0] for channel, zoom in zip(picture, zooms, strict=True)])


def _barrel(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    y, x = _centred(picture)
    bend = 1 + strength * (x**2 + y**2) / 2
    return _sampled(picture, y * bend / (1 + strength), x * bend / (1 + strength))


def _haze(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return torch.lerp(picture, torch.full_like(picture, 0.85), strength)


def _glow(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return 1 - (1 - picture) * (1 - strength * _smooth(picture, min(picture.shape[1:]) / 28))


def _dust(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    sensor = torch.Generator().manual_seed(20260102)
    rows, columns = _grid(picture)
    side = min(picture.shape[1:])
    spots = torch.zeros(picture.shape[1:])
    for _ in range(12):
        y, x = (torch.rand(2, generator=sensor) * torch.tensor(picture.shape[1:])).tolist()
        spots = torch.maximum(spots, torch.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * (side / 60) ** 2)))
    return picture * (1 - strength * spots)


def _light_from(side: str) -> Apply:
    def apply(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
        y, x = _centred(picture)
        slope = {"above": -y, "left": -x}[side]
        return picture * (1 + strength * slope)

    return apply


# Exposure and colour


def _brighter(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return picture + strength


def _gamma(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return picture.clamp(0, 1) ** strength


def _contrast(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    mean = picture.mean()
    return mean + strength * (picture - mean)


def _saturation(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    grey = _grey(picture)
    return grey + strength * (picture - grey)


def _cast(red: float, green: float, blue: float) -> Apply:
    def apply(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
        if picture.shape[0] != 3:
            return picture
        return picture * (1 + strength * torch.tensor([red, green, blue])[:, None, None])

    return apply


def _hue(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """A turn of the colours around the grey axis, in radians (Rodrigues' rotation)."""
    if picture.shape[0] != 3:
        return picture
    cos, sin = math.cos(strength), math.sin(strength)
    base, cross = (1 - cos) / 3, sin / math.sqrt(3)
    turn = torch.tensor(
        [[cos + base, base - cross, base + cross], [base + cross, cos + base, base - cross],
         [base - cross, base + cross, cos + base]]
    )  # fmt: skip
    return torch.einsum("ij,jhw->ihw", turn, picture)


def _sepia(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    if picture.shape[0] != 3:
        return picture
    return torch.lerp(picture, _grey(picture) * torch.tensor([1.1, 0.95, 0.75])[:, None, None], strength)


def _faded(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return strength + (1 - strength) * picture


def _crushed(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return (picture - strength) / (1 - strength)


def _blown(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return picture / (1 - strength)


def _equalised(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    grey = _grey(picture)[0]
    order = grey.flatten().sort().values
    rank = torch.searchsorted(order, grey.flatten(), right=True).view_as(grey) / grey.numel()
    return torch.lerp(picture, picture + (rank - grey), strength)


def _stretched_levels(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    low = picture.flatten(1).quantile(0.02, dim=1)[:, None, None]
    high = picture.flatten(1).quantile(0.98, dim=1)[:, None, None]
    return torch.lerp(picture, (picture - low) / (high - low).clamp_min(1e-3), strength)


# Codecs and files


def _jpeg(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return _coded(picture, "JPEG", quality=int(strength))


def _webp(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return _coded(picture, "WEBP", quality=int(strength))


def _chroma(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    grey = _grey(picture)
    return grey + _block(picture - grey, int(strength))


def _posterised(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return (picture * (strength - 1)).round() / (strength - 1)


def _dithered(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    order = torch.tensor([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16 - 0.47
    rows, columns = _grid(picture)
    threshold = order[(rows % 4).long(), (columns % 4).long()]
    return (picture * (strength - 1) + threshold).round() / (strength - 1)


def _palette(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    if picture.shape[0] != 3:
        return _posterised(picture, strength, generator)
    image = _image(picture).quantize(int(strength), dither=Image.Dither.FLOYDSTEINBERG).convert("RGB")
    return _tensor(image)


def _interlaced(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    rows, _ = _grid(picture)
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
    y, x = _centred(picture)
    return _sampled(picture, y, x / strength)


def _taller(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    y, x = _centred(picture)
    return _sampled(picture, y / strength, x)


def _zoom(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return _zoomed(picture, strength)


def _turned(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    y, x = _centred(picture)
    cos, sin = math.cos(math.radians(strength)), math.sin(math.radians(strength))
    return _sampled(picture, cos * y - sin * x, sin * y + cos * x)


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
    y, x = _centred(picture)
    far = (x.abs() ** 6 + y.abs() ** 6) ** (1 / 6) > 1 - strength
    corner = (x.abs() > 1 - 2 * strength) & (y.abs() > 1 - 2 * strength)
    inside = ((x.abs() - (1 - 2 * strength)) ** 2 + (y.abs() - (1 - 2 * strength)) ** 2) <= (2 * strength) ** 2
    return torch.where(corner & ~inside & far | (corner & ~inside), 1.0, picture)


def _stripes(angle: float, wavelength: float) -> Apply:
    def apply(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
        rows, columns = _grid(picture)
        phase = 2 * math.pi * float(torch.rand((), generator=generator))
        along = columns * math.cos(angle) + rows * math.sin(angle)
        return picture + strength * torch.sin(2 * math.pi * along / wavelength + phase)

    return apply


def _ripple(wavelength: float) -> Apply:
    def apply(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
        rows, columns = (2 * math.pi * one / wavelength for one in _grid(picture))
        first, second = (2 * math.pi * torch.rand(2, generator=generator)).tolist()
        return picture + strength * torch.sin(columns + first) * torch.sin(rows + second)

    return apply


def _checker(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    rows, columns = _grid(picture)
    return picture + strength * (((rows + columns) % 2) * 2 - 1)


def _scan_lines(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    rows, _ = _grid(picture)
    return picture * (1 - strength * (rows % 3 == 0).float())


def _halftone(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    rows, columns = _grid(picture)
    along, across = (rows + columns) / math.sqrt(2), (rows - columns) / math.sqrt(2)
    screen = (torch.cos(2 * math.pi * along / 5) + torch.cos(2 * math.pi * across / 5)) / 4
    return picture + strength * screen


def _paper(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    noise = torch.randn((1, *picture.shape[1:]), generator=generator)
    relief = _smooth(noise, 1.2) - _smooth(noise, 3.0)
    return picture * (1 + strength * relief / relief.std().clamp_min(1e-6))


# Editors


def _sharpened(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return picture + strength * (picture - _smooth(picture, 1.2))


def _clarity(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    grey = _grey(picture)
    return picture + strength * (grey - _smooth(grey, min(picture.shape[1:]) / 20))


def _denoised(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    side = 2 * int(strength) + 1
    padded = F.pad(picture[None], (int(strength),) * 4, mode="replicate")
    patches = padded.unfold(2, side, 1).unfold(3, side, 1)
    return patches.reshape(*patches.shape[:4], -1).median(dim=-1).values[0]


def _embossed(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    grey = _grey(picture)
    return picture + strength * (grey - grey.roll((1, 1), dims=(1, 2)))


def _cross_processed(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    if picture.shape[0] != 3:
        return picture
    red, green, blue = picture.clamp(0, 1)
    curve = torch.stack([red**2 * (3 - 2 * red), green**2 * (3 - 2 * green), 0.2 + 0.6 * blue])
    return torch.lerp(picture, curve, strength)


def _split_toned(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    if picture.shape[0] != 3:
        return picture
    warm, cold = torch.tensor([1.0, 0.3, -1.0])[:, None, None], torch.tensor([-1.0, 0.1, 1.0])[:, None, None]
    grey = _grey(picture)
    return picture + strength * (grey * warm + (1 - grey) * cold) * 0.5


_SLANTS = (("upright", 0.0), ("lying", math.pi / 2), ("rising", math.pi / 4), ("falling", -math.pi / 4))

_APPLY: dict[str, Apply] = {
    "grain": _grain,
    "film grain": _luminance_grain,
    "shot noise": _shot_noise,
    "dead pixels": _impulses,
    "sensor pattern": _fixed_pattern,
    "row noise": _row_noise,
    "column noise": _column_noise,
    "mosaic": _mosaic,
    "defocus": _defocus,
    "motion": _motion,
    "motion up": _motion_down,
    "vignette": _vignette,
    "bright corners": _bright_vignette,
    "colour fringe": _colour_fringe,
    "barrel": _barrel,
    "pincushion": _barrel,
    "haze": _haze,
    "glow": _glow,
    "dust": _dust,
    "light from above": _light_from("above"),
    "light from below": _light_from("above"),
    "light from the left": _light_from("left"),
    "light from the right": _light_from("left"),
    "brighter": _brighter,
    "darker": _brighter,
    "lifted shadows": _gamma,
    "deepened shadows": _gamma,
    "more contrast": _contrast,
    "less contrast": _contrast,
    "saturated": _saturation,
    "pale": _saturation,
    "grey": _saturation,
    "warm": _cast(1.0, 0.2, -1.0),
    "cold": _cast(-1.0, 0.0, 1.0),
    "green": _cast(-0.7, 1.0, -0.7),
    "magenta": _cast(0.7, -1.0, 0.7),
    "yellow": _cast(0.7, 0.7, -1.0),
    "cyan": _cast(-1.0, 0.7, 0.7),
    "red": _cast(1.0, -0.7, -0.7),
    "hue": _hue,
    "sepia": _sepia,
    "split toned": _split_toned,
    "cross processed": _cross_processed,
    "faded": _faded,
    "crushed": _crushed,
    "blown": _blown,
    "equalised": _equalised,
    "stretched levels": _stretched_levels,
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
    "sharpened": _sharpened,
    "clarity": _clarity,
    "denoised": _denoised,
    "embossed": _embossed,
}

OPERATIONS: tuple[Operation, ...] = tuple(
    Operation(name=one.name, say=one.say, apply=_APPLY[one.name], strengths=one.strengths) for one in EVERYDAY
)
"""Every operation that is tried."""


# What they are made of


def _grey(picture: Tensor) -> Tensor:
    """Luminance (1, H, W) of three channels, their mean of any other number."""
    if picture.shape[0] != 3:
        return picture.mean(dim=0, keepdim=True)
    return torch.einsum("c,chw->hw", torch.tensor([0.299, 0.587, 0.114]), picture)[None]


def _grid(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns of every pixel, (H, W) float each."""
    rows, columns = torch.meshgrid(*(torch.arange(length).float() for length in picture.shape[1:]), indexing="ij")
    return rows, columns


def _centred(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Pixel centres from -1 to 1, down and across, (H, W) each."""
    down, across = ((2 * torch.arange(length) + 1) / length - 1 for length in picture.shape[1:])
    y, x = torch.meshgrid(down, across, indexing="ij")
    return y, x


def _radius(picture: Tensor) -> Tensor:
    """Distance from the middle, 1 in the corners, (H, W)."""
    y, x = _centred(picture)
    return ((x**2 + y**2) / 2).sqrt()


def _sampled(picture: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """The picture read at other places; beyond its edges it is mirrored."""
    grid = torch.stack([x, y], dim=-1)[None].to(picture.dtype)
    return F.grid_sample(picture[None], grid, mode="bilinear", padding_mode="reflection", align_corners=False)[0]


def _zoomed(picture: Tensor, zoom: float) -> Tensor:
    y, x = _centred(picture)
    return _sampled(picture, y / zoom, x / zoom)


def _smooth(picture: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of each channel, edges repeated."""
    reach = min(max(1, math.ceil(3 * sigma)), min(picture.shape[1:]) - 1)
    steps = torch.arange(-reach, reach + 1).float()
    kernel = torch.exp(-(steps**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(picture.shape[0], 1, -1)
    padded = F.pad(picture[None], (reach,) * 4, mode="replicate")
    lying = F.conv2d(padded, kernel[:, :, None, :], groups=picture.shape[0])
    return F.conv2d(lying, kernel[:, :, :, None], groups=picture.shape[0])[0]


def _block(picture: Tensor, side: int) -> Tensor:
    """Means of squares, drawn as squares."""
    small = F.avg_pool2d(picture[None], side, ceil_mode=True, count_include_pad=False)
    large = small.repeat_interleave(side, dim=2).repeat_interleave(side, dim=3)
    return large[0, :, : picture.shape[1], : picture.shape[2]]


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


def tried(operations: Sequence[Operation] = OPERATIONS) -> list[tuple[Operation, float]]:
    """Every operation at every strength."""
    return [(operation, strength) for operation in operations for strength in operation.strengths]
