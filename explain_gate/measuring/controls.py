"""Maps that a rule must reject or accept: the gate's test of itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from explain_gate.attribution import METHODS
from explain_gate.attribution.attribute import explain
from explain_gate.measuring.asking.batch import MeasuredBatch
from explain_gate.measuring.asking.capability import Request
from explain_gate.measuring.asking.images import Images
from explain_gate.measuring.asking.resources import Resources
from explain_gate.records import Sample

CONTROL_IMAGES = 24
"""Images that controls are measured on, stratified by class."""

_GRID = 7
"""Resolution of the random map: that of a CAM. Noise by the pixel would be too easy to reject."""


def control_maps(
    source: str, resources: Resources, samples: Sequence[Sample], logits: Tensor
) -> tuple[Tensor, dict[int, str]]:
    """Maps (N, H, W) of one control for a batch, and the reasons of images that have none."""
    if source == "control.region":
        size = samples[0].pixels.shape[-2:]
        regions = [torch.zeros(size) if sample.region is None else sample.region.float() for sample in samples]
        return torch.stack(regions), {}
    rows = [sample.index for sample in samples]
    if source == "control.random":
        images = _images(resources, samples, logits, None)
        return torch.cat([_random_map(images, sample, position) for position, sample in enumerate(samples)]), {}
    method = source.removeprefix("control.randomized.")
    # Every rule over the method's maps has this control; the map of the re-initialised model is made once for all.
    key = (method, tuple(rows))
    if key not in resources.maps.controls:
        images = _images(resources, samples, logits, method)
        own = resources.options.get(method, {})
        options = {**own, **(METHODS[method].for_controls if method in METHODS else {})}
        explained = explain(resources.variants.twin(0), method, images.pixels, images.targets, images.keys, options)
        resources.maps.controls[key] = explained.maps.cpu().clamp_min(0)
    maps = resources.maps.controls[key]
    return maps, {
        row: "the re-initialised model's map is flat" for row, one in zip(rows, maps, strict=True) if not one.max() > 0
    }


def _images(resources: Resources, samples: Sequence[Sample], logits: Tensor, method: str | None) -> Images:
    rows = [sample.index for sample in samples]
    return MeasuredBatch(Request(samples=samples, logits=logits[rows], method=method), resources).of(Images)


def _random_map(images: Images, sample: Sample, position: int) -> Tensor:
    height, width = sample.pixels.shape[-2:]
    noise = torch.rand(1, 1, _GRID, _GRID, generator=images.generator(position, "random map"))
    return F.interpolate(noise, size=(height, width), mode="bilinear", align_corners=False)[:, 0]
