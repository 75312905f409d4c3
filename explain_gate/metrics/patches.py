"""Patches of images: places to look at, planting one elsewhere. What cue search is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Place = Literal["outside", "inside"]
Form = Literal["fixed", "own", "tiled", "tinted"]
"""How a patch is planted.

`fixed`: at its place in the frame. `own`: at its place on the object. `tiled`: repeated over the background. `tinted`:
the background takes the patch's mean colour and keeps its own structure.
"""

PARTS = 4
"""Windows along each side; a second grid, shifted by half a window, lies between them."""
CLEAR = 0.1
"""Share of a window that the region may take for the window to count as outside."""
SMALLEST = 8
"""Pixels along the side of a window from which it shows something."""
OF_OBJECT = 1 / 3
"""Side of a window on an object, as a share of the object's own: a ninth of its area."""
CELLS = 3
"""Parts of such a window along each side, of which a mark may keep a few."""


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


def windows(height: int, width: int, parts: int = PARTS) -> tuple[Window, ...]:
    """Squares that cover the frame, `parts` along its shorter side, and a second layer shifted by half a window."""
    side = max(2, -(-min(height, width) // parts))
    windows: list[Window] = []
    for shift in (0, side // 2):
        tops = _starts(height, side, shift)
        lefts = _starts(width, side, shift)
        windows.extend(Window(top=top, left=left, side=side) for top in tops for left in lefts)
    return tuple(dict.fromkeys(windows))


def clear_windows(region: Tensor) -> tuple[Window, ...]:
    """Squares beside the object, (H, W), bool: a quarter of the frame's side, or half of that, or half of that again.

    The larger show more of what is there; a box around an object often leaves room for the smaller alone. None where
    not even a sixteenth fits, or eight pixels.
    """
    height, width = region.shape
    for parts in (PARTS, 2 * PARTS, 4 * PARTS):
        places = windows(height, width, parts)
        if parts > PARTS and places[0].side < SMALLEST:
            break
        shares = region_shares(region, places)
        clear = tuple(place for place, share in zip(places, shares.tolist(), strict=True) if share <= CLEAR)
        if clear:
            return clear
    return ()


def object_windows(region: Tensor) -> tuple[Window, ...]:
    """Overlapping squares of a ninth of the object's area, each at least half on it; few if the object is tiny.

    Shapes: region (H, W), bool, not empty.
    """
    height, width = region.shape
    side = min(height, width, max(CELLS, round(OF_OBJECT * float(region.sum()) ** 0.5)))
    step = max(1, round(side * 3 / 4))
    starts = [
        [min(start, length - side) for start in range(max(0, first - side // 4), last, step)]
        for length, (first, last) in ((height, _extent(region, 0)), (width, _extent(region, 1)))
    ]
    places = dict.fromkeys(Window(top=top, left=left, side=side) for top in starts[0] for left in starts[1])
    shares = region_shares(region, list(places))
    enough = min(0.5, float(shares.max()))
    return tuple(place for place, share in zip(places, shares.tolist(), strict=True) if share >= enough)


def cells(side: int) -> tuple[Tensor, ...]:
    """The parts of a square, each as a mask (side, side), bool."""
    edges = [round(side * number / CELLS) for number in range(CELLS + 1)]
    masks = torch.zeros(CELLS * CELLS, side, side, dtype=torch.bool)
    for number, mask in enumerate(masks):
        row, column = divmod(number, CELLS)
        mask[edges[row] : edges[row + 1], edges[column] : edges[column + 1]] = True
    return tuple(masks)


def moved(place: Window, region: Tensor, other: Tensor) -> Window:
    """The window at the same place relative to another object's frame. Shapes: region, other (H, W), bool."""
    down, right = _offset(region, other, place)
    return Window(
        top=min(max(0, place.top + down), other.shape[0] - place.side),
        left=min(max(0, place.left + right), other.shape[1] - place.side),
        side=place.side,
    )


def region_shares(region: Tensor, places: Sequence[Window]) -> Tensor:
    """Share of each window that the region (H, W), bool, takes: (W,), float32."""
    return torch.stack([region[place.rows, place.columns].float().mean() for place in places])


def plant(
    pixels: Tensor,
    region: Tensor,
    source: Tensor,
    source_region: Tensor,
    place: Window,
    *,
    form: Form,
    where: Place,
    part: Tensor | None = None,
) -> Tensor:
    """An image with another image's patch on it: on its background, or on its object.

    Outside, the object of the image stays as it is and lies before the patch. Inside, only the object's part of the
    patch travels, to the same place relative to the object's frame; of it only `part`, where there is one.

    Shapes: pixels, source (C, H, W); region, source_region (H, W), bool; part (side, side), bool. Returns (C, H, W).
    """
    patch = source[:, place.rows, place.columns]
    own = source_region[place.rows, place.columns]
    if part is not None:
        own = own & part
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
    aimed = moved(place, source_region, region)
    target = planted[:, aimed.rows, aimed.columns]
    planted[:, aimed.rows, aimed.columns] = torch.where(own, patch, target)
    return planted


def _starts(length: int, side: int, shift: int) -> list[int]:
    """Where windows begin along one side; the last ends at the edge."""
    count = -(-(length - shift) // side) if shift == 0 else max(1, (length - side) // side)
    return [min(shift + number * side, length - side) for number in range(count)]


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
