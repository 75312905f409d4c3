"""A drawn set and three versions' profiles, with faults planted where the right answers are known; no model.

Sixteen pictures of waves, eight a class, each with an object; every version is sure of the true class and its maps lie
on the object. In place of the truth the annotations say: two labels flipped, two regions beside their object, one
picture copied (smaller and darker) under the other class.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from explain_gate.config import load_config
from explain_gate.data.regression_set import RegressionSet, open_set
from explain_gate.labels.runs import Runs, open_runs
from explain_gate.profile.writer import ProfileWriter
from explain_gate.records import ImageRow

SIDE = 64
CLASSES = ("cat", "dog")
FLIPPED = ("pic_03.png", "pic_10.png")
SHIFTED = ("pic_05.png", "pic_12.png")
COPIED, COPY = "pic_06.png", "copy.png"
THRESHOLDS = """\
version: 1
model: {source: "none:none"}
data:
  images: images
  annotations: annotations.coco.json
  preprocessing: {resize: [64, 64], mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}
methods: {grad_cam: {}}
checks: {alignment: {iou: {at_least: 0.1}}}
"""


@dataclass
class Audited:
    """The project's folder, its versions, and what is true of each picture: class and place of the object."""

    folder: Path
    truth: dict[str, tuple[int, tuple[int, int]]] = field(default_factory=dict)

    @property
    def config(self):
        """thresholds.yaml as it is."""
        return load_config(self.folder / "thresholds.yaml")

    @property
    def data(self) -> RegressionSet:
        """The annotated set."""
        return open_set(self.config)

    @property
    def versions(self) -> list[Path]:
        """Folders of the profiles."""
        return sorted(self.folder.glob("v*"))

    @property
    def runs(self) -> Runs:
        """All versions, joined."""
        return open_runs(self.versions, self.data)


def write_audited(folder: Path, versions: int = 3) -> Audited:
    """Write pictures, annotations, thresholds.yaml and profiles."""
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(5)
    project = Audited(folder)
    images, annotations = [], []
    for number in range(16):
        name, label = f"pic_{number:02d}.png", number % 2
        top, left = (int(one) for one in rng.integers(4, 20, 2))
        Image.fromarray(waves(rng)).save(folder / "images" / name)
        project.truth[name] = (label, (top, left))
        box = [left + 28, top + 26, 16, 16] if name in SHIFTED else [left, top, 16, 16]
        images.append({"id": number, "file_name": name, "width": SIDE, "height": SIDE})
        said = 1 - label if name in FLIPPED else label
        annotations.append({"id": number, "image_id": number, "category_id": said, "bbox": box})
    with Image.open(folder / "images" / COPIED) as opened:
        small = opened.resize((48, 48)).point(lambda value: value * 0.8)
    small.save(folder / "images" / COPY)
    label, place = project.truth[COPIED]
    project.truth[COPY] = (label, place)
    images.append({"id": 99, "file_name": COPY, "width": 48, "height": 48})
    scaled = [round(place[1] * 0.75), round(place[0] * 0.75), 12, 12]
    annotations.append({"id": 99, "image_id": 99, "category_id": 1 - label, "bbox": scaled})
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES)]
    text = json.dumps({"images": images, "annotations": annotations, "categories": categories})
    (folder / "annotations.coco.json").write_text(text, encoding="utf-8")
    (folder / "thresholds.yaml").write_text(THRESHOLDS, encoding="utf-8")
    for version in range(versions):
        write_version(project, folder / f"v{version}", seed=version)
    return project


def waves(rng: np.random.Generator) -> np.ndarray:
    """A picture that looks like no other (SIDE, SIDE, 3), uint8."""
    coarse = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8))
    return np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def write_version(project: Audited, folder: Path, *, seed: int, task: str = "classification", strengths: bool = True):
    """A profile whose version knows the truth, but for a little noise."""
    data, rng = project.data, np.random.default_rng(seed)
    ys, xs = np.mgrid[0:SIDE, 0:SIDE]
    with ProfileWriter(folder, count=len(data), height=SIDE, width=SIDE) as writer:
        maps, regions = writer.maps("grad_cam"), writer.regions()
        writer.maps("control.random")[:] = 1
        images = []
        for row, entry in enumerate(data.entries):
            label, (top, left) = project.truth[entry.image]
            sure = rng.uniform(0.9, 0.99)
            said = np.where(np.arange(2) == label, sure, 1 - sure)
            if strengths:
                writer.strengths(2)[row] = said
            maps[row] = np.exp(-((ys - top - 8) ** 2 + (xs - left - 8) ** 2) / 60)
            sample = data.sample(row)
            regions[row] = np.packbits(sample.region.numpy(), axis=-1)
            shown = ((sample.pixels * 0.5 + 0.5) * 255).round().byte().permute(1, 2, 0).numpy()
            Image.fromarray(shown).save(writer.thumbnail(row))
            images.append(
                ImageRow(
                    image=entry.image, label=entry.label, class_name=entry.class_name, accepted=entry.accepted,
                    digest=data.digest(row), predicted=label, probability=float(sure),
                    region_area=float(sample.region.float().mean()), region_reason=None,
                )
            )  # fmt: skip
        manifest = {
            "model": {"name": "drawn", "digest": f"{seed + 1:064x}"},
            "dataset": {"classes": list(CLASSES), "height": SIDE, "width": SIDE, "digest": "ab" * 32},
            "methods": {"grad_cam": {}, "control.random": {}},
            "task": task,
        }
        writer.finish(images, [], manifest)
