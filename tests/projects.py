"""A gate over a tiny project whose right answers are known by construction; no training, no downloads.

Class red shows a red square, class green a green one, on gray noise; every picture carries a mark of its class's colour
in the upper left corner. The honest network finds colour anywhere but in the corner; the cheating one looks only there.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 32
MODEL = """
import torch
from torch import nn


class Window(nn.Module):
    def __init__(self, corner):
        super().__init__()
        where = torch.ones(1, 1, 32, 32)
        where[..., :6, :6] = 0
        self.register_buffer("where", 1 - where if corner else where)

    def forward(self, x):
        return x * self.where


class Net(nn.Module):
    def __init__(self, corner):
        super().__init__()
        self.colour = nn.Conv2d(3, 2, 1, bias=False)
        with torch.no_grad():
            self.colour.weight.copy_(torch.tensor([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0]])[:, :, None, None])
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            self.head.weight.copy_(20 * torch.eye(2))
        self.window = Window(corner)

    def forward(self, x):
        return self.head(self.window(self.relu(self.colour(x))).mean((2, 3)))


def build(corner=False):
    return Net(corner)
"""
# In place of the model, for runs that are ended while they measure: a worker says that it does, and never ends.
WAITING = """
import os, sys, time
from pathlib import Path
from tinymodel import Net


class Waiting(Net):
    def forward(self, x):
        if "EXPLAIN_GATE_RUN" in os.environ or "explain_gate.measuring.workers.processes" in " ".join(sys.orig_argv):
            Path(__file__).with_name("measuring").touch()
            time.sleep(600)
        return super().forward(x)


def build(corner=False):
    return Waiting(corner)
"""
THRESHOLDS = """\
version: 1
model: {{source: "tinymodel:build", arguments: {{corner: {corner}}}}}
data:
  images: images
  annotations: annotations.coco.json
  preprocessing: {{mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}}
methods:
  grad_cam: {{layer: window}}
checks:
  performance:
    accuracy: {{at_least: 0.9}}
  alignment:
    iou: {{at_least: 0.6, per_class: true}}
  reliance:
    background_gap: {{at_most: 0.3}}
"""


def write_project(folder: Path, *, corner: bool = False, per_class: int = 4, thresholds: str = THRESHOLDS) -> Path:
    """Write model, pictures, annotations and thresholds.yaml; returns the path of thresholds.yaml."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "tinymodel.py").write_text(MODEL, encoding="utf-8")
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(2 * per_class):
        label = number % 2
        pixels = np.repeat(rng.integers(110, 146, (SIZE, SIZE, 1)), 3, axis=2)
        y, x = rng.integers(9, SIZE - 11, 2).tolist()
        colour = ((230, 30, 60), (30, 230, 60))[label]
        pixels[y : y + 10, x : x + 10] = colour
        pixels[1:5, 1:5] = colour
        name = f"{('red', 'green')[label]}_{number:02d}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(folder / "images" / name)
        images.append({"id": number, "file_name": name, "height": SIZE, "width": SIZE})
        annotations.append({"id": number, "image_id": number, "category_id": label, "bbox": [x, y, 10, 10]})
    categories = [{"id": 0, "name": "red"}, {"id": 1, "name": "green"}]
    text = json.dumps({"images": images, "annotations": annotations, "categories": categories})
    (folder / "annotations.coco.json").write_text(text, encoding="utf-8")
    path = folder / "thresholds.yaml"
    path.write_text(thresholds.format(corner=str(corner).lower()), encoding="utf-8")
    return path


def write_gate(folder: Path, annotations: str, images: str = "images", **data: object) -> Path:
    """Write a thresholds.yaml over a folder of pictures, for whatever reads them and opens no model."""
    section = {"images": images, "annotations": annotations, **data}
    (folder / images).mkdir(parents=True, exist_ok=True)
    path = folder / "thresholds.yaml"
    path.write_text(
        json.dumps(
            {
                "version": 1,
                "model": {"source": "none:none"},
                "data": section,
                "methods": {"grad_cam": {}},
                "checks": {"alignment": {"iou": {"at_least": 0.5}}},
            }
        )
    )
    return path


def wait_while_measuring(thresholds: Path) -> Path:
    """Give the project a model that never ends on a worker; returns the file that appears when it begins."""
    (thresholds.parent / "waiting.py").write_text(WAITING, encoding="utf-8")
    text = thresholds.read_text(encoding="utf-8").replace("tinymodel:build", "waiting:build")
    thresholds.write_text(text, encoding="utf-8")
    return thresholds.parent / "measuring"
