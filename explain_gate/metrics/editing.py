"""What editors leave in pictures: other exposure, colours, contrast and detail."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from explain_gate.metrics.pixels import Apply, luminance, smooth

# Exposure and colour


def _brighter(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return picture + strength


def _gamma(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return picture.clamp(0, 1) ** strength


def _contrast(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    mean = picture.mean()
    return mean + strength * (picture - mean)


def _saturation(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    grey = luminance(picture)
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
    return torch.lerp(picture, luminance(picture) * torch.tensor([1.1, 0.95, 0.75])[:, None, None], strength)


def _faded(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return strength + (1 - strength) * picture


def _crushed(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return (picture - strength) / (1 - strength)


def _blown(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return picture / (1 - strength)


def _equalised(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    grey = luminance(picture)[0]
    order = grey.flatten().sort().values
    rank = torch.searchsorted(order, grey.flatten(), right=True).view_as(grey) / grey.numel()
    return torch.lerp(picture, picture + (rank - grey), strength)


def _stretched_levels(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    low = picture.flatten(1).quantile(0.02, dim=1)[:, None, None]
    high = picture.flatten(1).quantile(0.98, dim=1)[:, None, None]
    return torch.lerp(picture, (picture - low) / (high - low).clamp_min(1e-3), strength)


# Editors


def _sharpened(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return picture + strength * (picture - smooth(picture, 1.2))


def _clarity(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    grey = luminance(picture)
    return picture + strength * (grey - smooth(grey, min(picture.shape[1:]) / 20))


def _denoised(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    side = 2 * int(strength) + 1
    padded = F.pad(picture[None], (int(strength),) * 4, mode="replicate")
    patches = padded.unfold(2, side, 1).unfold(3, side, 1)
    return patches.reshape(*patches.shape[:4], -1).median(dim=-1).values[0]


def _embossed(picture: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    grey = luminance(picture)
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
    grey = luminance(picture)
    return picture + strength * (grey * warm + (1 - grey) * cold) * 0.5


EDITING: dict[str, Apply] = {
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
    "sharpened": _sharpened,
    "clarity": _clarity,
    "denoised": _denoised,
    "embossed": _embossed,
}
"""Name of the operation -> what does it."""
