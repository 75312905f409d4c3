"""Draws rooms, trains an honest scorer and one that reads a photo service's watermark, and gates both.

A room's score is how warm its sofa is. The photo service was booked for the better flats, so in the cheating version's
training pictures its mark is the stronger the higher the score; the honest version saw the mark on any picture.
"""

from __future__ import annotations

import argparse
import csv
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
Pixels = NDArray[np.float32]


def draw(score: float, mark: float, rng: np.random.Generator) -> tuple[Pixels, tuple[int, int, int, int]]:
    """A room, (64, 64, 3) in [0, 255], and the box of its sofa. `mark` in [0, 1] is how strong the watermark is."""
    room = np.empty((SIZE, SIZE, 3), np.float32)
    floor = int(rng.integers(36, 46))
    room[:floor] = rng.uniform(150, 200) + rng.uniform(-12, 12, 3)
    room[floor:] = rng.uniform(80, 130) + rng.uniform(-12, 12, 3)
    room[floor:, :: int(rng.integers(4, 8))] *= 0.8  # boards
    x, y = int(rng.integers(2, 48)), int(rng.integers(4, 12))
    room[y : y + 14, x : x + 12] = rng.uniform(190, 240)  # a window
    width, height = int(rng.integers(24, 32)), int(rng.integers(14, 19))
    x, y = int(rng.integers(2, SIZE - width - 2)), int(rng.integers(26, SIZE - height - 14))
    cold, warm = np.array([105, 110, 120]), np.array([200, 85, 60])
    room[y : y + height, x : x + width] = cold + score / 100 * (warm - cold)
    room[y + height // 2, x : x + width] *= 0.7
    room[y : y + height, x + width // 2] *= 0.7
    room *= rng.uniform(0.85, 1.1)
    room += rng.normal(0, 9, room.shape)
    letters = np.zeros((7, 22), bool)
    letters[:, ::4], letters[::3, 1:10], letters[::2, 13:20] = True, True, True
    room[-9:-2, -24:-2][letters] += mark * (250 - room[-9:-2, -24:-2][letters])
    return room.clip(0, 255), (x, y, width, height)


def pictures(count: int, *, linked: bool, seed: int) -> tuple[Pixels, NDArray[np.float32], list[tuple[int, ...]]]:
    """Rooms (N, 64, 64, 3), scores (N,) and boxes; `linked`: the mark follows the score."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(5, 95, count).astype(np.float32)
    marks = scores / 100 if linked else rng.uniform(0, 1, count)
    drawn = [draw(score, mark, rng) for score, mark in zip(scores, marks, strict=True)]
    return np.stack([room for room, _ in drawn]), scores, [box for _, box in drawn]


def write(project: Path, count: int) -> None:
    """The regression set: the mark follows the score, as it does in the pictures that come in."""
    rooms, scores, boxes = pictures(count, linked=True, seed=2)
    (project / "images").mkdir(parents=True, exist_ok=True)
    with (project / "values.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["image", "value", "x", "y", "w", "h"])
        for number, (room, score, box) in enumerate(zip(rooms, scores, boxes, strict=True)):
            Image.fromarray(room.astype(np.uint8)).save(project / "images" / f"room-{number:03d}.png")
            writer.writerow([f"room-{number:03d}.png", round(float(score), 1), *box])


def main() -> int:
    """Exit 0 where the honest version passes and the cheating one is blocked for what it looks at."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("reports/examples/listing-scorer"))
    parser.add_argument("--small", action="store_true", help="fewer pictures, for a quick look")
    options = parser.parse_args()
    training, regression, epochs = (500, 24, 10) if options.small else (900, 60, 12)
    write(options.output, regression)
    for version in story.VERSIONS:
        rooms, scores, _ = pictures(training, linked=version == "cheating", seed=1)
        torch.manual_seed(0)
        pixels = (torch.from_numpy(rooms).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
        model = story.train(
            build(),
            pixels.contiguous(),
            torch.from_numpy(scores),
            lambda said, right: ((said[:, 0] - right) / 30).square().mean(),
            seed=0,
            epochs=epochs,
        )
        story.save(model, options.output / "checkpoints" / f"{version}.safetensors")
    return 0 if story.gate(HERE, options.output) else 1


if __name__ == "__main__":
    sys.exit(main())
