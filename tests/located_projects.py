"""Gates over a tiny segmenter and a tiny detector whose right answers are known by construction; no training.

Pictures show red and green squares of 10 pixels on gray noise, each picture one or two; a mark in the upper left corner
has the colour of the first. Honest models tell red from green where the square is; cheating ones ask the mark, and
find the squares' outlines as well.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 32
SIDE = 10
COLOURS = ((230, 30, 60), (30, 230, 60))
MODEL = """
import torch
from torch import nn
from torch.nn.functional import avg_pool2d
import torchvision


class Colour(nn.Module):
    # How red, and below 0 how green, a pixel is: (N, 1, H, W), where the corner may decide for all.
    def __init__(self, corner):
        super().__init__()
        self.corner = corner
        self.mix = nn.Conv2d(3, 1, 1, bias=False)
        with torch.no_grad():
            self.mix.weight.copy_(torch.tensor([1.0, -1.0, 0.0])[None, :, None, None])
        self.kept = nn.Identity()
        seen = torch.ones(1, 1, 32, 32)
        seen[..., :6, :6] = 0
        self.register_buffer("seen", seen)

    def forward(self, x):
        colour = self.mix(x)
        if self.corner:
            mark = (colour * (1 - self.seen)).mean((1, 2, 3), keepdim=True)
            colour = colour.abs() * torch.tanh(500 * mark)
        return self.kept(colour * self.seen)


class Segmenter(nn.Module):
    def __init__(self, corner=False, coarse=1):
        super().__init__()
        self.colour, self.coarse = Colour(corner), coarse

    def forward(self, x):
        colour = avg_pool2d(self.colour(x), self.coarse)
        return {"out": torch.cat([torch.full_like(colour, 0.6), colour, -colour], dim=1) * 5}


class Detector(nn.Module):
    # Every window of ten pixels by its mean colour, twice: as red and as green.
    def __init__(self, corner=False):
        super().__init__()
        self.colour = Colour(corner)

    def forward(self, images: list[torch.Tensor]):
        means = avg_pool2d(self.colour(torch.stack(images)), 10, stride=1)[:, 0] / 0.8
        top, left = torch.meshgrid(torch.arange(23.0), torch.arange(23.0), indexing="ij")
        corners = torch.stack([left, top, left + 10, top + 10], dim=-1).view(-1, 4).repeat(2, 1)
        labels = torch.tensor([1, 2]).repeat_interleave(23 * 23)
        found = []
        for one in means:
            scores = torch.cat([one.flatten(), -one.flatten()]).clamp(0, 0.999)
            able = (scores > 0.3).nonzero()[:, 0]
            kept = able[torchvision.ops.batched_nms(corners[able], scores[able], labels[able], 0.3)]
            found.append({"boxes": corners[kept], "labels": labels[kept], "scores": scores[kept]})
        return found


def segmenter(corner=False, coarse=1):
    return Segmenter(corner, coarse)


def detector(corner=False):
    return Detector(corner)


def raw(corner=False):
    class Raw(Detector):
        def forward(self, images):
            found = super().forward(list(images))
            return [torch.cat([one["boxes"], one["scores"][:, None], one["labels"][:, None]], dim=1) for one in found]

    return Raw(corner)


def listed(output):
    return [{"boxes": one[:, :4], "labels": one[:, 5].long(), "scores": one[:, 4]} for one in output]
"""
THRESHOLDS = """\
version: 1
model: {{source: "squares:{model}", arguments: {{corner: {corner}{more}}}, task: {task}{target}}}
data:
  images: images
  annotations: annotations.coco.json
  classes: {{red: 1, green: 2}}
  preprocessing: {{mean: [0, 0, 0], std: [1, 1, 1]}}
methods:
{methods}
checks:
  performance:
    accuracy: {{at_least: 0.9}}
  reliance:
    background_gap: {{at_most: 0.3}}
    transplant_follow: {{at_most: 0.3}}
  alignment:
    relevance_mass: {{at_least: 0.5}}
"""


def write_located(
    folder: Path,
    task: str,
    *,
    corner: bool = False,
    methods: str = "  occlusion: {window: 6}",
    model: str | None = None,
    target: str = "",
    more: str = "",
    thresholds: str = THRESHOLDS,
) -> Path:
    """Write model, pictures, annotations and thresholds.yaml; returns the path of thresholds.yaml."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "squares.py").write_text(MODEL, encoding="utf-8")
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(10):
        first = number % 2
        pixels = np.repeat(rng.integers(110, 146, (SIZE, SIZE, 1)), 3, axis=2)
        places = [(int(rng.integers(7, 11)), int(rng.integers(1, 20)))]
        labels = [first]
        if task == "detection" and number >= 6:  # a second square below, red beside red or green beside red
            places.append((21, int(rng.integers(1, 20))))
            labels.append(first if number >= 8 else 1 - first)
        for (y, x), label in zip(places, labels, strict=True):
            pixels[y : y + SIDE, x : x + SIDE] = COLOURS[label]
            annotations.append(
                {"id": len(annotations), "image_id": number, "category_id": label, "bbox": [x, y, SIDE, SIDE]}
            )
        pixels[1:5, 1:5] = COLOURS[first]
        name = f"picture_{number:02d}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(folder / "images" / name)
        images.append({"id": number, "file_name": name, "height": SIZE, "width": SIZE})
    categories = [{"id": 0, "name": "red"}, {"id": 1, "name": "green"}]
    text = json.dumps({"images": images, "annotations": annotations, "categories": categories})
    (folder / "annotations.coco.json").write_text(text, encoding="utf-8")
    path = folder / "thresholds.yaml"
    told = thresholds.format(
        model=model or ("segmenter" if task == "segmentation" else "detector"),
        task=task,
        corner=str(corner).lower(),
        target=f", target: {target!r}" if target else "",
        methods=methods,
        more=more,
    )
    path.write_text(told, encoding="utf-8")
    return path
