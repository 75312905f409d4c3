"""What enters the head of the tiny network, by hand; and not twice."""

import numpy as np
import pytest
from projects import write_project

from explain_gate.config import load_config
from explain_gate.labels.features import features_of
from explain_gate.measuring.job import Compute, open_job
from explain_gate.studies.kept import Kept


def tell(done, total):
    """Nobody listens."""


def test_features_are_what_the_head_is_given(tmp_path, fresh_modules, monkeypatch):
    """The mean of each colour over the window; kept ones need no pass."""
    job = open_job(load_config(write_project(tmp_path / "p")), compute=Compute(device="cpu"))
    places = [5, 0, 3]
    features = features_of(job, places, Kept(tmp_path / "k", {}), tell)
    assert features.shape == (3, 2)
    for row, place in zip(features, places, strict=True):
        pixels = job.data.sample(place).pixels
        colour = (pixels[0] - pixels[1]).clamp(min=0), (pixels[1] - pixels[0]).clamp(min=0)
        expected = [float((one * job.model.module.window.where[0, 0]).mean()) for one in colour]
        assert row == pytest.approx(expected, abs=1e-5)

    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr("explain_gate.labels.features._features", refuse)
    np.testing.assert_array_equal(features_of(job, places, Kept(tmp_path / "k", {}), tell), features)
