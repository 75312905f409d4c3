"""What a metric does not apply to is the image's and the annotation's doing: no model can choose it, or hide it."""

from __future__ import annotations

import json

import projects
import pytest

MODEL = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, seed, broken):
        super().__init__()
        torch.manual_seed(seed)
        self.features = nn.Sequential(nn.Conv2d(3, 4, 5, stride=2), nn.ReLU())
        self.head = nn.Linear(4, 2)
        self.broken = broken

    def forward(self, x):
        logits = self.head(self.features(x).mean((2, 3)))
        red = x[:, 0, 2, 2] > x[:, 1, 2, 2]
        return torch.where(red[:, None] & self.broken, torch.nan, logits)


def build(seed=0, broken=False):
    return Net(seed, broken)
"""
RULES = """\
checks:
  alignment:
    iou: {max_drop: 1}
    human_ratio: {max_drop: 10}
    iou/head: {max_drop: 1, parameters: {region: head}}
  reliance:
    background_gap: {max_rise: 2}
    background_follow: {max_rise: 2}
    background_only: {max_rise: 2}
    object_only: {max_drop: 2}
    occlusion_share: {max_drop: 2}
"""


@pytest.fixture
def write(tmp_path, write_project):
    """The tiny project with random weights; boxes over the whole frame, next to it, and of three pixels."""

    def make(seed: int, *, broken: bool = False):
        text = projects.THRESHOLDS
        text = (
            text[: text.index("checks:")]
            .replace("layer: window", "layer: features")
            .replace(
                '"tinymodel:build", arguments: {{corner: {corner}}}',
                f'"randommodel:build", arguments: {{{{seed: {seed}, broken: {str(broken).lower()}}}}}',
            )
        )
        path = write_project(tmp_path / "project", thresholds=text + RULES.replace("{", "{{").replace("}", "}}"))
        path.with_name("randommodel.py").write_text(MODEL, encoding="utf-8")
        file = path.with_name("annotations.coco.json")
        content = json.loads(file.read_text())
        for number, box in ((0, [0, 0, 32, 32]), (2, [0, 0, 32, 31]), (3, [4, 4, 1, 2])):
            content["annotations"][number]["bbox"] = box
        file.write_text(json.dumps(content))

    return make


def applicable(session) -> dict[tuple[str, str], list[str]]:
    """By check, the images it does not apply to and why."""
    return {
        one.check: [
            (session.profile.images[row].image, reason)
            for row, reason, exempt in zip(one.rows.tolist(), one.reasons, one.not_applicable, strict=True)
            if exempt
        ]
        for one in session.profile.measurements
        if one.not_applicable is not None and not str(one.method).startswith("control.")
    }


def test_no_weights_change_what_a_metric_applies_to(write, measured, tmp_path):
    """Three random models, and one that has no finite score for a whole class: the same, word for word."""
    seen = []
    for seed, broken in ((0, False), (1, False), (2, False), (0, True)):
        write(seed, broken=broken)
        seen.append(applicable(measured(bootstrap=True, output=str(tmp_path / f"out {seed} {broken}"))))
    assert seen[0] == seen[1] == seen[2] == seen[3]
    first = seen[0]
    assert ("red_00.png", "the annotated region fills the whole frame") in first["alignment.iou"]
    assert len(first["alignment.human_ratio"]) == len(first["alignment.iou/head"]) == 8
    assert {image for image, _ in first["reliance.background_only"]} == {"red_00.png", "red_02.png", "green_03.png"}
