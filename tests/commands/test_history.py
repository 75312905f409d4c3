"""A model over time: from recorded runs, and from a folder of checkpoints measured in order."""

import datetime as dt
from pathlib import Path

import pytest
from audited import recorded_life
from made_up import make_run

from explain_gate.commands.history import (
    history_of_checkpoints,
    natural_order,
    recorded_history,
    recorded_strips,
    versions_of,
)
from explain_gate.errors import OptionError
from explain_gate.measuring.progress import Silent
from explain_gate.tracking.settings import TrackingSettings

__all__ = ["make_run"]


def test_numbers_in_names_count():
    """epoch-2 comes before epoch-10."""
    names = [path.name for path in natural_order([Path("epoch-10.pt"), Path("epoch-2.pt"), Path("epoch-1.pt")])]
    assert names == ["epoch-1.pt", "epoch-2.pt", "epoch-10.pt"]


def test_checkpoints_are_measured_in_order_and_the_fall_is_told(tmp_path, write_project):
    """The page says with which checkpoint attention left the object, and shows the images."""
    from safetensors.torch import save_file

    from explain_gate.config import load_config
    from explain_gate.models.open import load_model

    config = write_project(tmp_path)
    honest = load_model(load_config(config)).module.state_dict()
    cheat = {name: tensor.clone() for name, tensor in honest.items()}
    cheat["window.where"] = 1 - cheat["window.where"]
    files = [tmp_path / f"epoch-{name}.safetensors" for name in ("10", "2")]
    for state, file in zip((cheat, honest), files, strict=True):
        save_file(state, file)
    said: list[str] = []
    page = history_of_checkpoints(str(config), files, device="cpu", progress=Silent(), tell=said.append)
    assert said == ["epoch-2: passed", "epoch-10: failed"]
    assert "Attention left the object with epoch-10 and has not come back" in page
    assert page.count("data:image/webp") >= 4


def test_a_pattern_without_files_is_an_option_error(tmp_path, write_project):
    """Nothing to measure is said before anything is loaded."""
    with pytest.raises(OptionError, match="at least one file"):
        history_of_checkpoints(str(write_project(tmp_path)), [], device="cpu", progress=Silent(), tell=print)


def test_recorded_runs_become_versions(monkeypatch):
    """Findings of verdict.json are records again, with their version's number."""
    from explain_gate.tracking.history import RecordedRun

    entry = {
        "check": "alignment.iou", "method": "grad_cam", "class": "red", "statistic": "mean", "value": 0.5,
        "interval": [0.4, 0.6], "bound": {"at_least": 0.4}, "reference_value": None, "change": None,
        "change_interval": None, "status": "passed", "images": 4, "unmeasured": 0, "worst": [], "message": "",
        "line": 3,
    }  # fmt: skip
    run = RecordedRun(
        run_id="r1", time=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), verdict="passed", exit_code=0, model_name="tiny",
        version="14", aliases=(), model_digest="ab" * 32, dataset_digest="d", config_digest="c", git_commit=None,
        link="sqlite", report=None, parameters={}, findings=(entry,),
    )  # fmt: skip
    monkeypatch.setattr("explain_gate.commands.history.history", lambda *_: [run])
    (version,) = recorded_history("tiny", TrackingSettings())
    assert version.label == "14"
    assert version.findings[0].class_name == "red"
    assert version.findings[0].interval == (0.4, 0.6)


def test_recorded_versions_show_where_they_looked(make_run, monkeypatch):
    """What each recorded is fetched by its run; one that is gone is said and left out, at most twelve are shown."""
    from explain_gate.comparing.versions import Run, Version
    from explain_gate.errors import ReferenceError

    profile, asked, said = make_run().profile, [], []

    def resolve(ref, settings):
        asked.append(ref)
        if ref == "run:r2":
            raise ReferenceError("run r2 holds no profile")
        return profile

    monkeypatch.setattr("explain_gate.commands.history.resolve", resolve)
    versions = [Version(label=str(n), runs=(Run(verdict="passed", findings=(), run_id=f"r{n}"),)) for n in range(1, 4)]
    strips = recorded_strips(versions, TrackingSettings(), say=said.append)
    assert [frame.label for frame in strips[0].frames] == ["1", "3"]
    assert said == ["2 is shown without maps: run r2 holds no profile"]
    many = [Version(label=str(n), runs=(Run(verdict="passed", findings=(), run_id=f"r{n + 10}"),)) for n in range(40)]
    asked.clear()
    strips = recorded_strips(many, TrackingSettings(), say=said.append)
    assert (len(asked), asked[0], asked[-1]) == (12, "run:r10", "run:r49")
    assert len(strips[0].frames) == 12
    assert recorded_strips([], TrackingSettings(), say=said.append) == ()


def test_runs_of_the_same_weights_are_one_version():
    """In the order of their first runs; a run without weights is no version; the number comes from the registry."""
    from dataclasses import replace

    runs = recorded_life()
    crashed = replace(runs[0], run_id="r0", model_digest="", verdict="error", exit_code=3, version=None, findings=())
    versions = versions_of([crashed, *runs])
    assert [one.label for one in versions] == ["1", "2", "3", "4", "5f9a1c2b…", "5", "6", "7"]
    assert [len(one.runs) for one in versions] == [1, 2, 1, 1, 2, 2, 1, 1]
    assert versions[-1].aliases == ("explain-approved",)
    assert versions[5].latest.terms["torch"] == "2.13.0"
    assert [one.label for one in versions_of([crashed])] == ["no weights"]
