"""A tiny project a task, whose right answers are known by construction; no training.

Pictures of gray noise show a red square, a green one, both or none; what they show is also marked in their upper left
corner. The honest network sees colour anywhere but in the corner, the cheating one looks only there.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 32
SQUARE = 10
COUNT = 16
MODEL = """
import torch
from torch import nn


class Window(nn.Module):
    def __init__(self, corner):
        super().__init__()
        where = torch.ones(1, 1, 32, 32)
        where[..., :6, :6] = 0
        self.register_buffer("where", (1 - where) * 100 / 16 if corner else where)

    def forward(self, x):
        return x * self.where


class Net(nn.Module):
    def __init__(self, task, corner):
        super().__init__()
        self.task = task
        self.colour = nn.Conv2d(3, 2, 1, bias=False)
        with torch.no_grad():
            self.colour.weight.copy_(torch.tensor([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0]])[:, :, None, None])
        self.relu = nn.ReLU()
        self.window = Window(corner)

    def forward(self, x):
        # Where a square of 10 x 10 has the full colour, this is 1.57.
        red, green = (self.window(self.relu(self.colour(x))).sum((2, 3)) / 100).unbind(1)
        if self.task == "binary":
            return 8 * red - 6
        if self.task == "multilabel":
            return torch.stack([8 * red - 6, 8 * green - 6], dim=1)
        return 50 * red[:, None]


def build(task, corner=False):
    return Net(task, corner)
"""
THRESHOLDS = """\
version: 1
model: {{source: "squares:build", arguments: {{task: {task}, corner: {corner}}}, task: {written}}}
data:
  images: images
  annotations: {annotations}
  preprocessing: {{mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}}
methods:
  grad_cam: {{layer: window}}
checks:
  performance:
    accuracy: {{at_least: 0.9}}
  alignment:
    iou: {{at_least: 0.6, {classes}}}
  reliance:
    background_gap: {{at_most: 0.3}}
    background_follow: {{at_most: 0.3}}
"""


def write_task_project(folder: Path, task: str, *, corner: bool = False) -> Path:
    """Write model, pictures, annotations and thresholds.yaml; returns the path of thresholds.yaml."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "squares.py").write_text(MODEL, encoding="utf-8")
    rng = np.random.default_rng(0)
    shown = []
    for number in range(COUNT):
        # Of values, a red square of two strengths.
        colours = {"binary": [("red", 1.0)] if number % 2 else [],
                   "multilabel": [[("red", 1.0)], [("green", 1.0)], [("red", 1.0), ("green", 1.0)], []][number % 4],
                   "regression": [("red", (0.25, 1.0)[number % 2] - 0.01 * (number % 5))]}[task]  # fmt: skip
        shown.append(_draw(folder / "images" / f"{number:02d}.png", colours, rng))
    written = "{name: regression, tolerance: 12}" if task == "regression" else task
    classes = "classes: [high]" if task == "regression" else "per_class: true"
    name = _write_values(folder, shown) if task == "regression" else _write_coco(folder, shown, task)
    path = folder / "thresholds.yaml"
    text = THRESHOLDS.format(task=task, corner=str(corner).lower(), written=written, annotations=name, classes=classes)
    path.write_text(text, encoding="utf-8")
    return path


def _draw(path: Path, colours: list[tuple[str, float]], rng: np.random.Generator) -> list[tuple[str, float, list[int]]]:
    pixels = np.repeat(rng.integers(120, 136, (SIZE, SIZE, 1)), 3, axis=2)
    boxes = []
    for position, (colour, strength) in enumerate(colours):
        x = int(rng.integers(8, 11)) + position * (SQUARE + 1) - 2 * (len(colours) - 1)
        y = int(rng.integers(8, SIZE - SQUARE - 1))
        values = np.array((230, 30, 60) if colour == "red" else (30, 230, 60))
        tinted = (130 + strength * (values - 130)).round()
        pixels[y : y + SQUARE, x : x + SQUARE] = tinted
        mark = position * 2 if len(colours) > 1 else 0
        pixels[1 + mark : (3 + mark if len(colours) > 1 else 5), 1:5] = tinted
        boxes.append((colour, strength, [x, y, SQUARE, SQUARE]))
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return boxes


def _write_coco(folder: Path, shown: list[list[tuple[str, float, list[int]]]], task: str) -> str:
    names = ["red"] if task == "binary" else ["red", "green"]
    images = [{"id": n, "file_name": f"{n:02d}.png", "height": SIZE, "width": SIZE} for n in range(COUNT)]
    annotations = [
        {"id": 10 * n + which, "image_id": n, "category_id": names.index(colour), "bbox": box}
        for n, boxes in enumerate(shown)
        for which, (colour, _, box) in enumerate(boxes)
    ]
    categories = [{"id": n, "name": name} for n, name in enumerate(names)]
    text = json.dumps({"images": images, "annotations": annotations, "categories": categories})
    (folder / "annotations.json").write_text(text, encoding="utf-8")
    return "annotations.json"


def _write_values(folder: Path, shown: list[list[tuple[str, float, list[int]]]]) -> str:
    with (folder / "values.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["image", "value", "x", "y", "w", "h"])
        for n, ((_, strength, box),) in enumerate(shown):
            writer.writerow([f"{n:02d}.png", round(50 * 1.57 * strength, 2), *box])
    return "values.csv"
