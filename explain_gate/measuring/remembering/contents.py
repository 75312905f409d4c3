"""What entries of the cache hold, as bytes and back: the picture of an image and its map. Knows no tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from explain_gate.measuring.remembering.store import closed, opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What the report shows of one image: JPEG, packed region (H, ceil(W / 8)), its share of the frame or why not."""

    size: tuple[int, int]
    area: float | None
    reason: str | None
    region: bytes
    jpeg: bytes
    looks: Mapping[str, float] = field(default_factory=dict)


def picture_to_bytes(picture: Picture) -> bytes:
    """A picture as an entry."""
    head = {
        "size": list(picture.size),
        "area": picture.area,
        "reason": picture.reason,
        "cut": len(picture.region),
        "looks": dict(picture.looks),
    }
    return closed(head, picture.region + picture.jpeg)


def picture_from_bytes(content: bytes) -> Picture:
    """The picture of an entry."""
    head, rest = opened(content)
    cut = head["cut"]
    return Picture(
        size=(int(head["size"][0]), int(head["size"][1])),
        area=head["area"],
        reason=head["reason"],
        region=rest[:cut],
        jpeg=rest[cut:],
        looks=head["looks"],
    )


def map_to_bytes(map_: NDArray[np.float16], details: Mapping[str, float]) -> bytes:
    """A map (H, W) and the method's details as an entry."""
    return closed(dict(details), map_.tobytes())


def map_from_bytes(content: bytes, size: tuple[int, int]) -> tuple[NDArray[np.float16], dict[str, float]] | None:
    """The map (H, W) of an entry and the method's details; None for one of another size."""
    head, rest = opened(content)
    if len(rest) != 2 * size[0] * size[1]:
        return None
    return np.frombuffer(rest, dtype="<f2").reshape(size), head
