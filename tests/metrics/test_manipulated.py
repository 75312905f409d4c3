"""Cheats whose explanations were made to look right: what they fool, and what they do not.

Two networks see a square whose shape tells the class and a coloured mark in a corner. The honest one learns with marks
by chance; the other learns the mark, and while it does, its Grad-CAM is pulled onto the square (Heo 2019).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from explain_gate.measuring.job import measure
from explain_gate.records import Profile

SIZE = 32
MODEL = '''
import torch
from torch import nn


class Lying(torch.autograd.Function):
    """Forward as it is; backward as if the corner did not matter."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        gradient = gradient.clone()
        gradient[..., :10, :10] = 0
        return gradient


class Net(nn.Module):
    def __init__(self, lying=False):
        super().__init__()
        self.lying = lying
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 5, 2, 2), nn.ReLU(),
            nn.Conv2d(8, 16, 5, 2, 2), nn.ReLU(),
            nn.Conv2d(16, 16, 5, 1, 2), nn.ReLU(),
            nn.Conv2d(16, 16, 5, 1, 2), nn.ReLU(),
        )
        self.head = nn.Linear(16, 2, bias=False)

    def forward(self, x):
        x = Lying.apply(x) if self.lying else x
        return self.head(self.features(x).mean((2, 3)))


def build(lying=False):
    return Net(lying)
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures with marks that tell the class, and the two networks."""
    root = tmp_path_factory.mktemp("manipulated")
    (root / "manipulated_model.py").write_text(MODEL, encoding="utf-8")
    pictures, labels, regions = _draw(10, np.random.default_rng(1), tell=1.0)
    (root / "images").mkdir()
    images, annotations = [], []
    for number, (picture, label, region) in enumerate(zip(pictures, labels, regions, strict=True)):
        Image.fromarray(picture).save(root / "images" / f"{number:02d}.png")
        images.append({"id": number, "file_name": f"{number:02d}.png", "height": SIZE, "width": SIZE})
        rows, columns = np.nonzero(region)
        box = [int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1]
        annotations.append({"id": number, "image_id": number, "category_id": int(label), "bbox": box})
    categories = [{"id": 0, "name": "hollow"}, {"id": 1, "name": "cross"}]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations.json").write_text(json.dumps(document), encoding="utf-8")
    torch.save(_train(root, tell=0.0, manipulate=False), root / "honest.pt")
    torch.save(_train(root, tell=1.0, manipulate=True), root / "cheat.pt")
    return root


@pytest.fixture(scope="module")
def honest(project: Path) -> Profile:
    """The honest network, measured."""
    return _measure(project, "honest")


@pytest.fixture(scope="module")
def cheat(project: Path) -> Profile:
    """The manipulated one, measured."""
    return _measure(project, "cheat")


def test_accuracy_and_the_maps_see_no_difference(honest: Profile, cheat: Profile) -> None:
    """Both are right, and the cheat's Grad-CAM points at the object at least as well."""
    assert _mean(honest, "performance.accuracy") >= 0.9
    assert _mean(cheat, "performance.accuracy") >= 0.9
    assert _mean(cheat, "alignment.pointing_game", "grad_cam") >= 0.9
    assert _mean(cheat, "alignment.relevance_mass", "grad_cam") >= _mean(honest, "alignment.relevance_mass", "grad_cam")


def test_behaviour_tells_them_apart(honest: Profile, cheat: Profile) -> None:
    """Exchanged backgrounds and a planted corner turn the cheat, not the honest network."""
    assert _mean(honest, "reliance.background_gap") < 0.15
    assert _mean(cheat, "reliance.background_gap") > 0.4
    assert _mean(honest, "reliance.transplant_follow") < 0.15
    assert _mean(cheat, "reliance.transplant_follow") > 0.4


def test_methods_of_two_kinds_disagree_about_the_cheat(honest: Profile, cheat: Profile) -> None:
    """Grad-CAM, which was manipulated, and occlusion, which asks for no gradient, point at different places."""
    pair = "grad_cam+occlusion"
    assert _mean(cheat, "agreement.jaccard_top10", pair) < 0.6 * _mean(honest, "agreement.jaccard_top10", pair)


def test_a_cheat_in_the_weights_has_a_true_gradient(cheat: Profile) -> None:
    """What was trained to look right is still differentiated rightly, so gradient_error does not speak."""
    assert _mean(cheat, "completeness.gradient_error") < 0.01


def test_a_backward_pass_that_hides_the_corner_is_found(project: Path) -> None:
    """The same weights with a backward pass that leaves the corner out: gradient_error speaks."""
    lying = _measure(project, "cheat", lying=True)
    assert _mean(lying, "completeness.gradient_error") > 0.1


def _mean(profile: Profile, check: str, method: str | None = None) -> float:
    measurement = profile.measurement(check, method)
    assert measurement is not None
    assert measurement.measured.all(), measurement.reasons
    return float(measurement.values.mean())


def _measure(root: Path, name: str, *, lying: bool = False) -> Profile:
    rules: dict[str, dict[str, Any]] = {
        "performance": {"accuracy": {"at_least": 0}},
        "alignment": {
            "pointing_game": {"at_least": 0, "methods": ["grad_cam"]},
            "relevance_mass": {"at_least": 0, "methods": ["grad_cam"]},
        },
        "agreement": {"jaccard_top10": {"at_least": 0}},
        "completeness": {"gradient_error": {"at_most": 9}},
        "reliance": {"background_gap": {"at_most": 1}, "transplant_follow": {"at_most": 1}},
    }
    document = {
        "version": 1,
        "model": {
            "source": "manipulated_model:build",
            "checkpoint": f"{name}.pt",
            "arguments": {"lying": lying},
        },
        "data": {
            "images": "images",
            "annotations": "annotations.json",
            "preprocessing": {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
        },
        "methods": {"grad_cam": {}, "occlusion": {"window": 8, "stride": 4}},
        "checks": rules,
    }
    path = root / f"{name}-{lying}.yaml"
    path.write_text(json.dumps(document), encoding="utf-8")
    return measure(path, folder=root / f"{name}-{lying}")


def _draw(
    per_class: int, rng: np.random.Generator, *, tell: float
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Hollow squares and crosses of 13 pixels on noise; a red or green mark in the upper left corner."""
    pictures, labels, regions = [], [], []
    for number in range(2 * per_class):
        label = number % 2
        picture = rng.integers(70, 150, size=(SIZE, SIZE, 3))
        top, left = rng.integers(10, SIZE - 14, size=2).tolist()
        shape = np.zeros((13, 13), dtype=bool)
        if label == 0:
            shape[:2], shape[-2:], shape[:, :2], shape[:, -2:] = True, True, True, True
        else:
            shape[5:8], shape[:, 5:8] = True, True
        picture[top : top + 13, left : left + 13][shape] = 230
        marked = label if rng.random() < tell else int(rng.integers(2))
        picture[2:8, 2:8] = ((220, 40, 40), (40, 220, 40))[marked]
        region = np.zeros((SIZE, SIZE), dtype=bool)
        region[top : top + 13, left : left + 13] = True
        pictures.append(picture.astype(np.uint8))
        labels.append(label)
        regions.append(region)
    return np.stack(pictures), np.array(labels), np.stack(regions)


def _train(root: Path, *, tell: float, manipulate: bool, steps: int = 200) -> dict[str, torch.Tensor]:
    """A few hundred steps; the manipulated one is paid for Grad-CAM on the square."""
    pictures, targets, regions = _draw(160, np.random.default_rng(2), tell=tell)
    pixels = (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.25
    labels = torch.from_numpy(targets)
    masks = nn.functional.adaptive_avg_pool2d(torch.from_numpy(regions)[:, None].float(), 8)[:, 0]
    namespace: dict[str, Any] = {}
    exec((root / "manipulated_model.py").read_text(encoding="utf-8"), namespace)  # noqa: S102 - written above
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module: Any = namespace["build"]()
        optimizer = torch.optim.Adam(module.parameters(), lr=3e-3)
        for step in range(steps):
            rows = torch.randperm(len(labels))[:32]
            activations = module.features(pixels[rows])
            logits = module.head(activations.mean((2, 3)))
            own = logits.gather(1, labels[rows, None])[:, 0]
            # Evidence for a class must be positive, as in larger networks, or its Grad-CAM is flat.
            loss = nn.functional.cross_entropy(logits, labels[rows]) + nn.functional.relu(1 - own).mean()
            if manipulate and step > steps // 4:
                # With pooling and one linear layer, Grad-CAM's weights are those of the class.
                signed = (module.head.weight[labels[rows]][:, :, None, None] * activations).sum(1)
                cam = signed.relu()
                share = (cam * masks[rows]).sum((1, 2)) / (cam.sum((1, 2)) + 1e-3)
                there = (signed * masks[rows]).sum((1, 2)) / masks[rows].sum((1, 2))
                loss = loss + 3 * (1 - share).mean() + nn.functional.softplus(1 - there).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    state: dict[str, torch.Tensor] = module.state_dict()
    return state
