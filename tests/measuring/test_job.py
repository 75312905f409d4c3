"""One door to models: what run opens, validate and the library open too."""

from __future__ import annotations

import pytest
from safetensors.torch import save_file

from explain_gate.commands.validate import validate
from explain_gate.errors import ModelError
from explain_gate.measuring.job import measure
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
