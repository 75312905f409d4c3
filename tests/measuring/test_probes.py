"""The job's model made ready to be asked: its layers, and the images that a baseline names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from explain_gate.config import load_config
from explain_gate.errors import ConfigError
from explain_gate.measuring.job import open_job
from explain_gate.measuring.probes import probe_maker, with_target_layers

CPU = torch.device("cpu")


@pytest.fixture
def job(tmp_path, write_project, fresh_modules):
    """The tiny project's job."""
    return open_job(load_config(write_project(tmp_path)))


def test_a_baseline_names_one_image_or_a_folder_of_few(job, tmp_path):
    """Relative to thresholds.yaml, made as the model's input is made; what is no image is left out."""
    read = probe_maker(job)(job.model.module, 0).read_images
    Image.fromarray(np.full((32, 32, 3), 255, dtype=np.uint8)).save(tmp_path / "white.png")
    white = read("white.png")
    assert white.shape == (1, 3, 32, 32)
    assert (white == 1.0).all()
    assert len(read("images")) == len(job.data)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").touch()
    for wrong in ("none.png", "empty"):
        with pytest.raises(ConfigError, match=r"must name an image file or a folder of at most 64, found 0"):
            read(wrong)


def test_black_is_what_the_preprocessing_makes_of_black(job):
    """Minus one, by its mean and deviation of a half."""
    assert torch.equal(probe_maker(job)(job.model.module, 0).black, torch.full((3, 1, 1), -1.0))


def test_a_layer_that_is_named_or_not_needed_is_not_searched_for(job):
    """The same job comes back."""
    assert with_target_layers(replace(job, rules=()), CPU).model.target_layers == ()
    named = replace(job, model=replace(job.model, target_layers=("window",)))
    assert with_target_layers(named, CPU) is named


def test_the_layer_of_a_cam_method_is_searched_for(job):
    """Without a name in the file, the last feature map is looked at."""
    layers = with_target_layers(job, CPU).model.target_layers
    assert len(layers) == 1
    assert job.model.module.get_submodule(layers[0]) is not None
