"""A model over time: from recorded runs, and from a folder of checkpoints measured in order."""

import datetime as dt

import pytest

from explain_gate.errors import OptionError
from explain_gate.history import checkpoint_versions, natural_order, recorded_versions, write_history
from explain_gate.tracking.settings import TrackingSettings


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Three checkpoints of the tiny project, the last of which looks at the corner, measured."""
    import projects
    from safetensors.torch import save_file

    from explain_gate.config import load_config
    from explain_gate.models import load_model

    folder = tmp_path_factory.mktemp("training")
    config = load_config(projects.write_project(folder))
    honest = load_model(config).module.state_dict()
    cheat = {name: tensor.clone() for name, tensor in honest.items()}
    cheat["window.where"] = 1 - cheat["window.where"]
    # As an optimiser would leave it: no two checkpoints are alike.
    step = {name: tensor * 1.01 if name == "head.weight" else tensor.clone() for name, tensor in honest.items()}
    files = [folder / f"epoch-{name}.safetensors" for name in ("10", "2", "1")]
    for state, file in zip((cheat, step, honest), files, strict=True):
        save_file(state, file)
    versions, strips = checkpoint_versions(config, files, folder / "kept")
    return config, files, versions, strips, folder


def test_numbers_in_names_count():
    """epoch-2 comes before epoch-10."""
    names = [path.name for path in natural_order(["epoch-10.pt", "epoch-2.pt", "epoch-1.pt"])]
    assert names == ["epoch-1.pt", "epoch-2.pt", "epoch-10.pt"]


def test_checkpoints_are_measured_in_order_and_the_fall_is_told(measured, tmp_path):
    """The page says with which checkpoint attention left the object, and shows it."""
    _, _, versions, strips, _ = measured
    assert [version.label for version in versions] == ["epoch-1", "epoch-2", "epoch-10"]
    assert [version.verdict for version in versions] == ["passed", "passed", "failed"]
    assert len({version.model_digest for version in versions}) == 3
    write_history(tmp_path / "out" / "history.html", "tiny", versions, strips)
    text = (tmp_path / "out" / "history.html").read_text(encoding="utf-8")
    assert "Attention left the object with epoch-10 and has not come back" in text
    assert text.count("data:image/webp") >= 6


def test_what_is_measured_is_not_measured_again(measured, monkeypatch):
    """Following a training run measures only what is new."""
    config, files, versions, _, folder = measured

    def refuse(*_, **__):
        pytest.fail("measured again")

    monkeypatch.setattr("explain_gate.execution.runner.measure", refuse)
    again, _ = checkpoint_versions(config, files, folder / "kept")
    assert [version.findings for version in again] == [version.findings for version in versions]


def test_a_pattern_without_files_is_an_option_error(measured, tmp_path):
    """Nothing to measure is said before anything is loaded."""
    with pytest.raises(OptionError, match="no file matches"):
        checkpoint_versions(measured[0], [], tmp_path)


def test_recorded_runs_become_versions(monkeypatch):
    """Findings of verdict.json are records again; a run without a version is named by its digest."""
    from explain_gate.tracking.history import RecordedRun

    entry = {
        "check": "alignment.iou", "method": "grad_cam", "class": "red", "statistic": "mean", "value": 0.5,
        "interval": [0.4, 0.6], "bound": {"at_least": 0.4}, "reference_value": None, "change": None,
        "change_interval": None, "status": "passed", "images": 4, "unmeasured": 0, "worst": [], "message": "",
        "line": 3,
    }  # fmt: skip
    plain = {
        "run_id": "r1", "time": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "verdict": "passed", "exit_code": 0,
        "model_name": "tiny", "aliases": (), "model_digest": "ab" * 32, "dataset_digest": "d", "config_digest": "c",
        "git_commit": None, "link": "sqlite", "report": None, "parameters": {}, "findings": (entry,),
    }  # fmt: skip
    runs = [RecordedRun(version=None, **plain), RecordedRun(version="14", **plain)]
    monkeypatch.setattr("explain_gate.tracking.history.history", lambda *_: runs)
    versions = recorded_versions("tiny", TrackingSettings())
    assert [version.label for version in versions] == ["abababab", "14"]
    assert versions[0].findings[0].class_name == "red"
    assert versions[0].findings[0].interval == (0.4, 0.6)
