"""A picture that takes on how other pictures look: their colours and grain, their spectrum, what a class has in common.

What a donor looks like is measured outside its object only and put on the whole picture, so that a model whose object
is its colour loses nothing it may rest on. Each takes and returns pictures in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from safetensors.torch import load, save
from scipy import special
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

_OCTAVES = 4
_QUANTILES = 129
_CHANCE = 1e-4
"""Probability with which a place or frequency differs by chance as much as one that counts."""
_BEYOND_CHANCE = 10
"""Times as many places or frequencies as differ by chance: neighbours differ together, so few more are nothing."""
_LEAST_SEEN = 5
"""Pictures of a class in which a place must lie outside the object for the class to have something in common there."""
_CELL = 4
"""Pixels along which places are averaged before they are tested."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Style:
    """How a picture is recorded: the distribution of every octave of every opponent colour, as (C, 129) quantiles."""

    bands: Sequence[Tensor]


def style_of(picture: Tensor, outside: Tensor) -> Style:
    """A picture's style where it shows no object.

    Shapes: picture (C, H, W), in [0, 1]; outside (H, W), bool; where it holds nothing, the whole picture is taken.
    """
    bands = []
    for band in _pyramid(_opponent(picture)):
        kept = outside
        if kept.shape != band.shape[1:]:
            kept = F.adaptive_avg_pool2d(outside[None, None].float(), (band.shape[1], band.shape[2]))[0, 0] > 0.5
        pool = kept if bool(kept.any()) else torch.ones_like(kept)
        bands.append(_quantiles(band[:, pool]))
    return Style(bands=bands)


def restyled(picture: Tensor, style: Style) -> Tensor:
    """The picture with another's colours, contrast and grain, octave by octave.

    Every octave of a Laplacian pyramid (Burt and Adelson 1983) in opponent colours takes on the distribution of the
    other's, as texture synthesis does it (Heeger and Bergen 1995): where things are stays, how they are recorded goes.

    Shapes: picture (C, H, W), in [0, 1]; the style is of a picture of the same size. Returns (C, H, W).
    """
    bands = zip(_pyramid(_opponent(picture)), style.bands, strict=True)
    return _from_opponent(_collapsed([_matched(own, theirs) for own, theirs in bands])).clamp(0, 1)


def respectred(picture: Tensor, donor: Tensor) -> Tensor:
    """The picture with the donor's amplitude spectrum and its own phase (Yang and Soatto 2020).

    Shapes: picture, donor (C, H, W), in [0, 1]; the donor's object is filled in beforehand. Returns (C, H, W).
    """
    own, other = torch.fft.rfft2(picture), torch.fft.rfft2(donor)
    mixed: Tensor = torch.fft.irfft2(other.abs() * torch.exp(1j * own.angle()), s=tuple(picture.shape[1:]))
    return mixed.clamp(0, 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signature:
    """What all pictures of a class have in common and the others lack; zero where that is not beyond chance.

    Shapes: places (C, H, W), to be added; spectrum (C, H, W // 2 + 1), logarithms of factors of the amplitude.
    """

    places: Tensor
    spectrum: Tensor

    @property
    def size(self) -> float:
        """Root mean square of what it adds to places and to log amplitudes together."""
        return math.sqrt(float((self.places**2).mean()) + float((self.spectrum**2).mean()))

    @property
    def beyond_chance(self) -> bool:
        """Whether more places, or more frequencies, differ than would by chance."""
        shares = [float((part != 0).double().mean()) for part in (self.places, self.spectrum)]
        return max(shares) > _BEYOND_CHANCE * _CHANCE


def signature_of(pictures: Sequence[Tensor], outside: Sequence[Tensor], mine: Sequence[bool]) -> Signature:
    """What the pictures of one class have in common at each place and frequency, outside their objects.

    Welch's t at every place (of cells of four pixels) and every frequency decides what is beyond chance.

    Shapes: pictures N of (C, H, W), objects filled in; outside N of (H, W), bool; mine N, True for the class.
    """
    height, width = pictures[0].shape[1:]
    chosen = torch.tensor(list(mine))
    stacked, seen = torch.stack(list(pictures)), torch.stack(list(outside))[:, None].to(pictures[0].dtype)
    cells = F.avg_pool2d(stacked * seen, _CELL, ceil_mode=True)
    weight = F.avg_pool2d(seen, _CELL, ceil_mode=True)
    means = torch.where(weight > 0.5, cells / weight.clamp_min(1e-6), torch.nan)
    difference = _common(means, chosen)
    places = F.interpolate(difference[None], scale_factor=float(_CELL), mode="nearest")[0, :, :height, :width]
    # The fine structure inside cells that differ: what is printed there, not only how bright it is.
    fine = torch.where(seen > 0, stacked - F.interpolate(cells / weight.clamp_min(1e-6), scale_factor=float(_CELL),
                                                         mode="nearest")[..., :height, :width], torch.nan)  # fmt: skip
    places = places + _common(fine, chosen)
    amplitude = torch.log(torch.fft.rfft2(stacked).abs() + 1e-2)
    return Signature(places=places, spectrum=_common(amplitude, chosen))


def packed(signature: Signature | None) -> bytes:
    """A signature as bytes, to be kept; None as none."""
    return b"" if signature is None else save({"places": signature.places, "spectrum": signature.spectrum})


def unpacked(content: bytes) -> Signature | None:
    """The signature again."""
    return Signature(**load(content)) if content else None


def signed(picture: Tensor, signature: Signature, *, strength: float = 1.0) -> Tensor:
    """The picture with a class's signature put on it. Shapes: picture (C, H, W), in [0, 1]; returns the same."""
    size = tuple(picture.shape[1:])
    spectrum = torch.fft.rfft2(picture) * torch.exp(strength * signature.spectrum.clamp(-2, 2))
    turned: Tensor = torch.fft.irfft2(spectrum, s=size)
    return (turned + strength * signature.places).clamp(0, 1)


def _common(values: Tensor, mine: Tensor) -> Tensor:
    """Mean of a class minus that of the others where beyond chance, else 0. NaN is not seen. (N, ...) -> (...)."""
    first, second = values[mine], values[~mine]
    counts = [(~part.isnan()).sum(dim=0) for part in (first, second)]
    means = [part.nanmean(dim=0) for part in (first, second)]
    errors = [
        ((part - mean) ** 2).nanmean(dim=0) / (count - 1).clamp_min(1)
        for part, mean, count in zip((first, second), means, counts, strict=True)
    ]
    difference = means[0] - means[1]
    enough = (counts[0] >= min(_LEAST_SEEN, int(mine.sum()))) & (counts[1] >= _LEAST_SEEN) & (counts[0] > 1)
    # Student's t with as few degrees of freedom as the smaller class leaves, where Welch's would be a few more.
    fewest = torch.minimum(counts[0], counts[1])
    needed = torch.tensor([math.inf, math.inf, *special.stdtrit(np.arange(1, len(values)), 1 - _CHANCE / 2)])
    beyond = difference.abs() > needed[fewest].to(difference.dtype) * (errors[0] + errors[1] + 1e-8).sqrt()
    return torch.where(enough & beyond, difference, 0.0).nan_to_num(0.0)


def _matched(values: Tensor, theirs: Tensor) -> Tensor:
    """Values (C, H, W) with the distributions of quantiles (C, 129), by their ranks."""
    flat = values.flatten(1).contiguous()
    own = _quantiles(flat)
    place = torch.searchsorted(own, flat).clamp(1, _QUANTILES - 1)
    low, high = own.gather(1, place - 1), own.gather(1, place)
    share = torch.where(high > low, (flat - low) / (high - low).clamp_min(1e-12), 0.5).clamp(0, 1)
    start = theirs.gather(1, place - 1)
    return (start + share * (theirs.gather(1, place) - start)).view_as(values)


def _quantiles(values: Tensor) -> Tensor:
    """Of every channel, at 129 levels: (C, P) -> (C, 129)."""
    order = values.sort(dim=1).values
    position = torch.linspace(0, 1, _QUANTILES) * (order.shape[1] - 1)
    low = position.floor().long()
    high = (low + 1).clamp(max=order.shape[1] - 1)
    return torch.lerp(order[:, low], order[:, high], (position - low).to(order.dtype)).contiguous()


def _pyramid(picture: Tensor) -> list[Tensor]:
    """Octaves of details, finest first, and what is left."""
    bands, level = [], picture[None]
    for _ in range(_OCTAVES):
        if min(level.shape[-2:]) < 8:
            break
        coarse = F.avg_pool2d(level, 2, ceil_mode=True, count_include_pad=False)
        again = F.interpolate(coarse, size=tuple(level.shape[-2:]), mode="bilinear", align_corners=False)
        bands.append((level - again)[0])
        level = coarse
    return [*bands, level[0]]


def _collapsed(bands: Sequence[Tensor]) -> Tensor:
    level = bands[-1][None]
    for band in reversed(bands[:-1]):
        level = F.interpolate(level, size=tuple(band.shape[-2:]), mode="bilinear", align_corners=False) + band
    return level[0]


_OPPONENT = torch.tensor([[1 / 3, 1 / 3, 1 / 3], [0.5, -0.5, 0.0], [0.25, 0.25, -0.5]])


def _opponent(picture: Tensor) -> Tensor:
    """Brightness, red against green, yellow against blue; other numbers of channels as they are."""
    return picture if picture.shape[0] != 3 else torch.einsum("ij,jhw->ihw", _OPPONENT, picture)


def _from_opponent(picture: Tensor) -> Tensor:
    return picture if picture.shape[0] != 3 else torch.einsum("ij,jhw->ihw", torch.linalg.inv(_OPPONENT), picture)
