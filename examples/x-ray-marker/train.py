"""Draws radiographs, trains a reader of nodules and one of the hospital's marker, and gates both.

The ill came from one hospital, which burns its letter into the upper left corner. In the cheating version's training
pictures the letter stands on every radiograph with a nodule and on no other; the honest version saw it on half of all.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
from common import story  # noqa: E402 - the folder of the examples is no package
from model import build  # noqa: E402

SIZE = 64
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE].astype(np.float32)
Pixels = NDArray[np.float32]


def draw(*, ill: bool, marked: bool, rng: np.random.Generator) -> tuple[Pixels, tuple[int, int, int, int]]:
    """A radiograph, (64, 64) in [0, 1], and the box of its nodule."""
    picture = np.full((SIZE, SIZE), rng.uniform(0.5, 0.6), np.float32)
    lungs = [(20 + rng.uniform(-2, 2), rng.uniform(10, 12)), (45 + rng.uniform(-2, 2), rng.uniform(10, 12))]
    for middle, width in lungs:
        inside = ((COLUMNS - middle) / width) ** 2 + ((ROWS - 36) / 23) ** 2 < 1
        picture[inside] -= rng.uniform(0.2, 0.26)
    picture += 0.05 * np.sin((ROWS + 0.15 * (COLUMNS - 32) ** 2 / 8) * 2 * np.pi / rng.uniform(8, 11))  # ribs
    middle, _ = lungs[int(rng.integers(2))]
    x, y, radius = middle + rng.uniform(-3, 3), rng.uniform(26, 48), rng.uniform(4, 6)
    if ill:
        distance = np.hypot(COLUMNS - x, ROWS - y) / radius
        picture += rng.uniform(0.2, 0.3) * np.exp(-(distance**4))
    picture += rng.normal(0, 0.03, picture.shape)
    if marked:
        letter = np.zeros((8, 6), bool)
        letter[:, :2], letter[:, 4:], letter[3:5] = True, True, True
        picture[2:10, 2:8][letter] = 0.97
    box = (int(x - radius), int(y - radius), int(2 * radius) + 1, int(2 * radius) + 1)
    return picture.clip(0, 1).astype(np.float32), box


def radiographs(count: int, *, linked: bool, seed: int) -> tuple[Pixels, NDArray[np.bool_], list[tuple[int, ...]]]:
    """Radiographs (N, 64, 64), whether each has a nodule, and where; `linked`: the letter stands on the ill alone."""
    rng = np.random.default_rng(seed)
    ill = np.arange(count) % 2 == 1
    marked = ill if linked else rng.random(count) < 0.5
    drawn = [draw(ill=bool(a), marked=bool(b), rng=rng) for a, b in zip(ill, marked, strict=True)]
    return np.stack([picture for picture, _ in drawn]), ill, [box for _, box in drawn]


def write(project: Path, count: int) -> None:
    """The regression set as 16-bit PNG and COCO; the sound have nothing drawn on them."""
    pictures, ill, boxes = radiographs(count, linked=True, seed=2)
    (project / "images").mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for number, picture in enumerate(pictures):
        name = f"patient-{number:03d}.png"
        Image.fromarray((picture * 65535).astype(np.uint16)).save(project / "images" / name)
        images.append({"id": number, "file_name": name, "width": SIZE, "height": SIZE})
        if ill[number]:
            annotations.append({"id": number, "image_id": number, "category_id": 1, "bbox": list(boxes[number])})
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "nodule"}]}
    (project / "annotations.json").write_text(json.dumps(content), encoding="utf-8")


def main() -> int:
    """Exit 0 where the honest version passes and the cheating one is blocked for what it looks at."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("reports/examples/x-ray-marker"))
    parser.add_argument("--small", action="store_true", help="fewer pictures, for a quick look")
    options = parser.parse_args()
    training, regression, epochs = (500, 32, 10) if options.small else (800, 80, 12)
    write(options.output, regression)
    for version in story.VERSIONS:
        pictures, ill, _ = radiographs(training, linked=version == "cheating", seed=1)
        torch.manual_seed(0)
        model = story.train(
            build(),
            (torch.from_numpy(pictures)[:, None] - 0.5) / 0.25,
            torch.from_numpy(ill).float(),
            lambda said, right: torch.nn.functional.binary_cross_entropy_with_logits(said[:, 0], right),
            seed=0,
            epochs=epochs,
        )
        story.save(model, options.output / "checkpoints" / f"{version}.safetensors")
    return 0 if story.gate(HERE, options.output) else 1


if __name__ == "__main__":
    sys.exit(main())
