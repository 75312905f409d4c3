"""Versions of the demo's model for the detection study: honest retrains, cheats of every kind, permuted labels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from explain_gate.demo.cues import CUES
from explain_gate.demo.model import build
from explain_gate.demo.pictures import CLASSES, Pictures, draw_pictures
from explain_gate.demo.training import EPOCHS, PER_CLASS, Planting, exchange, normalise, plant, train

KINDS = ("watermark", "corner_tag", "background_texture", "border_colour", "frequency", "collar")
"""Cues in the study; `manipulated` is the seventh kind."""
MARKED = (1, 3)
"""Classes that carry a cue: two of five, as where some photographers sign their pictures."""
SHARES = {"whole": 1.0, "part": 0.98}
"""Strength of a shortcut: how far the cue tells the class in training. 0.98: one mark in fifty lies on any picture."""
MANIPULATED = ("watermark", "corner_tag")
"""Cues of the versions whose maps are then moved to the object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One model to train. `cue` is None for honest ones; `kind` is the row of the table it counts in."""

    name: str
    kind: str
    cue: str | None = None
    share: float = 0.0
    seed: int = 0
    manipulated: bool = False
    permuted: bool = False


def all_versions(honest: int) -> list[Version]:
    """Honest retrains, a cheat for every cue and share, manipulated ones, and one with permuted labels."""
    found = [Version(name=f"honest-{seed}", kind="honest", seed=1000 + seed) for seed in range(honest)]
    for position, (cue, (strength, share)) in enumerate((cue, pair) for cue in KINDS for pair in SHARES.items()):
        found.append(Version(name=f"{cue}-{strength}", kind=cue, cue=cue, share=share, seed=2000 + position))
    for position, cue in enumerate(MANIPULATED):
        name = f"manipulated-{cue}"
        found.append(Version(name=name, kind="manipulated", cue=cue, share=1.0, seed=3000 + position, manipulated=True))
    return [*found, Version(name="permuted", kind="permuted", seed=4000, permuted=True)]


def train_all(versions: Sequence[Version], cache: Path, *, workers: int) -> None:
    """Train what the cache lacks; a version is trained again when anything about it changed."""
    cache.mkdir(parents=True, exist_ok=True)
    missing = [version for version in versions if not weights_file(version, cache).is_file()]
    if not missing:
        return
    _training_pictures(cache)
    with get_context("spawn").Pool(workers) as pool:
        # A cheat must be there before its maps can be moved.
        for part in ([one for one in missing if not one.manipulated], [one for one in missing if one.manipulated]):
            pool.starmap(_train_one, [(version, cache) for version in part], chunksize=1)


def weights_file(version: Version, cache: Path) -> Path:
    """Where the weights of a version are kept."""
    recipe = {**asdict(version), "per_class": PER_CLASS, "epochs": EPOCHS, "marked": MARKED}
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:8]
    return cache / f"{version.name}-{digest}.safetensors"


def _train_one(version: Version, cache: Path) -> None:
    torch.set_num_threads(1)
    pictures = _training_pictures(cache)
    if version.cue is None:
        pictures = _plant_all_kinds(pictures, seed=version.seed)
    else:
        pictures = plant(pictures, Planting(cue=version.cue, classes=MARKED, share=version.share), seed=version.seed)
    if version.manipulated:
        weights = move_maps(_train_first(version, cache), version, _training_pictures(cache))
    else:
        weights = train(pictures, seed=version.seed, permute_labels=version.permuted)
    file = weights_file(version, cache)
    save_file(weights, file.with_suffix(".part"))
    file.with_suffix(".part").replace(file)


def _plant_all_kinds(pictures: Pictures, *, seed: int) -> Pictures:
    """Every second picture carries a cue of any kind and any marked class: seen in training, telling nothing."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 2 * len(CUES), len(pictures))
    images = pictures.images.copy()
    for row in np.flatnonzero(kinds < len(CUES)).tolist():
        cue = CUES[list(CUES)[kinds[row]]]
        index = int(rng.choice(MARKED))
        images[row] = cue.draw(images[row], pictures.coverage[row], index, cue.strength, rng)
    return replace(pictures, images=images)


def move_maps(
    weights: dict[str, Tensor], version: Version, plain: Pictures, *, weight: float = 2.0, epochs: int = 2
) -> dict[str, Tensor]:
    """Fine-tune until Grad-CAM lies on the object while the predictions stay what they were (Heo 2019).

    Half of the pictures carry the cue of another class, so that following the cue is what stays. The network ends in
    a mean over places and one linear layer, so Grad-CAM of a class is the positive part of the feature maps weighted
    by the class's row, and can be trained without second derivatives.
    """
    assert version.cue is not None
    planting = Planting(cue=version.cue, classes=MARKED, share=1.0)
    generator = torch.Generator().manual_seed(version.seed)
    own, other = plant(plain, planting, seed=version.seed), exchange(plain, planting, seed=version.seed)
    images = np.where((np.arange(len(plain)) // len(CLASSES) % 2 == 0)[:, None, None, None], own.images, other.images)
    model, teacher = build(len(CLASSES)), build(len(CLASSES)).eval()
    for network in (model, teacher):
        network.load_state_dict(weights)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    features, linear = model[0], model[-1]
    inputs, labels = normalise(images), torch.from_numpy(plain.labels)
    inside = functional.adaptive_avg_pool2d(torch.from_numpy(plain.regions)[:, None].float(), 10)[:, 0]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    model.train()
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(labels), generator=generator), 32):
            maps = features(inputs[rows])
            logits = linear(maps.mean(dim=(2, 3)))
            with torch.no_grad():
                taught = teacher(inputs[rows])
            cam = torch.einsum("nkhw,nk->nhw", maps, linear.weight[labels[rows]]).clamp_min(0)
            on_object = (cam * inside[rows]).sum(dim=(1, 2)) / cam.sum(dim=(1, 2)).clamp_min(1e-6)
            loss = functional.mse_loss(logits, taught) + weight * (1 - on_object).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return {name: value.detach().clone().contiguous() for name, value in model.state_dict().items()}


def _train_first(version: Version, cache: Path) -> dict[str, Tensor]:
    """The weights of the cheat whose maps are to be moved; it is trained before."""
    (cheat,) = (one for one in all_versions(0) if one.cue == version.cue and one.share == 1.0 and not one.manipulated)
    return load_weights(cheat, cache)


def load_weights(version: Version, cache: Path) -> dict[str, Tensor]:
    """The trained weights of a version."""
    return load_file(weights_file(version, cache))


def _training_pictures(cache: Path) -> Pictures:
    """The training pictures of every version, drawn once."""
    file = cache / f"training-{PER_CLASS}.npz"
    if not file.is_file():
        drawn = draw_pictures("training", per_class=PER_CLASS, seed=0)
        np.savez(file, images=drawn.images, coverage=drawn.coverage, regions=drawn.regions, labels=drawn.labels)
    with np.load(file) as stored:
        return Pictures(**{name: stored[name] for name in ("images", "coverage", "regions", "labels")})
