"""`validate` says which weights it took."""

from __future__ import annotations

import pytest
import torch

from explain_gate.commands.validate import validate
from explain_gate.errors import DataError
from explain_gate.measuring.job import measure
from explain_gate.options import RunOptions


def test_the_weights_that_were_taken_are_told_and_recorded(tmp_path, write_project, fresh_modules, monkeypatch):
    """The key, the place and the cast stand in a line of `validate` and in the profile of a run."""
    config = write_project(tmp_path / "project", per_class=2)
    monkeypatch.syspath_prepend(str(config.parent))
    import tinymodel

    state = {f"model.{name}": value.half() for name, value in tinymodel.build().state_dict().items()}
    torch.save({"raw": {}, "model_ema": {**state, "criterion.weight": torch.ones(2)}}, config.parent / "v.ckpt")
    fresh_modules()
    config.write_text(
        config.read_text().replace(
            'source: "tinymodel:build"', 'source: "tinymodel:build", checkpoint: v.ckpt, checkpoint_key: model_ema'
        )
    )
    (line,) = (
        line
        for line in validate(RunOptions(config=str(config), output=str(tmp_path / "out"), device="cpu"))
        if "v.ckpt" in line
    )
    notes = [
        "weights read from model_ema.model",
        "left out: model_ema.criterion",
        "3 tensors cast from float16 to the model's float32",
    ]
    assert line == f"checkpoint: {config.parent / 'v.ckpt'}, checkpoint_key model_ema, {', '.join(notes)}"
    model = measure(config, device="cpu").manifest["model"]
    assert (model["checkpoint_key"], model["notes"]) == ("model_ema", notes)


def test_what_people_decided_is_read_before_a_run(tmp_path, write_project, fresh_modules):
    """A file that is no decision would end it."""
    config = write_project(tmp_path / "project", per_class=2)
    (config.parent / "reviews").mkdir()
    (config.parent / "reviews" / "stray.json").write_text("{}")
    with pytest.raises(DataError, match=r"stray\.json"):
        validate(RunOptions(config=str(config), output=str(tmp_path / "out"), device="cpu"))
