"""Measuring again: what is known is not measured, what changed is, and a killed run ends as if it had not been."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explain_gate.records import Finding

RULES = """\
  grad_cam: {{layer: window}}
  gradient: {{}}
checks:
  performance:
    accuracy: {{at_least: 0.9}}
  alignment:
    iou: {{at_least: 0.6, per_class: true}}
  randomization:
    correlation: {{at_most: 1.0}}
  stability:
    rerun_correlation: {{at_least: 0.5}}
  reliance:
    background_gap: {{at_most: 0.3}}
"""
RUN = """
import sys
sys.path.insert(0, sys.argv[2])
import torch
torch.set_num_threads(1)
from explain_gate.options import RunOptions
from explain_gate.session.run import GateSession



class Told:
    def advance(self, stage, done, total):
        print("batch", flush=True)


session = GateSession(RunOptions(config=sys.argv[1], output=sys.argv[1] + ".out", tracking=False, device="cpu"))
session.measure(Told())
session.discard()
"""


@pytest.fixture
def project(tmp_path, write_project):
    """The tiny project with two methods and every kind of metric."""
    import projects

    text = projects.THRESHOLDS
    thresholds = text[: text.index("  grad_cam")] + RULES
    return write_project(tmp_path / "project", per_class=6, thresholds=thresholds)


def outcome(session) -> tuple[list[Finding], list[tuple]]:
    """All findings and scores."""
    scores = [(s.image, s.check, s.method, s.predicted, s.value, s.reason) for s in session.profile.scores()]
    return list(session.findings.values()), scores


def passes(session) -> tuple[int, int]:
    count = session.profile.manifest["passes"]
    return count["forward"], count["backward"]


def test_an_unchanged_model_and_set_is_not_measured_again(project, measured):
    """The second run asks the model nothing and comes to the same."""
    first, second, without = measured(), measured(), measured(cache=False)
    assert outcome(first) == outcome(second) == outcome(without)
    assert passes(first) == passes(without)
    assert passes(second) == (0, 0)
    for name in ("regions.npy", "maps/grad_cam.npy", "thumbnails/000003.jpg"):
        assert (first.work / "profile" / name).read_bytes() == (second.work / "profile" / name).read_bytes()


def test_one_changed_image_is_measured_alone(project, measured):
    """New pixels cost one image's passes, and what depends on the whole set; the result is that of a fresh run."""
    before = passes(measured())
    file = project.parent / "images" / "red_00.png"
    pixels = np.array(Image.open(file))
    pixels[-3:] = 120
    Image.fromarray(pixels).save(file)
    again = measured()
    assert outcome(again) == outcome(measured(cache=False))
    assert 0 < passes(again)[1] <= before[1] / 6
    assert again.profile.manifest["cache"]["read"] > 60


def test_one_changed_method_is_measured_alone(project, measured):
    """Other settings of one method leave the maps of the other as they are."""
    before = passes(measured())
    project.write_text(project.read_text().replace("gradient: {}", "grad_cam_plus_plus: {layer: window}", 1))
    again = measured()
    assert outcome(again) == outcome(measured(cache=False))
    assert 0 < passes(again)[1] <= 0.6 * before[1]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("tinymodel.py", "self.head(", "2 * self.head("),
        ("thresholds.yaml", "seed: 0", "seed: 1"),
        ("thresholds.yaml", "mean: [0.5", "mean: [0.4"),
    ],
    ids=["forward", "seed", "preprocessing"],
)
def test_whatever_may_change_a_number_is_measured_again(project, measured, file, old, new):
    """The code of forward is part of the model, also where the weights stay the same."""
    if "seed" in new:
        project.write_text(project.read_text() + "seed: 0\n")
    measured()
    path = project.parent / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    again = measured()
    assert outcome(again) == outcome(measured(cache=False))
    assert passes(again) == passes(measured(cache=False))


def test_a_changed_bound_measures_nothing(project, measured):
    """Bounds are judged; they are no part of a measurement."""
    measured()
    project.write_text(project.read_text().replace("at_most: 0.3", "at_most: -0.5"))
    again = measured()
    assert passes(again) == (0, 0)
    assert again.findings["reliance.background_gap[all]"].status == "failed"


def test_damaged_entries_are_measured_again(project, measured):
    """Every third entry is damaged; the numbers are the same."""
    first = measured()
    file = project.parent / ".explain-gate" / "cache" / "measured.sqlite"
    with sqlite3.connect(file) as database:
        database.execute("UPDATE entries SET content = zeroblob(size) WHERE rowid % 3 = 0")
    database.close()
    again = measured()
    assert outcome(again) == outcome(first)
    assert again.profile.manifest["cache"]["written"] > 20


def test_a_run_killed_at_random_moments_resumes(project, measured):
    """SIGKILL after a random number of batches, three times; the last run finds what an undisturbed one does."""
    draw = np.random.default_rng(7)
    root = str(Path(__file__).parents[2])
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", RUN, str(project), root], stdout=subprocess.PIPE, text=True)
        for _ in range(int(draw.integers(1, 4))):
            child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=60)
        child.stdout.close()
    resumed = measured()
    whole = measured(cache=False)
    assert outcome(resumed) == outcome(whole)
    assert passes(resumed)[0] < passes(whole)[0]
