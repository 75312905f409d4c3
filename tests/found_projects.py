"""Projects as teams have them, one of each kind that `init` looks into: tiny, drawn, untrained."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 32
CLASSES = ("cat", "dog")
COLOURS = ((220, 60, 40), (40, 60, 220))
MODEL = """
import torch
from torch import nn

open("imported", "w").close()  # so that a test sees whether anybody imported this


def build_model(num_classes, width=8):
    return nn.Sequential(
        nn.Conv2d(3, width, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, num_classes)
    )
"""
TORCHVISION = """
import argparse

import torch
import torchvision
from torchvision import transforms as T
from torchvision.datasets import ImageFolder

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
train_transform = T.Compose([T.RandomResizedCrop(32), T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize(MEAN, STD)])
test_transform = T.Compose([T.Resize(100), T.CenterCrop(96), T.ToTensor(), T.Normalize(MEAN, STD)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--arch", default="squeezenet1_1")
    args = parser.parse_args()
    data = ImageFolder("data/train", train_transform)
    model = torchvision.models.get_model(args.arch, weights="DEFAULT")
    model.classifier[1] = torch.nn.Conv2d(512, len(data.classes), kernel_size=1)
    torch.save({"epoch": 3, "model": model.state_dict()}, "runs/model_best.pth")


main()
"""
LIGHTNING = """
import lightning as L
import torch
from torch import nn
from torchvision.transforms import v2


class Pets(L.LightningModule):
    def __init__(self, num_classes, width=4, lr=1e-3):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(
            nn.Conv2d(3, width, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, num_classes)
        )

    def forward(self, x):
        return self.net(x)


def evaluation():
    return v2.Compose([v2.Resize((32, 32)), v2.ToImage(), v2.ToDtype(torch.float32, scale=True),
                       v2.Normalize(mean=[0.5, 0.5, 0.5], std=[0.25, 0.25, 0.25])])


if __name__ == "__main__":
    L.Trainer(max_epochs=3).fit(Pets(2))
"""
# In place of the packages, which tests do not need: what a project's code takes from them.
STAND_IN_LIGHTNING = """
from torch import nn


class LightningModule(nn.Module):
    def save_hyperparameters(self):
        pass
"""
STAND_IN_TRANSFORMERS = """
import json
from pathlib import Path
from types import SimpleNamespace

import torch
from safetensors.torch import load_file
from torch import nn


class ViTForImageClassification(nn.Module):
    def __init__(self, labels):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 8, stride=8)
        self.classifier = nn.Linear(8, labels)

    def forward(self, pixel_values):
        return SimpleNamespace(logits=self.classifier(self.patches(pixel_values).relu().mean((2, 3))))


class AutoModelForImageClassification:
    @staticmethod
    def from_pretrained(pretrained_model_name_or_path, local_files_only=False):
        folder = Path(pretrained_model_name_or_path)
        model = ViTForImageClassification(len(json.loads((folder / "config.json").read_text())["id2label"]))
        model.load_state_dict(load_file(folder / "model.safetensors"))
        return model
"""


def draw(folder: Path, *, count: int = 6, by_class: bool = False) -> list[tuple[str, str, tuple[int, int, int, int]]]:
    """Draw `count` pictures of each class; returns file name below the folder, class, and the object's box."""
    rng = np.random.default_rng(0)
    drawn = []
    for number in range(2 * count):
        label = number % 2
        pixels = np.repeat(rng.integers(90, 160, (SIZE, SIZE, 1)), 3, axis=2)
        x, y = rng.integers(4, 14, 2).tolist()
        pixels[y : y + 12, x : x + 12] = COLOURS[label]
        name = f"{CLASSES[label]}/{number:02d}.png" if by_class else f"{CLASSES[label]}_{number:02d}.png"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / name)
        drawn.append((name, CLASSES[label], (x, y, 12, 12)))
    return drawn


def write_coco(path: Path, drawn: list[tuple[str, str, tuple[int, int, int, int]]]) -> None:
    """Boxes as COCO; the categories stand in another order than the alphabet's."""
    order = CLASSES[::-1]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps(
            {
                "images": [
                    {"id": n, "file_name": one[0], "width": SIZE, "height": SIZE} for n, one in enumerate(drawn)
                ],
                "annotations": [
                    {"id": n, "image_id": n, "category_id": order.index(one[1]), "bbox": one[2]}
                    for n, one in enumerate(drawn)
                ],
                "categories": [{"id": n, "name": name} for n, name in enumerate(order)],
            }
        )
    )


def write_masks(folder: Path, drawn: list[tuple[str, str, tuple[int, int, int, int]]]) -> None:
    """A mask an image, in a folder a class."""
    for name, class_name, (x, y, width, height) in drawn:
        mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
        mask[y : y + height, x : x + width] = 255
        place = folder / class_name / f"{Path(name).stem}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(place)


def write_yolo(folder: Path, drawn: list[tuple[str, str, tuple[int, int, int, int]]]) -> None:
    """labels/val beside images/val, with data.yaml."""
    labels = folder / "labels" / "val"
    labels.mkdir(parents=True)
    for name, class_name, (x, y, width, height) in drawn:
        numbers = ((x + width / 2) / SIZE, (y + height / 2) / SIZE, width / SIZE, height / SIZE)
        text = " ".join(f"{number:.6f}" for number in numbers)
        (labels / f"{Path(name).stem}.txt").write_text(f"{CLASSES.index(class_name)} {text}\n")
    (folder / "data.yaml").write_text("path: ../pets\ntrain: images/train\nval: images/val\nnames: {0: cat, 1: dog}\n")
