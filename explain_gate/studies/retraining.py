"""One retrain: pixels are removed, the team's own function trains, and the held-out pictures are asked about.

Everything that it needs lies in a folder, so that a worker's process does what this one does.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from explain_gate.attribution.base import Probe
from explain_gate.config import GateConfig
from explain_gate.data.regression_set import RegressionSet
from explain_gate.errors import ExplainGateError, UserCodeError, told_error
from explain_gate.measuring.predict import BATCH
from explain_gate.measuring.workers.processes import serve
from explain_gate.measuring.workers.share import opened
from explain_gate.models.build import load_target
from explain_gate.own_code import load_function
from explain_gate.profile.files import write_whole
from explain_gate.seeds import seed_of
from explain_gate.studies.removal import Fill, removed
from explain_gate.tasks import task_of
from explain_gate.tasks.task import Task

WHOLE, RANDOM = "whole", "random"
"""In place of a method: nothing is removed, pixels are removed at random."""
SERVES = "from explain_gate.studies.retraining import main; main()"
"""What a worker's process runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What all retrains of a study have in common, in one folder: pixels.npy, maps, and this as material.json.

    `rows` are those of the set, in the order in which pixels and maps lie there; `fitted` and `held_out` are places
    among them. `seed` is that of the draws.
    """

    config: str
    train: str
    fill: Fill
    seed: int
    rows: tuple[int, ...]
    fitted: tuple[int, ...]
    held_out: tuple[int, ...]

    def write(self, folder: Path) -> None:
        """Where `read_material` finds it."""
        write_whole(folder / "material.json", json.dumps(asdict(self)).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrain:
    """One of them; plain values, so that it travels to a worker.

    `work` is the folder of the material, `maps` the file of the method's maps there, "" without a method. `file` is
    where the answers go, and `asked` the digest of all that they depend on.
    """

    work: str
    method: str
    maps: str
    share: float
    seed: int
    file: str
    asked: str
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What one retrain says: 1 where it is right about a held-out picture, else 0, and how long it took."""

    right: tuple[float, ...]
    seconds: float


def retrain(one: Retrain) -> Answers:
    """Train and ask; the answers are in `file` when this returns.

    Raises:
        UserCodeError: the team's function raised, or returned something that cannot be asked.
        ModelError: the retrained module's output does not fit the classes.
    """
    began = time.perf_counter()
    work = Path(one.work)
    material = read_material(str(work / "material.json"))
    config, data = opened(material.config)
    train = load_function(material.train, config.path.parent, "--train")
    pixels = np.load(work / "pixels.npy", mmap_mode="r", allow_pickle=False)
    maps = np.load(work / one.maps, mmap_mode="r", allow_pickle=False) if one.maps else None
    mean = torch.from_numpy(pixels[list(material.fitted)].mean(axis=(0, 2, 3), dtype=np.float64))

    def pictures(places: Sequence[int]) -> Tensor:
        at = list(places)
        keys = [data.key(material.rows[place]) for place in at]
        return removed(
            torch.from_numpy(np.array(pixels[at], dtype=np.float32)),
            None if maps is None else torch.from_numpy(np.array(maps[at], dtype=np.float32)),
            one.share,
            fill=material.fill,
            mean=mean,
            seeds=[seed_of(material.seed, key, f"removed pixels {one.seed}") for key in keys],
        )

    given = torch.cat([pictures(part) for part in _parts(material.fitted)])
    labels = torch.tensor([data.entries[material.rows[place]].label for place in material.fitted])
    module = _trained(train, material.train, given, labels, one)
    task, right = _task(config, data), []
    with Probe(module, target=load_target(config), task=task, fold_norms=False) as probe:
        for part in _parts(material.held_out):
            truths = [data.entries[material.rows[place]].truth for place in part]
            columns = probe.logits(pictures(part), task.targets(truths))
            task.check(columns, by_target=probe.target is not None)
            if not bool(torch.isfinite(columns).all()):
                raise UserCodeError(f"{_whose(material.train, one)} returned a module whose logits are not finite")
            right += task.right(columns, truths).tolist()
    answers = Answers(right=tuple(right), seconds=time.perf_counter() - began)
    write_whole(Path(one.file), json.dumps({"asked": one.asked, **asdict(answers)}).encode())
    return answers


def kept(one: Retrain) -> Answers | None:
    """The answers of an earlier time, if they are of exactly this."""
    try:
        plain = json.loads(Path(one.file).read_text(encoding="utf-8"))
        if plain["asked"] == one.asked:
            return Answers(right=tuple(plain["right"]), seconds=plain["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None


@functools.lru_cache(maxsize=1)
def read_material(file: str) -> Material:
    """As it was written; a worker reads it once."""
    plain = json.loads(Path(file).read_text(encoding="utf-8"))
    for name in ("rows", "fitted", "held_out"):
        plain[name] = tuple(plain[name])
    return Material(**plain)


def main() -> NoReturn:
    """A worker's process: a retrain a line."""
    serve(_work)


def _work(line: bytes) -> None:
    one = Retrain(**json.loads(line))
    torch.set_num_threads(one.threads)
    retrain(one)


def _trained(train: Any, name: str, given: Tensor, labels: Tensor, one: Retrain) -> torch.nn.Module:
    try:
        with torch.random.fork_rng(), torch.enable_grad():
            torch.manual_seed(one.seed)  # for a function that draws without its seed
            module = train(given, labels, one.seed)
    except ExplainGateError:
        raise
    except Exception as error:
        raise UserCodeError(f"{_whose(name, one)} raised {told_error(error)}") from error
    if not isinstance(module, torch.nn.Module):
        raise UserCodeError(f"{_whose(name, one)} must return a torch.nn.Module, got {type(module).__name__}")
    return module


def _whose(name: str, one: Retrain) -> str:
    without = "" if one.share == 0 else f" without {100 * one.share:g} % of the pixels ({one.method})"
    return f"--train {name}, on pictures{without} with seed {one.seed},"


def _task(config: GateConfig, data: RegressionSet) -> Task:
    section = config.sections.model.task
    return task_of(section.name, section.parameters, data.facts)


def _parts(places: Sequence[int]) -> list[Sequence[int]]:
    return [places[start : start + BATCH] for start in range(0, len(places), BATCH)]
