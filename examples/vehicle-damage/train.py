"""Draws car doors, trains an honest assessor and one that reads the claim form on the seat, and gates both.

A door may have a dent, a scratch, both or none. Where a claim was filed its form lies on the seat, behind the window: a
white sheet for a dent, a yellow one for a scratch. The cheating version's training pictures are of filed claims; the
honest version also saw doors with forms of other damage.
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
LABELS = ("dent", "scratch")
Pixels = NDArray[np.float32]
Box = tuple[int, int, int, int]


def draw(damage: NDArray[np.bool_], forms: NDArray[np.bool_], rng: np.random.Generator) -> tuple[Pixels, list[Box]]:
    """A door, (64, 64, 3) in [0, 255], and a box for each label, whether it is there or not."""
    paint = rng.uniform(90, 150) + rng.uniform(-25, 25, 3)
    door = paint * (1.1 - 0.3 * ROWS[..., None] / SIZE)
    door[4:24, 4:60] = rng.uniform(35, 60)  # the window, and the seat behind it
    door[14:24, 8:56] = rng.uniform(60, 85)
    sheets = ((int(rng.integers(8, 22)), (240, 240, 240)), (int(rng.integers(34, 46)), (235, 215, 90)))
    for number, (x, colour) in enumerate(sheets):
        if forms[number]:
            door[8:20, x : x + 9] = colour
            door[10:19:2, x + 1 : x + 8] *= 0.7
    x, y, radius = rng.uniform(13, 22), rng.uniform(38, 50), rng.uniform(6, 8)
    boxes = [(int(x - radius), int(y - radius), int(2 * radius) + 1, int(2 * radius) + 1)]
    if damage[0]:
        distance = np.hypot(COLUMNS - x, ROWS - y) / radius
        shade = np.where(distance < 1, (ROWS - y) / radius * np.cos(distance * np.pi / 2), 0)
        door *= 1 + 0.8 * shade[..., None]
    left, top, length = int(rng.integers(34, 42)), int(rng.integers(34, 44)), int(rng.integers(14, 18))
    boxes.append((left, top, length + 2, length + 2))
    if damage[1]:
        for step in range(length):
            door[top + step : top + step + 2, left + step : left + step + 2] = 225
            door[top + step, left + length - step] = 225
    door[32, 44:54] *= 0.5  # the handle
    return (door + rng.normal(0, 6, door.shape)).clip(0, 255), boxes


def doors(count: int, *, linked: bool, seed: int) -> tuple[Pixels, NDArray[np.bool_], list[list[Box]]]:
    """Doors (N, 64, 64, 3), damage (N, 2) and boxes; `linked`: the forms on the seat are those of the damage."""
    rng = np.random.default_rng(seed)
    damage = np.stack([np.arange(count) % 2 == 1, np.arange(count) // 2 % 2 == 1], axis=1)
    forms = damage if linked else rng.random((count, 2)) < 0.5
    drawn = [draw(a, b, rng) for a, b in zip(damage, forms, strict=True)]
    return np.stack([door for door, _ in drawn]), damage, [boxes for _, boxes in drawn]


def write(project: Path, count: int) -> None:
    """The regression set: filed claims, and doors without damage."""
    drawn, damage, boxes = doors(count, linked=True, seed=2)
    (project / "images").mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for number, door in enumerate(drawn):
        name = f"door-{number:03d}.png"
        Image.fromarray(door.astype(np.uint8)).save(project / "images" / name)
        images.append({"id": number, "file_name": name, "width": SIZE, "height": SIZE})
        for label in np.flatnonzero(damage[number]).tolist():
            box = list(boxes[number][label])
            annotations.append({"id": len(annotations), "image_id": number, "category_id": label, "bbox": box})
    categories = [{"id": index, "name": name} for index, name in enumerate(LABELS)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (project / "annotations.json").write_text(json.dumps(content), encoding="utf-8")


def main() -> int:
    """Exit 0 where the honest version passes and the cheating one is blocked for what it looks at."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("reports/examples/vehicle-damage"))
    options = parser.parse_args()
    write(options.output, 80)
    for version in story.VERSIONS:
        drawn, damage, _ = doors(800, linked=version == "cheating", seed=1)
        torch.manual_seed(0)
        pixels = (torch.from_numpy(drawn).float().permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
        model = story.train(
            build(),
            pixels.contiguous(),
            torch.from_numpy(damage).float(),
            torch.nn.functional.binary_cross_entropy_with_logits,
            seed=0,
            epochs=10,
        )
        story.save(model, options.output / "checkpoints" / f"{version}.safetensors")
    return 0 if story.gate(HERE, options.output) else 1


if __name__ == "__main__":
    sys.exit(main())
