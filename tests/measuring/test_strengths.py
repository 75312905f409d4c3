"""The profile keeps how probable every class is, where the task says so."""

import math

import numpy as np
import pytest
import torch
from projects import write_project
from task_projects import write_task_project

from explain_gate.measuring.job import measure
from explain_gate.measuring.strengths import keep_strengths
from explain_gate.profile.profile import holds, load_strengths
from explain_gate.profile.writer import ProfileWriter
from explain_gate.tasks import SetFacts, task_of


def kept(folder, task, columns, labels, **parameters):
    """What the profile holds of some columns."""
    made = task_of(task, parameters, SetFacts(classes={str(label): label for label in labels}))
    with ProfileWriter(folder, count=len(columns), height=8, width=8) as writer:
        keep_strengths(made, torch.tensor(columns), labels, writer)
    path = folder / "strengths.npy"
    return np.load(path) if path.is_file() else None


def test_probabilities_are_those_of_the_task(tmp_path):
    """Softmax over all logits, of the set's classes alone; a sigmoid each for several labels."""
    softmax = kept(tmp_path / "a", "classification", [[0.0, 0.0, math.log(2)]], [0, 2])
    np.testing.assert_allclose(softmax, [[0.25, 0.5]], rtol=1e-6)
    sigmoid = kept(tmp_path / "b", "multilabel", [[0.0, math.log(3)]], [0, 1])
    np.testing.assert_allclose(sigmoid, [[0.5, 0.75]], rtol=1e-6)
    both = kept(tmp_path / "c", "binary", [[-math.log(3), math.log(3)]], [0, 1])
    np.testing.assert_allclose(both, [[0.25, 0.75]], rtol=1e-6)


def test_an_image_without_an_output_has_none(tmp_path):
    """Its neighbours do."""
    rows = kept(tmp_path, "classification", [[float("nan"), 0.0], [0.0, 0.0]], [0, 1])
    assert np.isnan(rows[0]).all()
    np.testing.assert_allclose(rows[1], [0.5, 0.5])


def test_what_has_no_probability_has_no_file(tmp_path):
    """Values, and one score per image that a target function made."""
    assert kept(tmp_path / "a", "regression", [[1.0, 2.0]], [0, 1], tolerance=1.0) is None
    assert kept(tmp_path / "b", "classification", [[1.0], [2.0]], [0, 1]) is None


@pytest.mark.parametrize("task", ["classification", "binary", "multilabel", "regression"])
def test_a_run_keeps_them(tmp_path, fresh_modules, task):
    """In the order of the profile's classes; the prediction is the strongest."""
    plain = task == "classification"
    config = write_project(tmp_path / "p") if plain else write_task_project(tmp_path / "p", task)
    profile = measure(config, folder=tmp_path / "profile", device="cpu")
    if task == "regression":
        assert not holds(profile, "strengths.npy")
        return
    rows = load_strengths(profile)
    assert rows.shape == (len(profile.images), len(profile.classes))
    if task == "classification":
        np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-5)
        for image, row in zip(profile.images, rows, strict=True):
            assert int(row.argmax()) == image.predicted
            assert float(row.max()) == pytest.approx(image.probability)
