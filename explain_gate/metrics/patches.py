"""Patches of images: places to look at, hiding one, planting one elsewhere. What cue search is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from explain_gate.metrics.fill import inpaint

Place = Literal["outside", "inside"]
Form = Literal["fixed", "own", "tiled", "tinted"]
"""How a patch is planted.

`fixed`: at the place the class has in common. `own`: at the place the image has for itself. `tiled`: repeated over the
background. `tinted`: the object, or the background, takes the patch's mean colour and keeps its own structure.
"""

PARTS = 4
"""Windows along each side; a second grid, shifted by half a window, lies between them."""
CLEAR = 0.1
"""Share of a window that the region may take for the window to count as outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A square of the frame, in pixels."""

    top: int
    left: int
    side: int

    @property
    def rows(self) -> slice:
        """Its rows."""
        return slice(self.top, self.top + self.side)

    @property
    def columns(self) -> slice:
        """Its columns."""
        return slice(self.left, self.left + self.side)


def windows(height: int, width: int) -> tuple[Window, ...]:
    """Squares that cover the frame, and a second layer shifted by half a window."""
    side = max(2, -(-min(height, width) // PARTS))
    found: list[Window] = []
    for shift in (0, side // 2):
        tops = _starts(height, side, shift)
        lefts = _starts(width, side, shift)
        found.extend(Window(top=top, left=left, side=side) for top in tops for left in lefts)
    return tuple(dict.fromkeys(found))


def region_shares(region: Tensor, places: Sequence[Window]) -> Tensor:
    """Share of each window that the region (H, W), bool, takes: (W,), float32."""
    return torch.stack([region[place.rows, place.columns].float().mean() for place in places])


def hide(pixels: Tensor, region: Tensor, places: Sequence[Window]) -> Tensor:
    """One image per window, filled from its surroundings: an outside window but for the object, else the object.

    Shapes: pixels (C, H, W); region (H, W), bool; windows of one size. Returns (W, C, H, W). Only a crop around each
    window is worked on, all of them at once.
    """
    crops = [_around(place, int(pixels.shape[1]), int(pixels.shape[2])) for place in places]
    holes = []
    for place, (rows, columns) in zip(places, crops, strict=True):
        hole = torch.zeros_like(region)
        own = region[place.rows, place.columns]
        hole[place.rows, place.columns] = own if bool(own.float().mean() > CLEAR) else ~own
        holes.append(hole[rows, columns])
    filled = inpaint(torch.stack([pixels[:, rows, columns] for rows, columns in crops]), torch.stack(holes))
    hidden = pixels.repeat(len(places), 1, 1, 1)
    for one, crop, (rows, columns) in zip(hidden, filled, crops, strict=True):
        one[:, rows, columns] = crop
    return hidden


def plant(
    pixels: Tensor, region: Tensor, source: Tensor, source_region: Tensor, place: Window, *, form: Form, where: Place
) -> Tensor:
    """An image with another image's patch on it: on its background, or on its object.

    Outside, the object of the image stays as it is and lies before the patch. Inside, only the object's part of the
    patch travels, to the same place relative to the object's frame.

    Shapes: pixels, source (C, H, W); region, source_region (H, W), bool. Returns (C, H, W).
    """
    patch = source[:, place.rows, place.columns]
    own = source_region[place.rows, place.columns]
    aim = ~region if where == "outside" else region
    if form == "tiled":
        return torch.where(aim, _tiled(patch, own, where, pixels), pixels)
    if form == "tinted":
        shift = _mean_colour(patch, own if where == "inside" else ~own) - _mean_colour(pixels, aim)
        return torch.where(aim, pixels + shift, pixels)
    planted = pixels.clone()
    if where == "outside":
        target = planted[:, place.rows, place.columns]
        kept = region[place.rows, place.columns] | own
        planted[:, place.rows, place.columns] = torch.where(kept, target, patch)
        return planted
    down, right = _offset(source_region, region, place)
    top = min(max(0, place.top + down), pixels.shape[1] - place.side)
    left = min(max(0, place.left + right), pixels.shape[2] - place.side)
    target = planted[:, top : top + place.side, left : left + place.side]
    planted[:, top : top + place.side, left : left + place.side] = torch.where(own, patch, target)
    return planted


def _starts(length: int, side: int, shift: int) -> list[int]:
    """Where windows begin along one side; the last ends at the edge."""
    count = -(-(length - shift) // side) if shift == 0 else max(1, (length - side) // side)
    return [min(shift + number * side, length - side) for number in range(count)]


def _around(place: Window, height: int, width: int) -> tuple[slice, slice]:
    """A crop around a window, of one size wherever the window lies."""
    margin = max(3, place.side // 3)
    tall, wide = min(height, place.side + 2 * margin), min(width, place.side + 2 * margin)
    top = min(max(0, place.top - margin), height - tall)
    left = min(max(0, place.left - margin), width - wide)
    return slice(top, top + tall), slice(left, left + wide)


def _tiled(patch: Tensor, own: Tensor, where: Place, like: Tensor) -> Tensor:
    """The patch repeated over the frame; its pixels of the wrong kind take the mean of the others."""
    wanted = own if where == "inside" else ~own
    if bool(wanted.any()) and not bool(wanted.all()):
        patch = torch.where(wanted, patch, patch[:, wanted].mean(dim=1)[:, None, None])
    side = patch.shape[-1]
    # Mirrored neighbours have no seams, which would be a texture of their own.
    double = torch.cat([patch, patch.flip(2)], dim=2)
    double = torch.cat([double, double.flip(1)], dim=1)
    down, right = -(-like.shape[1] // (2 * side)), -(-like.shape[2] // (2 * side))
    return double.repeat(1, down, right)[:, : like.shape[1], : like.shape[2]]


def _mean_colour(picture: Tensor, kept: Tensor) -> Tensor:
    """Mean over the kept pixels, or over all where none is; (C, 1, 1)."""
    values = picture[:, kept] if bool(kept.any()) else picture.flatten(1)
    return values.mean(dim=1)[:, None, None]


def _offset(source_region: Tensor, region: Tensor, place: Window) -> tuple[int, int]:
    """How far a window moves to lie in the same place of another object's frame."""
    offsets = []
    for axis, start in ((0, place.top), (1, place.left)):
        first, last = _extent(source_region, axis)
        other_first, other_last = _extent(region, axis)
        middle = start + place.side / 2
        share = (middle - first) / max(1, last - first)
        offsets.append(round(other_first + share * (other_last - other_first) - middle))
    return offsets[0], offsets[1]


def _extent(region: Tensor, axis: int) -> tuple[int, int]:
    taken = region.any(dim=1 - axis).nonzero().flatten()
    return int(taken[0]), int(taken[-1]) + 1
