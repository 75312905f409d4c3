"""One door to models: what run opens, validate and the library open too."""

from __future__ import annotations

import pytest
from safetensors.torch import save_file

from explain_gate.commands.validate import validate
from explain_gate.config import load_config
from explain_gate.errors import ModelError
from explain_gate.measuring.job import Compute, measure, open_job
from explain_gate.options import RunOptions
from explain_gate.session.run import GateSession


@pytest.fixture
def registered(tmp_path, write_project, fresh_modules, monkeypatch):
    """A project whose checkpoint is a registered version of its own weights."""
    from mlflow import MlflowClient

    config = write_project(tmp_path / "project", per_class=2)
    monkeypatch.syspath_prepend(str(config.parent))
    import tinymodel

    version = tmp_path / "version"
    version.mkdir()
    save_file(tinymodel.build().state_dict(), version / "v1.safetensors")
    uri = f"sqlite:///{tmp_path / 'registry.db'}"
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    client.create_registered_model("tiny")
    client.create_model_version("tiny", version.as_uri())
    client.set_registered_model_alias("tiny", "approved", "1")
    fresh_modules()
    return config, uri


def test_run_validate_and_measure_open_a_registered_checkpoint(registered, tmp_path):
    """All three come to the same version of the same weights."""
    config, uri = registered
    asked = {"checkpoint": "models:/tiny@approved", "tracking_uri": uri, "device": "cpu"}
    options = RunOptions(config=str(config), output=str(tmp_path / "out"), **asked)
    model = GateSession(options).model_under_test
    assert (model.version, model.checkpoint) == ("1", "models:/tiny@approved")
    assert any(model.digest[:12] in line for line in validate(options))
    assert measure(config, **asked).manifest["model"]["digest"] == model.digest


def test_a_version_that_is_not_there_is_told_by_all(registered, tmp_path):
    """In the same words."""
    config, uri = registered
    asked = {"checkpoint": "models:/tiny@rejected", "tracking_uri": uri, "device": "cpu"}
    options = RunOptions(config=str(config), output=str(tmp_path / "out"), **asked)
    for ask in (
        lambda: GateSession(options).model_under_test,
        lambda: validate(options),
        lambda: measure(config, **asked),
    ):
        with pytest.raises(ModelError, match="not in the registry"):
            ask()


def test_what_is_open_already_is_not_opened_again(tmp_path, write_project, fresh_modules):
    """A monitor brings its module, a worker its share, a session its rules and data; the rest is the file's."""
    config = load_config(write_project(tmp_path / "project"))
    job = open_job(config)
    assert (len(job.data), len(job.rules), job.compute, job.part) == (8, 4, Compute(), False)
    again = open_job(config, rules=job.rules[:1], data=job.data, model=job.model, part=True)
    assert again.data is job.data
    assert again.model is job.model
    assert (again.rules, again.part) == (job.rules[:1], True)


def test_another_version_is_measured_on_the_same_terms(tmp_path, write_project, fresh_modules):
    """Rules, data and what passes are made with are the candidate's; the weights are not."""
    config = load_config(write_project(tmp_path / "project"))
    job = open_job(config, compute=Compute(device="cpu", memory_budget=1 << 30))
    state = {name: 2 * tensor for name, tensor in job.model.module.state_dict().items()}
    save_file(state, tmp_path / "before.safetensors")
    other = job.of_version(None, str(tmp_path / "before.safetensors"))
    assert other.data is job.data
    assert (other.rules, other.compute) == (job.rules, job.compute)
    assert other.model.digest != job.model.digest
