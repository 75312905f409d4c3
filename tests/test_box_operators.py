"""nms and roi_align without compiled operators: closed forms, slow references, and torchvision's detectors on them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from explain_gate.box_operators import nms, roi_align
from explain_gate.vision import torchvision


def boxes_like(count: int, seed: int) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    corners = torch.rand(count, 2, generator=draw) * 20
    return torch.cat([corners, corners + 1 + torch.rand(count, 2, generator=draw) * 10], dim=1), torch.rand(
        count, generator=draw
    )


def test_nms_drops_what_overlaps_a_better_box():
    """Two halves of a box of 4 x 4 overlap it by 1/2; one beside it does not."""
    boxes = torch.tensor([[0.0, 0, 4, 4], [0, 0, 2, 4], [4, 0, 8, 4], [2, 0, 4, 4]])
    scores = torch.tensor([0.9, 0.8, 0.7, 0.95])
    assert nms(boxes, scores, 0.4).tolist() == [3, 1, 2]
    assert nms(boxes, scores, 0.5).tolist() == [3, 0, 1, 2]


def test_nms_of_a_dropped_box_drops_nothing():
    """The middle one is dropped by the best, so that it does not drop the third."""
    boxes = torch.tensor([[0.0, 0, 10, 1], [4, 0, 14, 1], [8, 0, 18, 1]])
    assert nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.3).tolist() == [0, 2]


def test_nms_of_nothing_and_of_boxes_without_area():
    """No boxes leave none; an overlap of 0/0 is above no threshold."""
    assert nms(torch.zeros(0, 4), torch.zeros(0), 0.5).tolist() == []
    assert nms(torch.ones(2, 4), torch.tensor([0.1, 0.2]), 0.5).tolist() == [1, 0]


@pytest.mark.parametrize("seed", range(5))
def test_nms_is_the_definition(seed):
    """Against the definition written out: a box stays where no better one that stays overlaps it by more."""
    boxes, scores = boxes_like(60, seed)
    iou = torchvision.ops.box_iou(boxes, boxes)
    kept: list[int] = []
    for one in scores.argsort(descending=True).tolist():
        if all(iou[one, other] <= 0.3 for other in kept):
            kept.append(one)
    assert nms(boxes, scores, 0.3).tolist() == kept


def test_torchvision_suppresses_a_class_at_a_time():
    """batched_nms asks the nms in its module, so that boxes of other classes stay, few or many."""
    boxes, scores = boxes_like(40, 0)
    both = torch.cat([boxes, boxes])
    classes = torch.tensor([0] * 40 + [1] * 40)
    kept = torchvision.ops.batched_nms(both, scores.repeat(2), classes, 0.3)
    own = set(nms(boxes, scores, 0.3).tolist())
    assert set(kept.tolist()) == own | {one + 40 for one in own}
    assert torchvision.ops.nms(boxes, scores, 0.3).tolist() == nms(boxes, scores, 0.3).tolist()


def test_roi_align_of_a_plane_is_the_plane_in_the_middle_of_each_cell():
    """Bilinear samples of a linear map have its exact mean: the value in the cell's centre."""
    rows, columns = torch.meshgrid(torch.arange(12.0), torch.arange(10.0), indexing="ij")
    plane = (3 * columns - 2 * rows)[None, None]
    box = torch.tensor([[0.0, 1.0, 2.0, 7.0, 8.0]])
    for samples in (-1, 1, 3):
        pooled = roi_align(plane, box, (2, 3), sampling_ratio=samples)
        expected = torch.tensor([[3 * x - 2 * y for x in (2.0, 4.0, 6.0)] for y in (3.5, 6.5)])
        assert torch.allclose(pooled[0, 0], expected, atol=1e-5)
    assert torch.allclose(roi_align(plane, box, (2, 3), aligned=True)[0, 0], expected - 0.5, atol=1e-5)
    assert torch.allclose(roi_align(plane, box * 2, (2, 3), spatial_scale=0.5)[0, 0], expected, atol=1e-5)


def test_roi_align_outside_of_the_map_is_0():
    """Points more than a pixel outside count nothing, nearer ones as the edge."""
    ones = torch.ones(1, 1, 4, 4)
    assert roi_align(ones, [torch.tensor([[10.0, 10.0, 12.0, 12.0]])], 1).item() == 0
    assert roi_align(ones, [torch.tensor([[-0.8, 0.0, 0.2, 1.0]])], 1, sampling_ratio=1, aligned=True).item() == 1


def slow(image: Tensor, box: Tensor, size: tuple[int, int], samples: int, *, aligned: bool) -> Tensor:
    """The CPU kernel of torchvision, point by point, for one picture (C, H, W) and one box (4,)."""
    shift = 0.5 if aligned else 0.0
    left, top, right, bottom = (float(side) - shift for side in box)
    width, height = right - left, bottom - top
    if not aligned:
        width, height = max(width, 1.0), max(height, 1.0)
    step = (height / size[0], width / size[1])
    grid = [samples if samples > 0 else math.ceil(one) for one in step]
    pooled = torch.zeros(len(image), *size)
    for i in range(size[0]):
        for j in range(size[1]):
            for a in range(grid[0]):
                for b in range(grid[1]):
                    y = top + i * step[0] + (a + 0.5) * step[0] / grid[0]
                    x = left + j * step[1] + (b + 0.5) * step[1] / grid[1]
                    pooled[:, i, j] += point(image, y, x) / max(grid[0] * grid[1], 1)
    return pooled


def point(image: Tensor, y: float, x: float) -> Tensor:
    height, width = image.shape[1:]
    if y < -1 or y > height or x < -1 or x > width:
        return torch.zeros(len(image))
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    low = (int(y), int(x))
    high = (min(low[0] + 1, height - 1), min(low[1] + 1, width - 1))
    dy, dx = y - low[0], x - low[1]
    upper = image[:, low[0], low[1]] * (1 - dx) + image[:, low[0], high[1]] * dx
    lower = image[:, high[0], low[1]] * (1 - dx) + image[:, high[0], high[1]] * dx
    return upper * (1 - dy) + lower * dy


@pytest.mark.parametrize(("samples", "aligned"), [(-1, False), (2, False), (2, True), (-1, True)])
def test_roi_align_is_the_definition(samples, aligned):
    """Against the kernel written out, boxes inside, across and beyond the edge, of two pictures."""
    maps = torch.randn(2, 3, 9, 11, generator=torch.Generator().manual_seed(1))
    boxes = [boxes_like(5, 2)[0] - 3, boxes_like(4, 3)[0]]
    pooled = roi_align(maps, boxes, (3, 2), sampling_ratio=samples, aligned=aligned)
    expected = [
        slow(image, box, (3, 2), samples, aligned=aligned)
        for image, own in zip(maps, boxes, strict=True)
        for box in own
    ]
    assert torch.allclose(pooled, torch.stack(expected), atol=1e-5)


def test_roi_align_of_no_boxes():
    """A picture on which nothing is proposed."""
    assert roi_align(torch.ones(1, 5, 4, 4), [torch.zeros(0, 4)], 7).shape == (0, 5, 7, 7)


def test_roi_align_has_the_gradient_of_its_input():
    """Exact by finite differences in double precision."""
    maps = torch.randn(1, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    box = torch.tensor([[0.0, 0.7, 1.1, 4.2, 3.9]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: roi_align(x, box, (2, 2), sampling_ratio=2), (maps,))


DETECTORS = {
    "ssdlite320_mobilenet_v3_large": {},
    "fcos_resnet50_fpn": {"min_size": 64, "max_size": 64},
    "retinanet_resnet50_fpn": {"min_size": 64, "max_size": 64},
    "fasterrcnn_mobilenet_v3_large_320_fpn": {"min_size": 64, "max_size": 64},
}


@pytest.mark.parametrize("name", DETECTORS)
def test_detectors_of_torchvision_run(name):
    """With random weights on a CPU: boxes, labels and scores of every picture, with a gradient to the pixels."""
    torch.manual_seed(0)
    make = getattr(torchvision.models.detection, name)
    threshold = {"box_score_thresh" if "fasterrcnn" in name else "score_thresh": 0.0}
    module = make(weights=None, weights_backbone=None, num_classes=3, **DETECTORS[name], **threshold).eval()
    pixels = torch.rand(2, 3, 64, 64, requires_grad=True)
    detections = module(list(pixels))
    assert len(detections) == 2
    for one in detections:
        assert one["boxes"].shape == (len(one["scores"]), 4)
        assert one["labels"].shape == one["scores"].shape
        assert len(one["scores"])
    detections[0]["scores"].max().backward()
    assert bool(pixels.grad.any())
