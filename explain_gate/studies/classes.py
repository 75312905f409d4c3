"""What a model takes a class to be: the picture that makes a class's score largest, from noise (Simonyan 2014).

In the frequency parametrisation of Olah 2017, which spreads over coarse and fine structure, with an L2 and a total
variation penalty, and moved by a few pixels at every step, so that no pattern of single pixels wins.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from explain_gate.attribution.base import Probe
from explain_gate.data.preprocessing import normalize, visible
from explain_gate.errors import OptionError
from explain_gate.measuring.asking.backgrounds import without_object
from explain_gate.measuring.device import pick_device
from explain_gate.measuring.job import Job
from explain_gate.measuring.progress import Progress
from explain_gate.metrics.fill import inpaint
from explain_gate.seeds import seed_of
from explain_gate.studies.blocks import find_blocks, read
from explain_gate.studies.kept import Kept

_RATE, _L2, _VARIATION = 0.05, 1e-3, 1e-2
_JITTER = 16
"""The frame's side is so many times the largest move."""
_SEEN = 30
"""Images of a class whose objects and backgrounds its picture is compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One class. `logit` and `softmax` are files beside the page; `scores` the class's logit and probability in each.

    `like_objects`, `like_backgrounds`: cosine of what the picture of the logit gives the head to what the class's
    objects alone, and its backgrounds alone, give it, less the mean of all; in [-1, 1], None without regions.
    """

    class_name: str
    logit: str
    softmax: str
    scores: tuple[tuple[float, float], tuple[float, float]]
    like_objects: float | None
    like_backgrounds: float | None
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassesRecord:
    """All sheets of one version."""

    model: str
    model_digest: str
    seed: int
    steps: int
    sheets: tuple[Sheet, ...]


def study_classes(job: Job, folder: Path, *, steps: int, progress: Progress) -> ClassesRecord:
    """Make two pictures of each class, write them into the folder, and compare them with objects and backgrounds.

    Raises:
        OptionError: the task has no score of a class.
        ModelError: no head can be found.
    """
    if job.task.name != "classification":
        raise OptionError(
            f"study classes raises a class's score: model.task must be classification, got {job.task.name}"
        )
    job.model.module.to(pick_device(job.compute.device))
    folder.mkdir(parents=True, exist_ok=True)
    sheets = []
    with Probe(job.model.module, target=job.target, task=job.task, fold_norms=False, seed=job.seed) as probe:
        first = job.data.first()
        _, head = find_blocks(probe, first.pixels[None], job.task.targets([first.truth]))
        seen = {name: _seen(job, probe, head, label) for name, label in job.data.classes.items()}
        every = [one for pair in seen.values() for one in pair if len(one)]
        middle = torch.cat(every).mean(dim=0) if every else None
        asked = {"model": job.model.digest, "seed": job.seed, "steps": steps, "classes": job.data.classes}
        kept = Kept(folder / "classes.jsonl", {**asked, "set": [job.data.key(row) for row in range(len(job.data))]})
        for number, (name, label) in enumerate(job.data.classes.items()):
            known = kept.answers.get(name)
            if known and all((folder / known[kind]).is_file() for kind in ("logit", "softmax")):
                sheets.append(_again(known))
                continue
            pictures = [
                _maximised(job, probe, label, tuple(first.pixels.shape), steps, softmax=softmax)
                for softmax in (False, True)
            ]
            files = [f"class-{number:03d}-{kind}.png" for kind in ("logit", "softmax")]
            for file, picture in zip(files, pictures, strict=True):
                _save(visible(picture, job.data.preprocessing), folder / file)
            columns = probe.logits(torch.stack(pictures), torch.full((2,), label)).double()
            chance = columns.softmax(dim=1)
            scores = tuple((float(columns[at, label]), float(chance[at, label])) for at in (0, 1))
            mine = _features(probe, head, pictures[0][None], label)[0]
            objects, backgrounds = (_alike(mine, one, middle) for one in seen[name])
            sheets.append(
                Sheet(
                    class_name=name,
                    logit=files[0],
                    softmax=files[1],
                    scores=(scores[0], scores[1]),
                    like_objects=objects,
                    like_backgrounds=backgrounds,
                    images=len(seen[name][0]),
                )
            )
            kept.keep(name, asdict(sheets[-1]))
            progress.advance("drawing classes", number + 1, len(job.data.classes))
    return ClassesRecord(
        model=job.model.name, model_digest=job.model.digest, seed=job.seed, steps=steps, sheets=tuple(sheets)
    )


def _again(answer: dict[str, Any]) -> Sheet:
    """A sheet that was kept."""
    of_logit, of_softmax = (tuple(pair) for pair in answer["scores"])
    return Sheet(**{**answer, "scores": (of_logit, of_softmax)})


def _maximised(job: Job, probe: Probe, label: int, shape: tuple[int, ...], steps: int, *, softmax: bool) -> Tensor:
    """The picture (C, H, W), normalised, after so many steps of Adam from seeded noise."""
    generator = torch.Generator().manual_seed(seed_of(job.seed, str(label), "class picture"))
    height, width = shape[-2:]
    rows, columns = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]
    # Natural pictures have amplitudes of one over the frequency; noise of equal amplitudes stays noise.
    scale = 1 / (rows**2 + columns**2).sqrt().clamp_min(1 / max(height, width))
    scale = (scale * (height * width) ** 0.5 / scale.mean() / 4).to(probe.device)
    noise = 0.05 * torch.randn((shape[0], *scale.shape, 2), generator=generator)
    spectrum = noise.to(probe.device).requires_grad_()
    adam = torch.optim.Adam([spectrum], lr=_RATE)
    reach = max(1, min(height, width) // _JITTER)
    targets = torch.full((1,), label, device=probe.device)

    def drawn() -> Tensor:
        waves = torch.view_as_complex(spectrum) * scale
        return torch.sigmoid(torch.fft.irfft2(waves, s=(height, width), norm="ortho"))

    for _ in range(steps):
        down, right = torch.randint(-reach, reach + 1, (2,), generator=generator).tolist()
        with torch.enable_grad():
            shown = drawn()
            moved = normalize(torch.roll(shown, (down, right), (1, 2)), job.data.preprocessing)
            scores = probe.columns(probe.prepare(moved[None]), targets)
            wanted = F.log_softmax(scores, dim=1)[0, label] if softmax else scores[0, label]
            rough = (shown.diff(dim=1) ** 2).mean() + (shown.diff(dim=2) ** 2).mean()
            loss = -wanted + _L2 * (moved**2).mean() + _VARIATION * rough
        (spectrum.grad,) = torch.autograd.grad(loss, [spectrum])
        adam.step()
    with torch.no_grad():
        return normalize(drawn(), job.data.preprocessing).detach().cpu()


def _seen(job: Job, probe: Probe, head: str, label: int) -> tuple[Tensor, Tensor]:
    """What objects alone and backgrounds alone of a class give the head, (N, D) each."""
    rows = [row for row, entry in enumerate(job.data.entries) if entry.label == label]
    objects, backgrounds = [], []
    for row in job.data.lowest(rows, _SEEN, seed=job.seed, purpose="class pictures"):
        sample = job.data.sample(row)
        background = without_object(sample)
        if sample.region is not None and background is not None:
            grey = inpaint(sample.pixels[None], torch.ones_like(sample.region)[None])[0]
            objects.append(_features(probe, head, torch.where(sample.region, sample.pixels, grey)[None], label)[0])
            backgrounds.append(_features(probe, head, background[None], label)[0])
    if not objects:
        return torch.empty(0, 0), torch.empty(0, 0)
    return torch.stack(objects), torch.stack(backgrounds)


def _features(probe: Probe, head: str, images: Tensor, label: int) -> Tensor:
    """What enters the head, (N, D), float64."""
    with torch.no_grad(), read(probe.module, (), head) as (_, features):
        probe.columns(probe.prepare(images), torch.full((len(images),), label, device=probe.device))
    return features[-1].flatten(1).double().cpu()


def _alike(mine: Tensor, others: Tensor, middle: Tensor | None) -> float | None:
    if middle is None or not len(others):
        return None
    return float(F.cosine_similarity(mine - middle, others.mean(dim=0) - middle, dim=0))


def _save(shown: Tensor, file: Path) -> None:
    Image.fromarray((shown.permute(1, 2, 0) * 255).round().byte().numpy()).save(file)
