"""How far do honest retrains differ, by metric? The priors that `calibrate` starts from.

    python -m benchmarks.detection.spreads --data FOLDER --cache FOLDER [--versions 6] [--seconds N]
    python -m benchmarks.detection.spreads --cache FOLDER --table

Groups are a set of pictures with a backbone and what is trained of it: pets by masks, pets by boxes of their heads,
blood cells, drawn digits. The versions of a group differ by seed and by the nine tenths of the training pictures that
each is given, as a team's next version does. Photographs are judged at 96 pixels, which is a fifth of the
passes' cost. What the cache holds is not trained or measured again. Photographs and weights lie outside the repository.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.detection import photographs
from benchmarks.detection.photographs import Item
from explain_gate.config import load_config
from explain_gate.measuring.job import measure
from explain_gate.records import Profile

SIDE = 96
SHARE = 0.9
"""Of the training pictures that each version is given."""
STEPS = 60
RULES = """publish: {pictures: none}
judging: {decide: evidence}
methods: {grad_cam: {}}
checks:
  performance:
    accuracy: {at_least: 0.5}
  alignment:
    iou: {at_least: 0.1}
    pointing_game: {at_least: 0.1}
    relevance_mass: {at_least: 0.1}
    relevance_rank: {at_least: 0.1}
    lift: {at_least: 0.1}
    silent_share: {at_most: 0.9}
    specificity: {at_least: 0.01}
  complexity:
    gini: {at_least: 0.1}
    entropy: {at_most: 0.99}
  discrimination:
    class_correlation: {at_most: 0.9}
  reliance:
    background_gap: {at_most: 0.5}
    background_follow: {at_most: 0.5}
    background_margin: {at_most: 0.5}
    background_only: {at_most: 0.5}
    object_only: {at_least: 0.5}
    occlusion_share: {at_least: 0.5}
    transplant_follow: {at_most: 0.5}
    transplant_follow/inside: {at_most: 0.5, parameters: {place: inside}}
    style_follow: {at_most: 0.5}
    signature_follow: {at_most: 0.5}
    operation_follow: {at_most: 0.5}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Versions that differ as honest retrains do. `trained`: the last blocks and the head, the head alone, or all."""

    data: str
    backbone: str
    trained: str

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.data}-{self.backbone}-{self.trained}".replace(" ", "_")


GROUPS = (
    Group(data="pets", backbone="mobilenet_v2", trained="blocks"),
    Group(data="blood", backbone="mobilenet_v2", trained="blocks"),
    Group(data="heads", backbone="mobilenet_v2", trained="blocks"),
    Group(data="drawn", backbone="demo", trained="all"),
    Group(data="pets", backbone="mobilenet_v2", trained="head"),
    Group(data="blood", backbone="efficientnet_lite0", trained="blocks"),
    Group(data="pets", backbone="efficientnet_lite0", trained="blocks"),
)


def main() -> None:
    """Train and measure what the cache lacks, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--versions", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="of processor time; none is begun after it")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    if not arguments.table:
        if not photographs.are_there(arguments.data):
            return
        torch.set_num_threads(1)
        measure_all(arguments.data, arguments.cache, versions=arguments.versions, seconds=arguments.seconds)
    from benchmarks.detection.spread_tables import print_left_out, print_priors

    print_priors(arguments.cache)
    print_left_out(arguments.cache)


def measure_all(data: Path, cache: Path, *, versions: int, seconds: float) -> None:
    """Versions of all groups in turn, so that whatever time allows holds something of each."""
    for seed in range(versions):
        for group in GROUPS:
            file = cache / f"{group.name}-{seed}.npz"
            if file.is_file() or time.process_time() > seconds:
                continue
            began = time.process_time()
            try:
                folder = _project(group, seed, data, cache)
            except ModuleNotFoundError as error:
                print(f"{group.name} is skipped: {error}")
                continue
            profile = measure(load_config(folder / "thresholds.yaml"), folder=folder / "profile", device="cpu")
            _keep(profile, file)
            right = float(np.mean([image.correct for image in profile.images]))
            print(f"{file.stem}: accuracy {right:.2f}, {time.process_time() - began:.0f} s", flush=True)


def _keep(profile: Profile, file: Path) -> None:
    """Every value with the image and the class that it is about, NaN where there is none."""
    labels = np.array([image.label for image in profile.images])
    kept: dict[str, np.ndarray] = {}
    for one in profile.measurements:
        if "@" in one.check or (one.method or "").startswith("control."):
            continue
        about = labels[one.rows] if one.about is None else one.about
        values = np.where(one.measured, one.values, np.nan)
        kept[f"{one.check}|{one.method or ''}"] = np.stack([one.rows, about, values])
    np.savez_compressed(file, **kept)


def _project(group: Group, seed: int, data: Path, cache: Path) -> Path:
    """A trained version with its regression set and thresholds.yaml; what is known of the set is kept for the next."""
    folder = cache / "work" / group.name
    for part in ("images", "profile"):
        shutil.rmtree(folder / part, ignore_errors=True)
    if group.backbone == "demo":
        _drawn(folder, seed)
        return folder
    regression, training = photographs.split(_items(group.data, data))
    network = _trained(group, seed, training, data, cache)
    job = photographs.Job(data=group.data, backbone=group.backbone, seed=seed)
    photographs.write_project(folder, job, regression, network)
    _ask(folder, resize=True)
    return folder


def _ask(folder: Path, *, resize: bool) -> None:
    """The project's file asks what the priors are of, at the size that is judged here."""
    file = folder / "thresholds.yaml"
    head = file.read_text(encoding="utf-8").partition("judging:")[0]
    if resize:
        head = head.replace('"preprocessing": {', f'"preprocessing": {{"resize": {SIDE}, "crop": {SIDE}, ')
    file.write_text(head + RULES, encoding="utf-8")


def _items(name: str, data: Path) -> list[Item]:
    if name != "heads":
        return photographs.read_set(name, data)
    return _heads(data / "pets")


def _heads(folder: Path) -> list[Item]:
    """Pets with the box of the head as the region, where the crop keeps most of it."""
    listed = json.loads((folder / "head_boxes.json").read_text(encoding="utf-8"))
    boxes = {str(one["file_name"]): one["head_xyxy"] for one in listed}
    items = []
    for label, breed in enumerate(("Abyssinian", "Bengal", "american_bulldog")):
        for path in sorted((folder / "images").glob(f"{breed}_*")):
            box = boxes.get(path.name)
            if box is None:
                continue
            with photographs.Image.open(path) as opened:
                image = opened.convert("RGB")
            region = np.zeros((image.height, image.width), np.uint8)
            x0, y0, x1, y1 = (round(edge) for edge in box)
            region[max(0, y0) : y1, max(0, x0) : x1] = 255
            cropped = [
                photographs._cropped(one, resample)  # noqa: SLF001 - one crop for all of the photographs' studies
                for one, resample in (
                    (image, photographs.Image.Resampling.BILINEAR),
                    (photographs.Image.fromarray(region), photographs.Image.Resampling.NEAREST),
                )
            ]
            inside = np.array(cropped[1]) > 0
            if inside.sum() >= 400:
                items.append((np.array(cropped[0]), inside, label))
    return items


def _trained(group: Group, seed: int, training: Sequence[Item], data: Path, cache: Path) -> torch.nn.Module:
    """The head, or the last blocks and the head, trained anew on what the frozen part gives, computed once a set."""
    torch.manual_seed(seed)
    labels = torch.tensor([label for *_, label in training])
    network, _ = photographs.pretrained(group.backbone, 1 + int(labels.max()), data)
    network.eval().requires_grad_(requires_grad=False)
    frozen, rest = _parts(network, group)
    features = _features(frozen, group, training, cache)
    generator = torch.Generator().manual_seed(seed)
    given = torch.randperm(len(labels), generator=generator)[: int(SHARE * len(labels))]
    weights = [weight.requires_grad_() for part in rest for weight in part.parameters()]
    optimiser = torch.optim.AdamW(weights, lr=4e-4, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=STEPS + 1)
    for _ in range(STEPS):
        rows = given[torch.randint(len(given), (32,), generator=generator)]
        loss = torch.nn.functional.cross_entropy(
            photographs.head(features[rows], rest), labels[rows], label_smoothing=0.05
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return network.eval()


def _parts(network: torch.nn.Module, group: Group) -> tuple[list[torch.nn.Module], list[torch.nn.Module]]:
    """What stays as it was, and what is trained, both as modules to be applied one after another."""
    frozen, rest = photographs.parts(network, group.backbone)
    return ([*frozen, *rest[:-1]], rest[-1:]) if group.trained == "head" else (frozen, rest)


def _features(frozen: Sequence[torch.nn.Module], group: Group, training: Sequence[Item], cache: Path) -> torch.Tensor:
    file = cache / f"features-{group.name}.pt"
    if not file.is_file():
        pictures = photographs.normal([item[0] for item in training], group.backbone)
        pictures = torch.nn.functional.interpolate(pictures, size=SIDE, mode="bilinear", antialias=True)
        torch.save(photographs.applied(frozen, pictures), file)
    features: torch.Tensor = torch.load(file, weights_only=True)
    return features


def _drawn(folder: Path, seed: int) -> None:
    """The demo's digits: an honest version, trained as a whole."""
    from safetensors.torch import save_file

    from benchmarks.detection.study import PER_CLASS
    from explain_gate.demo.pictures import draw_pictures
    from explain_gate.demo.project import _write_pictures
    from explain_gate.demo.training import train

    weights = train(draw_pictures("training", per_class=300, seed=seed), seed=seed)
    _write_pictures(folder, draw_pictures("regression", per_class=PER_CLASS, seed=0))
    save_file(weights, folder / "w.safetensors")
    text = Path(__file__).with_name("thresholds.yaml").read_text(encoding="utf-8").partition("methods:")[0]
    text = text.replace("arguments: {classes: 5}", "arguments: {classes: 5}\n  checkpoint: w.safetensors")
    (folder / "thresholds.yaml").write_text(f"{text}judging:", encoding="utf-8")
    _ask(folder, resize=False)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
