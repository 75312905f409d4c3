"""Pictures from maps and regions: a colour layer to lay over the photograph, and the region's outline as a path."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

Scale = Literal["sequential", "diverging"]
Point = tuple[int, int]
Spot = tuple[float, float]

# Lightness rises evenly and hue goes from violet over red to yellow, as in inferno; safe for every colour vision.
SEQUENTIAL: Sequence[tuple[int, int, int]] = (
    (66, 10, 104), (106, 23, 110), (147, 38, 103), (188, 55, 84),
    (221, 81, 58), (243, 120, 25), (252, 165, 10), (246, 215, 70), (252, 255, 164),
)  # fmt: skip
# Blue speaks against, orange for the class; told apart by every colour vision, equally dark at both ends.
DIVERGING: Sequence[tuple[int, int, int]] = (
    (5, 48, 130), (23, 92, 178), (74, 144, 214), (160, 200, 236),
    (245, 245, 245), (253, 200, 120), (244, 140, 40), (205, 85, 10), (140, 45, 4),
)  # fmt: skip
_MAX_ALPHA = 225
_SATURATION = 99.5
BLUR = 0.012


def save_map_layer(map_: NDArray[np.floating], scale: Scale, path: Path, *, smooth: bool = False) -> bool:
    """Write `map_layer` to a file; False, and no file, for a flat or non-finite map."""
    content = map_layer(map_, scale, smooth=smooth)
    if content is None:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return True


def map_layer(map_: NDArray[np.floating], scale: Scale, *, smooth: bool = False) -> bytes | None:
    """One map (H, W) as a WebP with transparency; None for a flat or non-finite map.

    `smooth` sums grainy maps of the gradient family over a neighbourhood of about a hundredth of the side: single
    pixels cannot be seen on a photograph.
    """
    values = np.asarray(map_, dtype=np.float32)
    if smooth and np.isfinite(values).all():
        values = gaussian_filter(values, sigma=BLUR * max(values.shape))
    shown = normalised(values, scale)
    if shown is None:
        return None
    content = BytesIO()
    Image.fromarray(layer(shown, scale), "RGBA").save(content, "WEBP", quality=70, method=2)
    return content.getvalue()


def normalised(map_: NDArray[np.floating], scale: Scale) -> NDArray[np.float32] | None:
    """The map in [0, 1] (sequential) or [-1, 1] (diverging); the strongest half percent saturates."""
    values = np.asarray(map_, dtype=np.float32)
    if not np.isfinite(values).all():
        return None
    if scale == "sequential":
        values = np.maximum(values, 0)
    top = float(np.percentile(np.abs(values), _SATURATION)) or float(np.abs(values).max())
    if top <= 0 or float(np.ptp(values)) == 0:
        return None
    shown: NDArray[np.float32] = np.clip(values / top, -1, 1)
    return shown


def layer(shown: NDArray[np.float32], scale: Scale) -> NDArray[np.uint8]:
    """Colours (H, W, 4) of a normalised map: hue and lightness by value, opacity by magnitude."""
    anchors = np.array(SEQUENTIAL if scale == "sequential" else DIVERGING, dtype=np.float32)
    position = shown if scale == "sequential" else (shown + 1) / 2
    spots = position * (len(anchors) - 1)
    table = np.linspace(0, len(anchors) - 1, len(anchors))
    channels = [np.interp(spots, table, anchors[:, channel]) for channel in range(3)]
    alpha = np.abs(shown) ** 0.8 * _MAX_ALPHA
    return np.stack([*channels, alpha], axis=-1).round().astype(np.uint8)


def scale_of(kind: str | None, sample: NDArray[np.floating]) -> Scale:
    """Diverging for signed maps; where the kind is unknown, for maps that have negative values."""
    if kind is not None:
        return "diverging" if kind == "signed" else "sequential"
    return "diverging" if bool(np.nanmin(sample, initial=0) < 0) else "sequential"


def outline(region: NDArray[np.bool_], tolerance: float = 0.35) -> str:
    """The border of a region (H, W) as an SVG path in pixel coordinates; empty for an empty region.

    Every loop runs through the middles of the pixels' outer edges, so that slopes have no steps, and is simplified by
    at most `tolerance` pixels (Douglas and Peucker 1973).
    """
    return "".join("M" + "L".join(f"{x:g} {y:g}" for x, y in loop) + "Z" for loop in borders(region, tolerance))


def borders(region: NDArray[np.bool_], tolerance: float = 0.35) -> list[list[Spot]]:
    """The loops of `outline` as points (x, y), each with the region on its right: clockwise, and holes not."""
    loops = [_simplified(_middles(loop), tolerance) for loop in _loops(region)]
    return [loop for loop in loops if len(loop) > 2]


def _loops(region: NDArray[np.bool_]) -> list[list[Point]]:
    """Closed loops of lattice points with the region on the right of each step."""
    following: dict[Point, list[Point]] = {}
    for start, end in _edges(region):
        following.setdefault(start, []).append(end)
    loops = []
    while following:
        start = next(iter(following))
        loop, at = [start], start
        while True:
            nexts = following[at]
            step = nexts.pop()
            if not nexts:
                del following[at]
            if step == start:
                break
            loop.append(step)
            at = step
        loops.append(loop)
    return loops


def _edges(region: NDArray[np.bool_]) -> list[tuple[Point, Point]]:
    padded = np.pad(np.asarray(region, dtype=bool), 1)
    inside = padded[1:-1, 1:-1]
    edges: list[tuple[Point, Point]] = []
    # (neighbour outside, step from the pixel's corner to the edge's start, to its end), clockwise
    for neighbour, (sx, sy), (ex, ey) in (
        (padded[:-2, 1:-1], (0, 0), (1, 0)),
        (padded[1:-1, 2:], (1, 0), (1, 1)),
        (padded[2:, 1:-1], (1, 1), (0, 1)),
        (padded[1:-1, :-2], (0, 1), (0, 0)),
    ):
        rows, columns = np.nonzero(inside & ~neighbour)
        edges += [((x + sx, y + sy), (x + ex, y + ey)) for y, x in zip(rows.tolist(), columns.tolist(), strict=True)]
    return edges


def _middles(loop: list[Point]) -> list[Spot]:
    return [((ax + bx) / 2, (ay + by) / 2) for (ax, ay), (bx, by) in zip(loop, [*loop[1:], loop[0]], strict=True)]


def _simplified(loop: list[Spot], tolerance: float) -> list[Spot]:
    """A closed loop with fewer points; split at its two most distant ends so that it cannot collapse."""
    points = np.array(loop, dtype=np.float64)
    far = int(np.argmax(((points - points[0]) ** 2).sum(axis=1)))
    kept = {0, far}
    stack = [(0, far), (far, len(loop))]
    closed = np.vstack([points, points[:1]])
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        a, b = closed[first], closed[last]
        between = closed[first + 1 : last] - a
        length = float(np.hypot(*(b - a)))
        if length == 0:
            distance = np.hypot(between[:, 0], between[:, 1])
        else:
            distance = np.abs(between[:, 0] * (b - a)[1] - between[:, 1] * (b - a)[0]) / length
        split = int(np.argmax(distance))
        if distance[split] > tolerance:
            middle = first + 1 + split
            kept.add(middle)
            stack += [(first, middle), (middle, last)]
    return [loop[index] for index in sorted(kept)]
