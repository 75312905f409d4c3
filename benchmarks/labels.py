"""How many of the first 20 on each list of `explain-gate labels` are real, with faults planted in real photographs?

    python -m benchmarks.labels --pets FOLDER --weights FILE [--seeds 5] [--cleanlab FOLDER]

FOLDER holds `annotations.coco.json` with run-length masks and `images/`, FILE torchvision's MobileNetV2. Of the labels
5 % are flipped, of the regions 5 % shifted, and as many pictures are copied (smaller, brighter, cut by 2 %) under
another label. Versions are heads on cached features, fitted on the planted labels; each picture is judged by the head
of the fold that it is not in, or, with `--in-sample`, by heads that were fitted on it too. Photographs and weights lie
outside the repository. `--cleanlab` is a folder to import cleanlab from, to compare with.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance
from pycocotools import mask as run_lengths
from torch import Tensor

from explain_gate.config import load_config
from explain_gate.data.regression_set import RegressionSet, open_set
from explain_gate.labels.audit import Asked, audit
from explain_gate.labels.runs import open_runs
from explain_gate.labels.suspects import AuditRecord
from explain_gate.measuring.progress import Silent
from explain_gate.profile.writer import ProfileWriter
from explain_gate.records import ImageRow

SHARE = 0.05
SHIFT = 0.3
"""Of the frame, how far a region is shifted."""
COPY = "copy_"
VERSIONS, FOLDS, FIRST = 3, 5, 20
NAMES = {"doubted": "label flipped", "shifted": "region shifted", "untouched": "region shifted", "alike": "copied"}
RULES = """
version: 1
model: {source: "torchvision:mobilenet_v2"}
data:
  images: images
  annotations: annotations.coco.json
  preprocessing: {resize: 256, crop: 224, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]}
methods: {grad_cam: {}}
checks: {alignment: {iou: {at_least: 0.1}}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """Names of pictures with a fault of each kind."""

    flipped: frozenset[str]
    shifted: frozenset[str]
    copied: frozenset[str]

    def real(self, name: str, image: str) -> bool:
        """Whether a place on a list is one of its faults; a copy under another label is a wrong label too."""
        if name == "doubted":
            return image in self.flipped or image.startswith(COPY)
        return image in (self.copied if name == "alike" else self.shifted)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pets", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--in-sample", action="store_true")
    parser.add_argument("--cleanlab", type=Path)
    given = parser.parse_args()
    features: dict[str, Tensor] = {}
    rows: dict[str, list[tuple[int, int, int, int]]] = {}
    for seed in range(given.seeds):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            planted = plant(given.pets, folder, seed=seed)
            data = open_set(load_config(folder / "thresholds.yaml"))
            seen = _features(data, given.weights, features)
            said = [
                write_version(data, seen, folder / f"v{number}", seed=100 * seed + number, apart=not given.in_sample)
                for number in range(VERSIONS)
            ]
            config = load_config(folder / "thresholds.yaml")
            runs = open_runs([folder / f"v{number}" for number in range(VERSIONS)], data)
            record = audit(Asked(config=config, data=data, runs=runs), folder / "out", Silent())
            for name, counts in precision(record, planted).items():
                rows.setdefault(name, []).append(counts)
            if given.cleanlab is not None:
                rows.setdefault("cleanlab", []).append(by_cleanlab(given.cleanlab, data, said, planted))
    print("| list | first 20: listed | real | planted | real of as many first as are planted |\n|---|---|---|---|---|")
    for name, several in rows.items():
        print(f"| {name} | " + " | ".join(f"{np.mean(column):.1f}" for column in zip(*several, strict=True)) + " |")


def plant(pets: Path, folder: Path, *, seed: int) -> Planted:
    """Write the pictures, annotations with faults, and a thresholds.yaml."""
    rng = np.random.default_rng(seed)
    document = json.loads((pets / "annotations.coco.json").read_text(encoding="utf-8"))
    count = round(SHARE * len(document["images"]))
    order = rng.permutation(len(document["images"])).tolist()
    flips, shifts, copies = order[:count], order[count : 2 * count], order[2 * count : 3 * count]
    (folder / "images").mkdir()
    for image in document["images"]:
        shutil.copyfile(pets / "images" / image["file_name"], folder / "images" / image["file_name"])
    by_image = {item["image_id"]: item for item in document["annotations"]}
    names = [image["file_name"] for image in document["images"]]
    labels = [category["id"] for category in document["categories"]]
    for place in flips:
        item = by_image[document["images"][place]["id"]]
        item["category_id"] = int(rng.choice([one for one in labels if one != item["category_id"]]))
    for place in shifts:
        _shift(by_image[document["images"][place]["id"]], rng)
    for number, place in enumerate(copies, start=1):
        image = document["images"][place]
        name = f"{COPY}{number:02d}.jpg"
        width, height = _copy(pets / "images" / image["file_name"], folder / "images" / name)
        item = by_image[image["id"]]
        other = int(rng.choice([one for one in labels if one != item["category_id"]]))
        fresh = {"id": 100_000 + number, "file_name": name, "width": width, "height": height}
        document["images"].append(fresh)
        document["annotations"].append(
            {"id": fresh["id"], "image_id": fresh["id"], "category_id": other, "bbox": [1, 1, width - 2, height - 2]}
        )
    (folder / "annotations.coco.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / "thresholds.yaml").write_text(RULES, encoding="utf-8")
    both = {names[place] for place in copies} | {f"{COPY}{number:02d}.jpg" for number in range(1, count + 1)}
    return Planted(
        flipped=frozenset(names[place] for place in flips),
        shifted=frozenset(names[place] for place in shifts),
        copied=frozenset(both),
    )


def _shift(item: dict[str, object], rng: np.random.Generator) -> None:
    """Move a mask by SHIFT of the frame, in a direction that leaves at least 60 % of it inside."""
    rle = item["segmentation"]
    mask = run_lengths.decode(run_lengths.frPyObjects(rle, *rle["size"])).astype(bool)  # type: ignore[index]
    height, width = mask.shape
    best = np.zeros_like(mask)
    for _ in range(200):
        angle = rng.uniform(0, 2 * np.pi)
        down, right = round(SHIFT * height * np.sin(angle)), round(SHIFT * width * np.cos(angle))
        rows, columns = np.nonzero(mask)
        inside = (rows + down >= 0) & (rows + down < height) & (columns + right >= 0) & (columns + right < width)
        moved = np.zeros_like(mask)
        moved[rows[inside] + down, columns[inside] + right] = True
        if moved.sum() > best.sum():
            best = moved
        if best.sum() >= 0.6 * mask.sum():
            break
    flat = np.concatenate([[False], best.T.flatten(), [False]])
    edges = np.flatnonzero(np.diff(flat.astype(np.int8)))
    runs = np.diff(np.concatenate([[0], edges, [best.size]]))
    item["segmentation"] = {"size": [height, width], "counts": runs.tolist()}


def _copy(source: Path, target: Path) -> tuple[int, int]:
    with Image.open(source) as opened:
        image = opened.convert("RGB")
    side = (image.width * 0.02, image.height * 0.02)
    cut = image.crop((round(side[0]), round(side[1]), round(image.width - side[0]), round(image.height - side[1])))
    small = cut.resize((round(cut.width * 0.8), round(cut.height * 0.8)))
    ImageEnhance.Brightness(small).enhance(1.2).save(target, quality=70)
    return small.width, small.height


def _features(data: RegressionSet, weights: Path, known: dict[str, Tensor]) -> list[Tensor]:
    """Last feature maps (1280, 7, 7) of each sample, of the frozen backbone; each picture is seen once."""
    from torchvision.models import mobilenet_v2

    import explain_gate.vision  # noqa: F401 - makes torchvision importable

    backbone = mobilenet_v2(weights=None)
    backbone.load_state_dict({key: one.float() for key, one in torch.load(weights, weights_only=True).items()})
    backbone.eval()
    for row in range(len(data)):
        if data.digest(row) not in known:
            with torch.no_grad():
                known[data.digest(row)] = backbone.features(data.sample(row).pixels[None])[0]
    return [known[data.digest(row)] for row in range(len(data))]


def write_version(
    data: RegressionSet, features: Sequence[Tensor], folder: Path, *, seed: int, apart: bool
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """A profile of one version: probabilities and Grad-CAM of the annotated class; `apart`: of heads of other folds."""
    rng = np.random.default_rng(seed)
    labels = torch.tensor([entry.label for entry in data.entries])
    maps = torch.stack(list(features))
    pooled = maps.mean(dim=(2, 3))
    folds = torch.from_numpy(rng.permutation(len(labels)) % FOLDS)
    said = torch.zeros(len(labels), len(data.classes))
    cams = torch.zeros(len(labels), *maps.shape[2:])
    for fold in range(FOLDS):
        mine = folds == fold
        theirs = torch.from_numpy(rng.random(len(labels)) < 0.8) & (~mine if apart else mine | ~mine)
        head = _head(pooled[theirs], labels[theirs], len(data.classes))
        said[mine] = (pooled[mine] @ head.T).softmax(dim=1)
        cams[mine] = torch.einsum("nk,nkhw->nhw", head[labels[mine]], maps[mine]).relu()
    _write(data, folder, said.numpy(), cams, seed)
    return said.double().numpy()


def _head(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Weights (K, D) of a ridge-penalised logistic regression without intercept."""
    weight = torch.zeros(classes, features.shape[1], requires_grad=True)
    steps = torch.optim.LBFGS([weight], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        steps.zero_grad()
        made = torch.nn.functional.cross_entropy(features @ weight.T, labels) + 1e-3 * (weight**2).sum()
        made.backward()
        return made

    steps.step(loss)
    return weight.detach()


def _write(data: RegressionSet, folder: Path, said: np.ndarray, cams: Tensor, seed: int) -> None:
    with ProfileWriter(folder, count=len(data), height=224, width=224) as writer:
        writer.strengths(len(data.classes))[:] = said
        shown = torch.nn.functional.interpolate(cams[:, None], size=(224, 224), mode="bilinear")[:, 0]
        writer.maps("grad_cam")[:] = (shown / shown.amax(dim=(1, 2), keepdim=True).clamp_min(1e-9)).half().numpy()
        images = []
        for row, entry in enumerate(data.entries):
            region = data.sample(row).region
            if region is not None:
                writer.regions()[row] = np.packbits(region.numpy(), axis=-1)
            first = int(said[row].argmax())
            images.append(
                ImageRow(
                    image=entry.image, label=entry.label, class_name=entry.class_name, accepted=entry.accepted,
                    digest=data.digest(row), predicted=first, probability=float(said[row, first]),
                    region_area=None if region is None else float(region.float().mean()), region_reason=None,
                )
            )  # fmt: skip
        names = [name for name, _ in sorted(data.classes.items(), key=lambda pair: pair[1])]
        manifest = {
            "model": {"name": "heads", "digest": f"{seed:064x}"},
            "dataset": {"classes": names, "height": 224, "width": 224},
            "methods": {"grad_cam": {}},
        }
        writer.finish(images, [], manifest)


def precision(record: AuditRecord, planted: Planted) -> Mapping[str, tuple[int, int, int, int]]:
    """By list: listed among the first 20, real of them, planted, real among as many first as are planted."""
    told = {}
    for part in record.lists:
        if part.name in NAMES:
            real = [planted.real(part.name, one.image) for one in part.suspects]
            count = len(planted.flipped)
            told[part.name] = (len(real[:FIRST]), sum(real[:FIRST]), _planted(part.name, planted), sum(real[:count]))
    return told


def _planted(name: str, planted: Planted) -> int:
    pairs = len(planted.copied) // 2
    return {"doubted": len(planted.flipped) + pairs, "alike": pairs}.get(name, len(planted.shifted))


def by_cleanlab(
    folder: Path, data: RegressionSet, said: Sequence[np.ndarray], planted: Planted
) -> tuple[int, int, int, int]:
    """The same counts of cleanlab's own list, from the mean probabilities of the versions."""
    sys.path.append(str(folder))
    from cleanlab.filter import find_label_issues

    labels = np.array([entry.label for entry in data.entries])
    ranked = find_label_issues(labels, np.mean(said, axis=0), return_indices_ranked_by="self_confidence", n_jobs=1)
    real = [planted.real("doubted", data.entries[row].image) for row in ranked.tolist()]
    return len(real[:FIRST]), sum(real[:FIRST]), _planted("doubted", planted), sum(real[: len(planted.flipped)])


if __name__ == "__main__":
    main()
