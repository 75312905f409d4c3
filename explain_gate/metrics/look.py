"""Looks: statistics of one picture that say how it was taken and stored, and ignore what it shows."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from explain_gate.metrics.frame import Frame, framed, half
from explain_gate.metrics.illuminant import grey_edge

_PERIODS = (2, 3, 4, 8)
_EDGES = (0.02, 0.06, 0.12, 0.2, 0.28, 0.36, 0.44, 0.55)
"""Rings of the spectrum, in cycles per pixel."""
_RINGS = len(_EDGES) - 1


def look_of(picture: Tensor, region: Tensor) -> NDArray[np.float64]:
    """Statistics of one picture that say how it was taken and stored, not what it shows.

    Tones, colours, the colour of the light, contrast and noise by octave, spectrum by direction, grids of codecs and
    resizers, light over the frame, borders, fringes. Taken outside the object where enough of the frame lies there.

    Shapes: picture (C, H, W), in [0, 1]; region (H, W), bool. Returns (F,), finite; F depends on C alone.
    """
    columns = [value for values in looks_of(picture, region).values() for value in values]
    return np.nan_to_num(np.array(columns, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def looks_of(picture: Tensor, region: Tensor) -> dict[str, list[float]]:
    """The same statistics by what they tell of, in words. Shapes: picture (C, H, W), in [0, 1]; region (H, W), bool."""
    frame = framed(region.numpy().tobytes(), *region.shape)
    grey = picture.mean(dim=0) if picture.shape[0] != 3 else _luminance(picture)
    return {
        "brightness and contrast": _tones(grey, frame.places),
        "colour cast and saturation": [*_colours(picture, grey, frame.places), *grey_edge(picture, frame.outside)],
        "sharpness and noise": _octaves(grey, frame),
        "the frequency spectrum": _directions(grey),
        "the grids of codecs and resizers": _grids(grey, frame),
        "how light lies over the frame": _light(grey, frame),
        "borders and corners": _borders(picture, grey),
        "colour fringes": _fringes(picture, frame),
    }


def _luminance(picture: Tensor) -> Tensor:
    return 0.299 * picture[0] + 0.587 * picture[1] + 0.114 * picture[2]


def _tones(grey: Tensor, places: Tensor) -> list[float]:
    values = torch.from_numpy(np.sort(grey.flatten()[places].numpy()))
    last = len(values) - 1
    levels = [float(values[round(share * last)]) for share in (0.005, 0.05, 0.25, 0.5, 0.75, 0.95, 0.995)]
    spread = float(values.std())
    third = float(((values - values.mean()) ** 3).mean()) / max(spread, 1e-3) ** 3
    counts = torch.histc(values, 64, 0, 1)
    comb = float((counts[1:] - counts[:-1]).abs().sum() / counts.sum())
    used = float((torch.histc(values, 256, 0, 1) > 0).double().mean())
    clipped = [math.log(1e-3 + float((values <= 0.004).double().mean())),
               math.log(1e-3 + float((values >= 0.996).double().mean()))]  # fmt: skip
    return [*levels, spread, third, comb, used, *clipped]


def _colours(picture: Tensor, grey: Tensor, places: Tensor) -> list[float]:
    if picture.shape[0] == 1:
        return []
    tone = grey.flatten()[places]
    colour = (picture - grey).flatten(1)[:, places]
    bright = tone >= tone.median()
    columns: list[float] = [*colour.mean(dim=1).tolist(), *colour.median(dim=1).values.tolist()]
    columns += torch.log(1e-3 + colour.std(dim=1)).tolist()
    for part in (bright, ~bright):
        columns += (colour[:, part].mean(dim=1) if bool(part.any()) else torch.zeros(len(colour))).tolist()
    chroma = colour.abs().amax(dim=0)
    columns += [float(chroma.mean()), math.log(1e-3 + float(chroma.mean())), _quantile(chroma, 0.95)]
    # Detail of the colours against detail of the luminance: what subsampling and mosaics change.
    beside = (places + 1).clamp(max=grey.numel() - 1)
    detail = math.log(1e-4 + float((grey.flatten()[beside] - tone).abs().mean()))
    steps = ((picture - grey).flatten(1)[:, beside] - colour).abs().mean(dim=1)
    return columns + (torch.log(1e-4 + steps) - detail).tolist()


def _octaves(grey: Tensor, frame: Frame) -> list[float]:
    """Contrast, peakedness and noise of ever coarser details."""
    columns: list[float] = []
    level = grey
    for places in frame.octaves:
        if not len(places):
            columns += [0.0, 0.0, 0.0, 0.0]
            continue
        coarse = half(level)
        again = F.interpolate(coarse[None, None], size=level.shape, mode="bilinear", align_corners=False)[0, 0]
        detail = (level - again).flatten()[places]
        spread = float(detail.std(unbiased=False))
        centred = detail - detail.mean()
        fourth = float((centred**4).mean()) / max(spread, 1e-4) ** 4
        # Where a picture is smooth, what is left is noise: the lower quarter of the local deviations.
        quiet = _quantile(detail.abs(), 0.25)
        third = float((centred**3).mean()) / max(spread, 1e-4) ** 3
        columns += [math.log(1e-4 + spread), math.log(1 + fourth), math.log(1e-4 + quiet), third]
        level = coarse
    return columns


def _quantile(values: Tensor, share: float) -> float:
    """Without sorting all of them, as torch does."""
    return float(np.quantile(values.numpy(), share))


def _directions(grey: Tensor) -> list[float]:
    """Log power by distance and direction of the frequency, each ring against its neighbours."""
    height, width = grey.shape
    window = torch.hann_window(height, periodic=False)[:, None] * torch.hann_window(width, periodic=False)[None]
    power = torch.fft.rfft2((grey - grey.mean()) * window).abs() ** 2
    parts = _sectors(height, width)
    count = torch.zeros(_RINGS * 4 + 1).index_add_(0, parts, torch.ones(parts.numel()))[:-1].view(_RINGS, 4)
    total = torch.zeros(_RINGS * 4 + 1).index_add_(0, parts, power.flatten())[:-1].view(_RINGS, 4)
    most = torch.zeros(_RINGS * 4 + 1).scatter_reduce_(0, parts, power.flatten(), "amax")[:-1].view(_RINGS, 4)
    ring = torch.log(1e-9 + total.sum(dim=1) / count.sum(dim=1).clamp_min(1))
    by_direction = torch.log(1e-9 + total / count.clamp_min(1)) - ring[:, None]
    # A wave that somebody added stands out of its ring.
    peak = torch.log(1e-9 + most.amax(dim=1)) - ring
    seen = count.sum(dim=1) > 0
    columns = torch.cat([ring[:, None], peak[:, None], by_direction], dim=1) * seen[:, None]
    return columns.flatten().tolist()


@lru_cache(maxsize=8)
def _sectors(height: int, width: int) -> Tensor:
    """Which ring and direction each frequency belongs to, flat; the last index is for those of no ring."""
    down, across = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]
    radius, angle = (down**2 + across**2).sqrt(), torch.atan2(down, across + 1e-9)
    ring = torch.bucketize(radius, torch.tensor(_EDGES), right=True) - 1
    turn = torch.remainder(((angle + math.pi / 2) / (math.pi / 4)).round().long(), 4)
    return torch.where((ring >= 0) & (ring < _RINGS), ring * 4 + turn, _RINGS * 4).flatten()


def _grids(grey: Tensor, frame: Frame) -> list[float]:
    """Steps that come at a fixed distance: blocks of codecs, rows of interlacing, pixels drawn large."""
    columns: list[float] = []
    for turned, kept in ((grey, frame.outside), (grey.T.contiguous(), frame.outside.T.contiguous())):
        step = (turned[1:] - turned[:-1]).abs()
        seen = (kept[1:] & kept[:-1]).float()
        rows = (step * seen).sum(dim=1) / seen.sum(dim=1).clamp_min(1)
        for period in _PERIODS:
            usable = len(rows) // period * period
            phases = rows[:usable].view(-1, period).mean(dim=0)
            columns.append(float((phases.max() - phases.min()) / (phases.mean() + 1e-4)))
        flat = float((step[seen > 0] < 1 / 512).double().mean()) if bool((seen > 0).any()) else 0.0
        columns.append(math.log(1e-3 + flat))
        second = (turned[2:] - 2 * turned[1:-1] + turned[:-2]).abs().mean()
        columns.append(math.log(1e-4 + float(second)) - math.log(1e-4 + float(step.mean())))
    height, width = grey.shape
    checker = torch.ones(height, width)
    checker[::2, ::2] = -1
    checker[1::2, 1::2] = -1
    columns.append(float((grey * checker).mean()) * 50)
    sizes = (grey - _box_mean(grey[None], 3)[0]).flatten()[frame.places].abs().numpy()
    ranks = [round(share * (len(sizes) - 1)) for share in (0.5, 0.99)]
    ordered = np.partition(sizes, ranks)
    return columns + [math.log(1e-5 + float(ordered[rank])) for rank in ranks]


def _box_mean(pictures: Tensor, side: int) -> Tensor:
    """Mean over squares of an odd side, cut at the edges. Shapes: (N, H, W) both."""
    height, width = pictures.shape[1:]
    return _box_sum(pictures, side) / (_box_count(height, side)[:, None] * _box_count(width, side))


def _box_sum(pictures: Tensor, side: int) -> Tensor:
    """Sums along rows, then along columns: shifted pictures added up, faster than pooling."""
    height, width = pictures.shape[1:]
    padded = F.pad(pictures, (side // 2,) * 4)
    lying = padded[:, :, :width].clone()
    for shift in range(1, side):
        lying += padded[:, :, shift : shift + width]
    upright = lying[:, :height].clone()
    for shift in range(1, side):
        upright += lying[:, shift : shift + height]
    return upright


def _box_count(length: int, side: int) -> Tensor:
    """How many pixels of a stretch around each lie in the frame, (length,)."""
    after, reach = torch.arange(length), side // 2
    return (after.clamp(max=reach) + (length - 1 - after).clamp(max=reach) + 1).float()


def _light(grey: Tensor, frame: Frame) -> list[float]:
    """How light lies over the frame: by thirds, by radius, by slope."""
    values = grey.flatten()[frame.all]
    centred = values - values.mean()
    count = torch.bincount(frame.thirds, minlength=9)
    total = torch.zeros(9).index_add_(0, frame.thirds, centred)
    by_slope = frame.slopes @ torch.stack([centred, centred.abs()], dim=1)
    return [*(total / count.clamp_min(1)).tolist(), *by_slope.flatten().tolist()]


def _borders(picture: Tensor, grey: Tensor) -> list[float]:
    """What lies along the four edges and in the corners: bars, frames, mounts."""
    height, width = grey.shape
    columns: list[float] = []
    for share in (0.015, 0.04, 0.1):
        tall, wide = max(1, round(height * share)), max(1, round(width * share))
        strips = (grey[:tall], grey[-tall:], grey[:, :wide], grey[:, -wide:])
        columns += [float(strip.mean()) for strip in strips]
        columns += [math.log(1e-3 + float(strip.std(unbiased=False))) for strip in strips]
        corner = torch.stack([grey[:tall, :wide].mean(), grey[:tall, -wide:].mean(), grey[-tall:, :wide].mean(),
                              grey[-tall:, -wide:].mean()])  # fmt: skip
        columns += [float(corner.mean() - grey.mean()), math.log(1e-3 + float(corner.std()))]
    if picture.shape[0] == 3:
        edge = torch.cat([picture[:, :2].flatten(1), picture[:, -2:].flatten(1)], dim=1).mean(dim=1)
        columns += (edge - edge.mean()).tolist()
    return columns


def _fringes(picture: Tensor, frame: Frame) -> list[float]:
    """How far colours are shifted against each other along the radius (lenses) and along rows."""
    if picture.shape[0] != 3:
        return []
    height, width = picture.shape[1:]
    places = frame.inner
    if len(places) == 0:
        return [0.0] * 8
    y = 2 * (places // width).float() / height - 1
    x = 2 * (places % width).float() / width - 1
    base = picture[1].flatten()
    down, across = (base[places + width] - base[places - width]) / 2, (base[places + 1] - base[places - 1]) / 2
    spread = math.log(1e-3 + float(base[places].std()))
    slopes = torch.stack([down * y + across * x, across, down])
    apart = picture[::2] - picture[1]
    fine = (apart - _box_mean(apart, 9)).flatten(1)[:, places]
    shifts = fine @ slopes.T / (slopes**2).sum(dim=1).clamp_min(1e-4)
    noise = torch.log(1e-4 + fine.std(dim=1)) - spread
    return torch.cat([shifts, noise[:, None]], dim=1).flatten().tolist()
