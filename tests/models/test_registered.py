"""Whole models of a registry: what they are does not depend on how they were asked for, and they can be measured."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
import torch

from explain_gate.config import load_config
from explain_gate.measuring.job import Compute, open_job
from explain_gate.measuring.measure import measure_model
from explain_gate.measuring.progress import Silent
from explain_gate.models.build import build_module
from explain_gate.models.registered import load_registered


@pytest.fixture
def config(tmp_path, write_project, fresh_modules):
    """The tiny project, with a method that needs no layers: an exported program has none."""
    path = write_project(tmp_path / "project")
    path.write_text(path.read_text().replace("grad_cam: {layer: window}", "gradient: {}"))
    return load_config(path)


@pytest.fixture
def fetch(config, tmp_path):
    """A registered torch.export archive, fetched to a folder of that name."""
    program = torch.export.export(build_module(config, "tinymodel:build").eval(), (torch.zeros(4, 3, 32, 32),))
    torch.export.save(program, tmp_path / "model.pt2")

    def fetched(folder: str, uri: str):
        place = tmp_path / folder
        place.mkdir()
        file = shutil.copy(tmp_path / "model.pt2", place / "model.pt2")
        found = SimpleNamespace(folder=place, flavour="exported", weights=file, name="pets", version="3")
        return load_registered(config, found, uri=uri, source=None, allow_pickle=False)

    return fetched


def test_a_version_has_one_digest_wherever_it_is_fetched_to(fetch):
    """Under its number, under an alias, on another machine."""
    first, second = fetch("here", "models:/pets/3"), fetch("there", "models:/pets@champion")
    assert first.digest == second.digest
    assert (first.name, first.version, first.source) == ("pets", "3", "models:/pets/3")


def test_a_registered_program_is_measured(config, fetch, tmp_path):
    """It is not taken for a model that changes its own weights."""
    model = fetch("here", "models:/pets@champion")
    job = open_job(config, compute=Compute(device="cpu"), model=model)
    profile = measure_model(job, tmp_path / "profile", progress=Silent())
    assert profile.manifest["model"]["digest"] == model.digest
    assert all(image.predicted == image.label for image in profile.images)
