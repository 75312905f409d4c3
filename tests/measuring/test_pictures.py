"""Whole runs over pictures that are not plain RGB: nothing after the preprocessing takes three channels for granted."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from projects import THRESHOLDS

PLAIN = "preprocessing: {mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}"
RULES = """\
  grad_cam: {{layer: window}}
checks:
  performance:
    accuracy: {{at_least: 0.9}}
  alignment:
    iou: {{at_least: 0.1}}
  reliance:
    background_gap: {{at_most: 0.5}}
    background_only: {{at_most: 1.0}}
    object_only: {{at_least: 0.1}}
"""
RULED = (
    "performance.accuracy",
    "alignment.iou",
    "reliance.background_gap",
    "reliance.background_only",
    "reliance.object_only",
)
WEIGHTS = "[[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0]]"


@pytest.fixture
def measure(tmp_path, write_project, measured):
    """The measurements of an edited project, by check."""

    def run(edit):
        thresholds = THRESHOLDS.partition("  grad_cam:")[0] + RULES
        edit(write_project(tmp_path / "project", thresholds=thresholds))
        return {
            one.check: one for one in measured().profile.measurements if not (one.method or "").startswith("control.")
        }

    return run


def replaced(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def unchanged(path):
    """Nothing is edited."""
    assert path.is_file()


def one_channel(path):
    """Twelve bits in 16-bit files, for a model of one channel."""
    replaced(path.parent / "tinymodel.py", "nn.Conv2d(3, 2", "nn.Conv2d(1, 2")
    replaced(path.parent / "tinymodel.py", WEIGHTS, "[[1.0], [-1.0]]")
    for file in (path.parent / "images").iterdir():
        colours = np.asarray(Image.open(file)).astype(float)
        bright, dark = colours[..., 0] > 200, colours[..., 1] > 200
        values = np.where(bright, 3900, np.where(dark, 100, colours[..., 0] * 16)).astype(np.uint16)
        Image.fromarray(values).save(file)
    replaced(path, PLAIN, "preprocessing: {channels: 1, range: [0, 4095], mean: [0.5], std: [0.5]}")


def blue_green_red(path):
    """The same model, made for the other order of colours."""
    replaced(path.parent / "tinymodel.py", WEIGHTS, "[[0.0, -1.0, 1.0], [0.0, 1.0, -1.0]]")
    replaced(path, PLAIN, PLAIN.replace("{mean", "{order: bgr, mean"))


def own_transform(path):
    """The same numbers as a function of a team's own."""
    (path.parent / "ownmoves.py").write_text(
        "def both(image, mask):\n    return (image.float() / 255 - 0.5) / 0.5, mask\n"
    )
    replaced(path, PLAIN, 'preprocessing: {transform: "ownmoves:both"}')


def test_a_model_of_one_channel_is_measured_by_every_rule(measure):
    """Backgrounds are exchanged in as many channels as the model has."""
    found = measure(one_channel)
    assert set(RULED) <= set(found)
    for check in RULED:
        assert np.isfinite(found[check].values).all(), found[check].reasons
    assert found["performance.accuracy"].values.mean() == 1
    assert found["reliance.object_only"].values.mean() > 0.9


@pytest.mark.parametrize("edit", [blue_green_red, own_transform])
def test_the_way_to_the_input_changes_no_number(measure, edit):
    """The same input in another order, or made by a function, gives what the written numbers give."""
    plain, other = measure(unchanged), measure(edit)
    for check in RULED:
        assert other[check].values == pytest.approx(plain[check].values, abs=2e-3), check
