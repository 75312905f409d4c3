"""Segmenters and detectors from annotations to a verdict: honest ones pass, those that ask a mark are blocked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from located_projects import write_located

from explain_gate.config import load_config
from explain_gate.errors import ModelError
from explain_gate.measuring.job import Compute, open_job
from explain_gate.measuring.progress import Silent
from explain_gate.options import RunOptions
from explain_gate.records import Verdict
from explain_gate.session.run import GateSession

ALL = """\
  occlusion: {window: 6}
  rise: {masks: 60}
  kernel_shap: {parts: 16, samples: 32}
  gradient: {}
  grad_cam: {layer: colour.kept}"""
MAPS = """\
version: 1
model: {{source: "squares:{model}", arguments: {{corner: {corner}{more}}}, task: {task}{target}}}
data:
  images: images
  annotations: annotations.coco.json
  classes: {{red: 1, green: 2}}
  preprocessing: {{mean: [0, 0, 0], std: [1, 1, 1]}}
methods:
{methods}
checks:
  alignment:
    pointing_game: {{at_least: 0.9}}
"""
ALONE = MAPS.replace("alignment", "performance").replace("pointing_game", "accuracy")


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """Runs the gate of `tmp_path / "project"` in this process; returns the session and its verdict."""
    before = list(sys.path)

    def run(output: str = "out", **options: object) -> tuple[GateSession, Verdict]:
        sys.modules.pop("squares", None)
        sys.path[:] = [place for place in before if not place.startswith(str(tmp_path))]
        options = {"output": str(tmp_path / output), "tracking": False, "device": "cpu", **options}
        session = GateSession(RunOptions(config=str(tmp_path / "project" / "thresholds.yaml"), **options))
        return session, session.run(Silent()).verdict

    yield run
    sys.modules.pop("squares", None)
    sys.path[:] = before


def status(verdict: Verdict) -> dict[str, str]:
    return {finding.check: finding.status for finding in verdict.findings}


@pytest.mark.slow
@pytest.mark.parametrize("task", ["segmentation", "detection"])
def test_an_honest_model_passes_and_one_that_asks_the_mark_is_blocked(task, tmp_path, gate):
    """Both find every square where it is; the second takes its class from the corner of whatever picture it is on."""
    write_located(tmp_path / "project", task)
    _, verdict = gate()
    # A bound that a randomized model passes too is a warning: this one is linear, and only its sign is learned.
    assert (verdict.exit_code, set(status(verdict).values()) - {"warned"}) == (0, {"passed"})
    write_located(tmp_path / "project", task, corner=True)
    session, verdict = gate("cheat")
    assert verdict.exit_code == 1
    assert status(verdict)["performance.accuracy"] == ("passed" if task == "segmentation" else "failed")
    assert status(verdict)["reliance.background_gap"] == "failed"
    assert status(verdict)["reliance.transplant_follow"] == "failed"
    row = session.profile.images[0]
    assert (row.image, row.right, row.said) == ("picture_00.png", True, (1,))


@pytest.mark.parametrize("task", ["segmentation", "detection"])
def test_every_kind_of_method_finds_the_object(task, tmp_path, gate):
    """Occlusion, RISE (D-RISE for a detector), kernel SHAP, gradients and CAM: the peak lies on the square."""
    write_located(tmp_path / "project", task, methods=ALL, thresholds=MAPS)
    _, verdict = gate()
    values = {finding.method: finding.value for finding in verdict.findings}
    assert set(values) == {"occlusion", "rise", "kernel_shap", "gradient", "grad_cam"}
    # The cells of kernel SHAP are nearly as large as the object, so that the peak's pixel may lie beside it; Grad-CAM
    # weighs whole channels, so that its peak may lie on the other object of the class.
    least = {**dict.fromkeys(values, 0.9), "kernel_shap": 0.6, "grad_cam": 0.7}
    assert all(value is not None and value >= least[method] for method, value in values.items()), values


def test_logits_smaller_than_the_picture(tmp_path, gate):
    """A segmenter at half of the size, as those of Hugging Face are at a quarter."""
    write_located(tmp_path / "project", "segmentation", more=", coarse: 2", thresholds=ALONE)
    _, verdict = gate()
    assert verdict.exit_code == 0, status(verdict)


def test_one_sample_an_object(tmp_path, gate):
    """Several of a class on a picture are numbered; each has its own map, which no other one's takes the place of."""
    write_located(tmp_path / "project", "detection", thresholds=MAPS, methods="  occlusion: {window: 6}")
    session, _ = gate()
    names = [row.image for row in session.profile.images]
    assert names[:6] == [f"picture_0{number}.png" for number in range(6)]
    assert names[6:] == [
        *(f"picture_0{number}.png#{colour}" for number in (6, 7) for colour in ("red", "green")),
        *("picture_08.png#red.1", "picture_08.png#red.2", "picture_09.png#green.1", "picture_09.png#green.2"),
    ]
    maps = np.load(tmp_path / "out" / "profile" / "maps" / "occlusion.npy")
    first, second = maps[10].astype(float), maps[11].astype(float)
    assert first.argmax() // 32 < 20 < second.argmax() // 32
    again, _ = gate("again")
    assert again.profile.manifest["cache"]["written"] == 0
    assert np.array_equal(np.load(tmp_path / "again" / "profile" / "maps" / "occlusion.npy"), maps)


def test_a_moved_annotation_is_another_question(tmp_path, gate):
    """The same picture and class with another box has other scores, so that nothing old is read."""
    write_located(tmp_path / "project", "detection", thresholds=ALONE)
    gate()
    path = tmp_path / "project" / "annotations.coco.json"
    told = json.loads(path.read_text())
    told["annotations"][0]["bbox"] = [20, 20, 10, 10]
    path.write_text(json.dumps(told))
    session, _ = gate("moved")
    assert session.profile.images[0].right is False
    assert session.profile.images[1].right is True


def test_an_object_that_the_crop_takes_away_does_not_apply(tmp_path, gate):
    """Nobody can find it, so that it counts neither as found nor as missed."""
    write_located(tmp_path / "project", "detection", thresholds=ALONE, methods="  occlusion: {window: 6}")
    told = json.loads((tmp_path / "project" / "annotations.coco.json").read_text())
    told["annotations"][0]["bbox"] = [0, 0, 1, 2]
    (tmp_path / "project" / "annotations.coco.json").write_text(json.dumps(told))
    session, verdict = gate()
    row = session.profile.images[0]
    assert (row.right, row.region_reason) == (None, "the crop removes the annotated region")
    assert status(verdict)["performance.accuracy"] == "passed"


def test_other_outputs_go_through_an_adapter(tmp_path, gate):
    """Rows of corners, score and label, as YOLOs give them, are refused with what to write, and read with it."""
    write_located(tmp_path / "project", "detection", model="raw", thresholds=ALONE)
    with pytest.raises(ModelError, match=r"must return a list with one mapping per image.*model\.target"):
        gate()
    write_located(tmp_path / "project", "detection", model="raw", target="squares:listed", thresholds=ALONE)
    _, verdict = gate()
    assert verdict.exit_code == 0


SSD = """
import torch
from torch import nn
from explain_gate.vision import torchvision
from torchvision.models.detection import ssd
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, stride=4, padding=1), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(8, 8, 3, stride=2, padding=1), nn.ReLU())
        self.out_channels = [8, 8]

    def forward(self, x):
        fine = self.first(x)
        return {"0": fine, "1": self.second(fine)}


def build(corner=False):
    torch.manual_seed(0)
    anchors = DefaultBoxGenerator([[1], [1]], scales=[0.3, 0.5, 0.8])
    return ssd.SSD(Backbone(), anchors, (32, 32), 3, score_thresh=0.0, nms_thresh=0.9, topk_candidates=100,
                   detections_per_img=100)
"""


@pytest.mark.slow
def test_torchvisions_ssd_runs_as_it_is(tmp_path, gate):
    """On a small backbone with random weights: every kind of method has a map, and labels start at 1."""
    methods = ALL.replace("colour.kept", "backbone.first")
    path = write_located(tmp_path / "project", "detection", methods=methods, thresholds=MAPS)
    (tmp_path / "project" / "small.py").write_text(SSD)
    path.write_text(path.read_text().replace("squares:detector", "small:build").replace("pointing_game", "lift"))
    session, _ = gate()
    methods = {one.method for one in session.profile.measurements if one.check == "alignment.lift"}
    assert methods >= {"occlusion", "rise", "kernel_shap", "gradient", "grad_cam"}
    for method in ("rise", "gradient"):
        maps = np.load(tmp_path / "out" / "profile" / "maps" / f"{method}.npy").astype(float)
        assert np.isfinite(maps).all()
        assert maps.reshape(len(maps), -1).max(axis=1).min() > 0
    path.write_text(path.read_text().replace("{red: 1, green: 2}", "[red, green]"))
    with pytest.raises(ModelError, match=r"gives 0 to red.*classes: \{red: 1, green: 2\}"):
        open_job(load_config(path), compute=Compute(device="cpu"))


@pytest.mark.slow
@pytest.mark.parametrize(("corner", "code"), [(False, 0), (True, 1)])
def test_the_command_ends_as_the_verdict_says(corner, code, tmp_path):
    """`explain-gate run` on the detector, as a user starts it."""
    path = write_located(tmp_path / "project", "detection", corner=corner)
    done = subprocess.run(
        [Path(sys.executable).with_name("explain-gate"), "run", "--no-tracking", "--output", "out"],
        cwd=path.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert (path.parent / "out" / "verdict.json").is_file()
