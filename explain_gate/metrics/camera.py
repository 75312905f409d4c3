"""What cameras leave in pictures: the noise of sensors, the faults of lenses, light and shutters."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from explain_gate.metrics.pixels import Apply, centred, grid, radius, sampled, smooth, zoomed

# Sensors


def _grain(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return picture + strength * torch.randn(picture.shape, generator=generator)


def _luminance_grain(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    noise = torch.randn(picture.shape[1:], generator=generator)
    return picture + strength * smooth(noise[None], 0.8) * 1.8


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
    rows, columns = grid(picture)
    kept = torch.stack(
        [(rows % 2 == 0) & (columns % 2 == 0), (rows + columns) % 2 == 1, (rows % 2 == 1) & (columns % 2 == 1)]
    ).to(picture.dtype)
    window = torch.ones(3, 1, 3, 3)
    total = F.conv2d(F.pad((picture * kept)[None], (1, 1, 1, 1)), window, groups=3)[0]
    count = F.conv2d(F.pad(kept[None], (1, 1, 1, 1)), window, groups=3)[0].clamp_min(1)
    return torch.lerp(picture, torch.where(kept > 0, picture, total / count), strength)


# Lenses and shutters


def _defocus(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return smooth(picture, max(0.5, strength * min(picture.shape[1:]) / 224))


def _motion(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    length = max(2, round(strength * min(picture.shape[1:]) / 224))
    kernel = torch.full((picture.shape[0], 1, 1, length), 1 / length)
    padded = F.pad(picture[None], (length // 2, length - 1 - length // 2, 0, 0), mode="replicate")
    return F.conv2d(padded, kernel, groups=picture.shape[0])[0]


def _motion_down(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return _motion(picture.transpose(1, 2), strength, generator).transpose(1, 2)


def _vignette(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return picture * (1 - strength * radius(picture) ** 2)


def _bright_vignette(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return torch.lerp(picture, torch.ones_like(picture), (strength * radius(picture) ** 3).clamp(max=1))


def _colour_fringe(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    if picture.shape[0] != 3:
        return picture
    zooms = (1 + strength, 1.0, 1 - strength)
    return torch.stack([zoomed(channel[None], zoom)[0] for channel, zoom in zip(picture, zooms, strict=True)])


def _barrel(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    y, x = centred(picture)
    bend = 1 + strength * (x**2 + y**2) / 2
    return sampled(picture, y * bend / (1 + strength), x * bend / (1 + strength))


def _haze(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return torch.lerp(picture, torch.full_like(picture, 0.85), strength)


def _glow(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return 1 - (1 - picture) * (1 - strength * smooth(picture, min(picture.shape[1:]) / 28))


def _dust(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    sensor = torch.Generator().manual_seed(20260102)
    rows, columns = grid(picture)
    side = min(picture.shape[1:])
    spots = torch.zeros(picture.shape[1:])
    for _ in range(12):
        y, x = (torch.rand(2, generator=sensor) * torch.tensor(picture.shape[1:])).tolist()
        spots = torch.maximum(spots, torch.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * (side / 60) ** 2)))
    return picture * (1 - strength * spots)


def _light_from(side: str) -> Apply:
    def apply(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
        y, x = centred(picture)
        slope = {"above": -y, "left": -x}[side]
        return picture * (1 + strength * slope)

    return apply


CAMERA: dict[str, Apply] = {
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
}
"""Name of the operation -> what does it."""
