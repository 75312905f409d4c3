"""A set of which it is known which pixels tell the class, methods of known worth, and a way to train in milliseconds.

Every pixel is noise; in a square at a place that varies it leans to red or to green. So a class can be learned from as
many pixels of the square as are left, and what is left of the noise hides it.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

SIZE, SIDE = 24, 8
CODE = """
import numpy as np
import torch
from torch import nn

from explain_gate.records import Attribution


class LeftHalf(nn.Module):
    '''How far the square leans to red, as far as it lies in the left half: there its gradient is all of the truth.'''

    def forward(self, x):
        seen = (x[:, 2] < -0.5) & (torch.arange(x.shape[-1], device=x.device) < x.shape[-1] // 2)
        lean = ((x[:, 0] - x[:, 1]) * seen).mean((1, 2))
        return 10 * torch.stack([lean, -lean], dim=1)


def build():
    return LeftHalf()


class Leaning(nn.Module):
    '''Which way all of a picture leans.'''

    def __init__(self, middle, sign):
        super().__init__()
        self.middle, self.sign = middle, sign

    def forward(self, x):
        lean = self.sign * ((x[:, 0] - x[:, 1]).mean((1, 2)) - self.middle)
        return torch.stack([lean, -lean], dim=1)


def train(images, labels, seed):
    '''In closed form, from a sample of the pictures that the seed draws.'''
    drawn = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[: 3 * len(images) // 4]
    lean = (images[drawn, 0] - images[drawn, 1]).mean((1, 2))
    red, green = (lean[labels[drawn] == label].mean() for label in (0, 1))
    return Leaning((red + green) / 2, (red - green).sign())


def _square(images):
    '''The pixels of the square: its blue is dark.'''
    return (images[:, 2] < -0.5).float()


def oracle(probe, images, targets, *, keys):
    return Attribution(method="", kind="positive", maps=_square(images))


def anti_oracle(probe, images, targets, *, keys):
    return Attribution(method="", kind="positive", maps=1 - _square(images))


def broken(images, labels, seed):
    raise ValueError("no GPU")


def nothing(images, labels, seed):
    return None


def deaf(images, labels, seed):
    '''Says one class, whatever it is shown.'''
    return Leaning(-1e6, 1.0)


def counted(images, labels, seed):
    with open("calls.txt", "a") as stream:
        stream.write(f"{len(images)} {seed}\\n")
    return train(images, labels, seed)
"""
THRESHOLDS = """\
version: 1
model: {source: "leaning:build"}
data:
  images: images
  annotations: annotations.coco.json
  preprocessing: {mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}
methods:
  "leaning:oracle": {}
  gradient: {}
  "leaning:anti_oracle": {}
checks:
  alignment:
    iou: {at_least: 0.1}
"""


def write_leaning(folder: Path, *, per_class: int = 30, lean: int = 30) -> Path:
    """Write pictures, code and thresholds.yaml; returns the path of thresholds.yaml."""
    (folder / "images").mkdir(parents=True)
    (folder / "leaning.py").write_text(CODE, encoding="utf-8")
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(2 * per_class):
        label = number % 2
        pixels = np.concatenate([rng.normal(128, 60, (SIZE, SIZE, 2)), np.full((SIZE, SIZE, 1), 128.0)], axis=2)
        y, x = rng.integers(0, SIZE - SIDE, 2).tolist()
        square = pixels[y : y + SIDE, x : x + SIDE]
        square[..., label] += lean
        square[..., 1 - label] -= lean
        square[..., 2] = 0
        name = f"{number:03d}.png"
        Image.fromarray(pixels.clip(0, 255).round().astype(np.uint8)).save(folder / "images" / name)
        images.append({"id": number, "file_name": name, "height": SIZE, "width": SIZE})
        annotations.append({"id": number, "image_id": number, "category_id": label, "bbox": [x, y, SIDE, SIDE]})
    categories = [{"id": 0, "name": "red"}, {"id": 1, "name": "green"}]
    text = json.dumps({"images": images, "annotations": annotations, "categories": categories})
    (folder / "annotations.coco.json").write_text(text, encoding="utf-8")
    path = folder / "thresholds.yaml"
    path.write_text(THRESHOLDS, encoding="utf-8")
    return path
