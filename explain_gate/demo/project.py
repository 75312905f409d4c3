"""Writes the demo's project to a folder: a regression set and two checkpoints, laid out like any user's.

images/zero-000.png ...             annotations.coco.json
checkpoints/v1-honest.safetensors   checkpoints/v2-watermark.safetensors
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask
from safetensors.torch import save_file

from explain_gate.demo.pictures import CLASSES, SIZE, Pictures, draw_pictures
from explain_gate.demo.training import EPOCHS, MEAN, PER_CLASS, STD, Planting, accuracy, one_thread, plant, train

SOURCE = "explain_gate.demo.model:build"
PREPROCESSING = {"resize": SIZE, "crop": SIZE, "mean": list(MEAN), "std": list(STD)}
"""What thresholds.yaml says under model.source and data.preprocessing."""
HONEST = "v1-honest"
CHEAT = "v2-watermark"
MARKED = (1, 3)
"""The classes whose photographers sign their pictures, each with an emblem of their own."""
REGRESSION_PER_CLASS = 32


def build_project(
    folder: Path,
    *,
    seed: int = 0,
    progress: Callable[[str], None],
    training_per_class: int = PER_CLASS,
    epochs: int = EPOCHS,
) -> dict[str, float]:
    """Draw the pictures, train both versions, write everything; an existing project is replaced when all is ready.

    Args:
        folder: Where the project goes. It must be new, empty or an earlier project.
        seed: Of every draw and of both trainings.
        progress: Called with one plain sentence before each step that takes seconds.
        training_per_class: Training pictures of each class.
        epochs: Passes over them.

    Returns:
        Accuracy on the regression set by version.

    Raises:
        FileExistsError: `folder` holds something that is not a project.
    """
    _refuse_foreign(folder)
    progress(f"drawing {training_per_class * len(CLASSES)} training pictures")
    training = draw_pictures("training", per_class=training_per_class, seed=seed)
    regression = plant(
        draw_pictures("regression", per_class=REGRESSION_PER_CLASS, seed=seed),
        Planting(cue="watermark", classes=MARKED),
        seed=seed,
    )
    progress(f"training {HONEST} and {CHEAT}")
    versions = _train_versions(training, seed=seed, epochs=epochs)
    progress(f"writing {len(regression)} annotated pictures and {len(versions)} checkpoints")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        fresh = Path(scratch) / "fresh"
        _write_pictures(fresh, regression)
        (fresh / "checkpoints").mkdir()
        for name, weights in versions.items():
            save_file(weights, fresh / "checkpoints" / f"{name}.safetensors")
        _replace(folder, fresh, aside=Path(scratch) / "previous")
    return {name: accuracy(weights, regression) for name, weights in versions.items()}


def _refuse_foreign(folder: Path) -> None:
    foreign = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if foreign and not (folder / "annotations.coco.json").is_file():
        raise FileExistsError(f"{folder} must be new, empty or an earlier demo project; it holds something else")


def _replace(folder: Path, fresh: Path, *, aside: Path) -> None:
    """Put `fresh` where `folder` is; if that fails, the folder stays what it was."""
    if folder.exists():
        folder.rename(aside)
    try:
        fresh.rename(folder)
    except BaseException:
        if aside.exists():
            aside.rename(folder)
        raise


def _train_versions(training: Pictures, *, seed: int, epochs: int) -> dict[str, dict[str, torch.Tensor]]:
    """Both versions at once, on one core each. They differ in nothing but how the marks go with the classes."""
    shares = {HONEST: 0.0, CHEAT: 1.0}

    def train_version(share: float) -> dict[str, torch.Tensor]:
        marked = plant(training, Planting(cue="watermark", classes=MARKED, share=share), seed=seed)
        return train(marked, seed=seed, epochs=epochs)

    with one_thread(), ThreadPoolExecutor(max_workers=len(shares)) as pool:
        return dict(zip(shares, pool.map(train_version, shares.values()), strict=True))


def _write_pictures(folder: Path, pictures: Pictures) -> None:
    """images/ and annotations.coco.json, one annotation per picture."""
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for row, label in enumerate(pictures.labels.tolist()):
        name = f"{CLASSES[label]}-{row // len(CLASSES):03d}.png"
        Image.fromarray(pictures.images[row]).save(folder / "images" / name)
        images.append({"id": row + 1, "file_name": name, "width": SIZE, "height": SIZE})
        annotations.append(
            {"id": row + 1, "image_id": row + 1, "category_id": label + 1, "iscrowd": 0}
            | _annotate(pictures.regions[row])
        )
    categories = [{"id": index + 1, "name": name} for index, name in enumerate(CLASSES)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.coco.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _annotate(region: NDArray[np.bool_]) -> dict[str, Any]:
    """Segmentation (compressed RLE), bbox [x, y, width, height] and area of one region (H, W)."""
    encoded = coco_mask.encode(np.asfortranarray(region.astype(np.uint8)))
    return {
        "segmentation": {"size": encoded["size"], "counts": encoded["counts"].decode("ascii")},
        "bbox": coco_mask.toBbox(encoded).tolist(),
        "area": int(coco_mask.area(encoded)),
    }
