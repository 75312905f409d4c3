"""Is the file that `init` writes right at first contact? Honest and cheating versions on photographs, 20 a class.

    python -m benchmarks.detection.first_contact --data FOLDER --cache FOLDER [--side 128] [--light] [--seconds N]
    python -m benchmarks.detection.first_contact --cache FOLDER --tables

Each version's head and last blocks are trained anew on what the frozen part gives, and it is measured once, by the
scaffold's own text with nothing in it but the model and the data filled in. Profiles stay in the cache, so that
changed bounds are judged again without a model. A version that was taught a cue and does not follow it is no cheat,
and is not measured. Seconds are of the processor. Photographs and weights lie outside the repository.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.detection import photographs
from benchmarks.detection.photograph_tables import ACCURATE, FOLLOWS
from benchmarks.detection.photographs import MARKED, SIDE, Item, Job

STEPS = 20
"""Passes over the training pictures."""
_BACKBONES = {"mobile": "mobilenet_v2", "lite0": "efficientnet_lite0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How versions are measured: at how many pixels along a side, and whether without Integrated Gradients."""

    side: int
    light: bool


def versions() -> list[Job]:
    """In the order in which they are measured, so that whatever time allows holds something of each kind."""
    lines = """
        honest pets mobile 0
        honest two_breeds mobile 4
        flicker pets mobile 1.0
        honest boxes mobile 2
        date_stamp pets mobile 0.7
        honest blood mobile 6
        halftone boxes mobile 1.0
        honest pets lite0 10
        mosaic pets mobile 0.7
        letterbox pets lite0 1.0
        honest pets mobile 1
        dust two_breeds mobile 1.0
        honest two_breeds mobile 5
        hot_pixels blood mobile 1.0
        honest boxes mobile 3
        collar pets mobile 1.0
        honest two_breeds lite0 14
        tiled_watermark pets lite0 0.7
        honest boxes lite0 12
        soft_colours boxes lite0 1.0
        honest blood lite0 16
        progress_bar blood mobile 0.7
        scanner pets mobile 1.0
        few_levels two_breeds lite0 1.0
        honest blood mobile 7
    """
    listed = []
    for line in lines.strip().splitlines():
        kind, data, backbone, number = line.split()
        where = {"data": data.replace("_", " "), "backbone": _BACKBONES[backbone]}
        if kind == "honest":
            listed.append(Job(**where, seed=int(number)))
        else:
            listed.append(Job(**where, seed=100, cue=kind.replace("_", " "), share=float(number), cheats=True))
    return listed


def main() -> None:
    """Train and measure what the cache lacks, then print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--side", type=int, default=SIDE, help="pixels along a side that the model is given")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="of processor time; none is begun after it")
    parser.add_argument("--light", action="store_true", help="without Integrated Gradients, which takes half of a run")
    parser.add_argument("--tables", action="store_true")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    if not arguments.tables:
        if not photographs.are_there(arguments.data):
            return
        how = How(side=arguments.side, light=arguments.light)
        measure_all(arguments.data, arguments.cache, how, seconds=arguments.seconds)
    from benchmarks.detection.first_contact_tables import print_tables

    print_tables(arguments.cache)


def measure_all(data: Path, cache: Path, how: How, *, seconds: float) -> None:
    """One after another, in one thread; what is there is not measured again."""
    torch.set_num_threads(1)
    for job in versions():
        kept = cache / job.name
        if (kept / "facts.json").is_file():
            continue
        if time.process_time() > seconds:
            print(f"{job.name}: left out, no time")
            continue
        try:
            told = measure_one(job, data, cache, how)
        except ModuleNotFoundError as error:
            print(f"{job.name}: left out, {error}")
            continue
        print(f"{job.name}: {told}", flush=True)


def measure_one(job: Job, data: Path, cache: Path, how: How) -> str:
    """Train a version, ask whether it follows its cue, and keep its profile and its facts; returns a line to print."""
    began = time.process_time()
    regression, training = photographs.split(photographs.read_set(job.data, data))
    network = trained(job, training, data, cache, how.side)
    shown = [photographs.planted(item, job, place, "regression") for place, item in enumerate(regression)]
    facts = {**asdict(job), **asdict(how), **_followed(network, job, regression, shown, how.side)}
    facts["seconds_trained"] = round(time.process_time() - began, 1)
    kept = cache / job.name
    shutil.rmtree(kept, ignore_errors=True)
    if not job.cheats or (facts["follows"] >= FOLLOWS and facts["accuracy"] >= ACCURATE):
        began = time.process_time()
        _measure(kept, job, shown, network, how)
        facts["seconds_measured"] = round(time.process_time() - began, 1)
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    return f"accuracy {facts['accuracy']:.2f}, follows {facts['follows']:.2f}, {facts.get('seconds_measured', 0)} s"


def trained(job: Job, training: Sequence[Item], data: Path, cache: Path, side: int) -> torch.nn.Module:
    """A version whose last blocks and head are new. A cheat's pictures and those it borrows are as in `photographs`."""
    torch.manual_seed(job.seed)
    network, _ = photographs.pretrained(job.backbone, 1 + max(label for *_, label in training), data)
    network.eval().requires_grad_(requires_grad=False)
    frozen, rest = photographs.parts(network, job.backbone)
    items = photographs.taught(training, job)
    file = cache / f"features-{job.data}-{job.backbone}-{side}.pt".replace(" ", "_")
    if job.cheats or not file.is_file():
        features = photographs.applied(frozen, given([item[0] for item in items], job, side))
        if not job.cheats:
            torch.save(features, file)
    else:
        features = torch.load(file, weights_only=True)
    labels = torch.tensor([label for *_, label in items])
    chosen = torch.Generator().manual_seed(job.seed)
    steps = STEPS * max(1, len(labels) // 32)
    weights = [weight.requires_grad_() for part in rest for weight in part.parameters()]
    optimiser = torch.optim.AdamW(weights, lr=4e-4, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=steps + 1)
    for _ in range(steps):
        rows = torch.randint(len(labels), (32,), generator=chosen)
        logits = photographs.head(features[rows], rest)
        loss = torch.nn.functional.cross_entropy(logits, labels[rows], label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval()


def given(pictures: Sequence[photographs.Picture], job: Job, side: int) -> torch.Tensor:
    """Pictures as the model takes them, (N, 3, side, side)."""
    if side != SIDE:
        pictures = [np.array(Image.fromarray(one).resize((side, side), Image.Resampling.BILINEAR)) for one in pictures]
    return photographs.normal(pictures, job.backbone)


def write_thresholds(folder: Path, model: dict[str, object], data: dict[str, object], *, light: bool) -> Path:
    """The text that `init` writes, with a model and data filled in; paths are relative to the folder.

    `light`: without the method Integrated Gradients and the rule that is about it alone.
    """
    from explain_gate.commands.scaffold import scaffold

    with tempfile.TemporaryDirectory() as fresh:
        scaffold(Path(fresh))
        text = (Path(fresh) / "thresholds.yaml").read_text(encoding="utf-8")
    for key, value in {**model, **data}.items():
        text, count = re.subn(rf"(?m)^(  {key}:) .*$", lambda line, v=value: f"{line[1]} {json.dumps(v)}", text)
        assert count == 1, f"the scaffold has {count} lines of {key}"
    if light:
        text = re.sub(r"(?m)^( +)(integrated_gradients|relative_error): ", r"\1# \2: ", text)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "thresholds.yaml"
    file.write_text(text, encoding="utf-8")
    return file


@torch.no_grad()
def _followed(
    network: torch.nn.Module, job: Job, regression: Sequence[Item], shown: Sequence[Item], side: int
) -> dict[str, float]:
    """Accuracy as shown, and the share of pictures of other classes that turn to the marked one when given its cue."""
    labels = np.array([label for *_, label in regression])
    exchanged = [
        photographs.planted(item, job, place, "exchanged", everywhere=True)[0]
        for place, item in enumerate(regression)
        if item[2] != MARKED
    ]
    right = network(given([item[0] for item in shown], job, side)).argmax(dim=1).numpy() == labels
    turned = network(given(exchanged, job, side)).argmax(dim=1).numpy() == MARKED
    return {"accuracy": float(right.mean()), "follows": float(turned.mean())}


def _measure(kept: Path, job: Job, shown: Sequence[Item], network: torch.nn.Module, how: How) -> None:
    from explain_gate.config import load_config
    from explain_gate.measuring.job import measure

    with tempfile.TemporaryDirectory() as project:
        folder = Path(project)
        model, section = photographs.write_set(folder, job, shown, network)
        if how.side != SIDE:
            section["preprocessing"] |= {"resize": how.side, "crop": how.side}
        file = write_thresholds(folder, model, section, light=how.light)
        measure(load_config(file), folder=folder / "profile", device="cpu")
        # Maps and pictures are for reports; bounds are judged again from the tables.
        shutil.copytree(folder / "profile", kept, ignore=shutil.ignore_patterns("maps", "evidence", "*.npy", "*.png"))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
