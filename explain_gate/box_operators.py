"""torchvision's box operators in plain torch: what detectors need where the compiled ones are missing.

Both give what torchvision's CPU kernels give, on any device. `roi_align` is differentiable in its input, deterministic,
and takes memory for a few boxes at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

_BOXES_AT_ONCE = 128
_ROWS_AT_ONCE = 512


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Boxes that are left when every box that overlaps one of a higher score too much is dropped.

    Shapes: boxes (N, 4), left, top, right, bottom; scores (N,). Returns positions (M,), int64, by falling score. Boxes
    of equal scores keep their order.
    """
    order = scores.detach().argsort(descending=True, stable=True)
    ordered = _at_least_float32(boxes.detach())[order].cpu()
    dropped = np.zeros(len(ordered), dtype=bool)
    kept: list[int] = []
    for start in range(0, len(ordered), _ROWS_AT_ONCE):
        beyond = _overlaps(ordered[start : start + _ROWS_AT_ONCE], ordered[start:]) > iou_threshold
        for row, others in enumerate(beyond.numpy()):
            if not dropped[start + row]:
                kept.append(start + row)
                dropped[start:] |= others
    return order[torch.tensor(kept, dtype=torch.int64, device=order.device)]


def _overlaps(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of boxes (N, 4) and others (M, 4), (N, M).

    Of two boxes without area it is 0/0, which is above no threshold: they stay, as in the compiled operator.
    """
    sides = torch.minimum(boxes[:, None, 2:], others[:, 2:]) - torch.maximum(boxes[:, None, :2], others[:, :2])
    shared = sides.clamp(min=0).prod(dim=2)
    areas = [(each[:, 2:] - each[:, :2]).prod(dim=1) for each in (boxes, others)]
    union: Tensor = areas[0][:, None] + areas[1] - shared
    return shared / union


def roi_align(
    input: Tensor,  # noqa: A002 - torchvision's name, by which it may be given
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,  # noqa: FBT001, FBT002 - the signature is torchvision's
) -> Tensor:
    """Means of bilinear samples in the cells of a grid over every box (He 2017, section 3).

    Bilinear weights are a product of one for the row and one for the column, so that all samples of a cell are two
    matrix products.

    Shapes: input (N, C, H, W); boxes (K, 5), image and corners, or N of (L, 4), corners alone; returns
    (K, C, height, width) of `output_size`. Other arguments as `torchvision.ops.roi_align`.
    """
    rois = boxes if isinstance(boxes, Tensor) else _numbered(boxes)
    size = (output_size, output_size) if isinstance(output_size, int) else (output_size[0], output_size[1])
    exact = _at_least_float32(input)
    rois = rois.to(exact)
    shift = 0.5 if aligned else 0.0
    if not len(rois):
        return input.new_empty(0, input.shape[1], *size)
    parts = []
    for some in torch.split(rois, _BOXES_AT_ONCE):
        corners = some[:, 1:] * spatial_scale - shift
        extents = corners[:, 2:] - corners[:, :2]
        extents = extents if aligned else extents.clamp(min=1.0)
        columns, rows = (
            _weights(corners[:, axis], extents[:, axis], cells, side, sampling_ratio)
            for axis, cells, side in ((0, size[1], input.shape[3]), (1, size[0], input.shape[2]))
        )
        pooled = exact.new_empty(len(some), input.shape[1], *size)
        pictures = some[:, 0].long()
        for picture in sorted(set(pictures.tolist())):
            own = pictures == picture
            pooled[own] = torch.einsum("kph,chw,kqw->kcpq", rows[own], exact[picture], columns[own])
        parts.append(pooled)
    return torch.cat(parts).to(input.dtype)


def _weights(start: Tensor, extent: Tensor, cells: int, side: int, samples: int) -> Tensor:
    """What each of `side` pixels along an axis counts in the mean of each cell, (K, cells, side)."""
    size = extent / cells
    counts = torch.full_like(size, samples) if samples > 0 else size.ceil()
    most = max(int(counts.max()), 1)
    steps = torch.arange(most, device=start.device)
    inside = steps < counts[:, None]
    places = torch.arange(cells, device=start.device)[None, :, None] * size[:, None, None]
    points = start[:, None, None] + places + ((steps + 0.5) * (size / counts.clamp(min=1))[:, None])[:, None]
    # Points beyond the map by more than a pixel count as 0, nearer ones as the map's edge.
    known = inside[:, None] & (points >= -1) & (points <= side)
    points = points.clamp(0, side - 1)
    near = (1 - (points[..., None] - torch.arange(side, device=start.device)).abs()).clamp(min=0)
    return (near * known[..., None]).sum(dim=2) / counts.clamp(min=1)[:, None, None]


def _numbered(boxes: Sequence[Tensor]) -> Tensor:
    """Boxes (K, 5) of all images, the image's number first."""
    return torch.cat([torch.cat([own.new_full((len(own), 1), image), own], dim=1) for image, own in enumerate(boxes)])


def _at_least_float32(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype in {torch.float32, torch.float64} else tensor.float()
