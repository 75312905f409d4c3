"""A gate run in MLflow, on SQLite: whole, once, promoted only when it passed."""

from __future__ import annotations

import math
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from stores import all_runs

from explain_gate.errors import TrackingError
from explain_gate.tracking.recorder import record
from explain_gate.tracking.store import Store


def test_run_holds_everything(settings, gate_run, client):
    """Parameters, metrics, dataset, tags, report, profile and the model under test, in one finished run."""
    run = gate_run("v1")
    recorded = record(run.verdict, run.profile, run.folder, settings)
    store = client(settings)
    found = store.get_run(recorded.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params["method.grad_cam"] == '{"layer": "auto"}'
    assert found.data.metrics["explain.alignment.iou.grad_cam.cat.mean"] == 0.45
    assert found.data.metrics["explain.alignment.iou.grad_cam.cat.mean.low"] == pytest.approx(0.4)
    assert found.data.tags["explain_gate.verdict"] == "passed"
    assert found.data.tags["explain_gate.git_commit"] == "1a2b3c"
    assert found.data.tags["explain_gate.report"] == recorded.link
    dataset = found.inputs.dataset_inputs[0].dataset
    assert dataset.digest == ("cd" * 32)[:36]
    assert (run.folder / "index.html").read_text() == Path(recorded.link.removeprefix("file://")).read_text()
    assert {item.path for item in store.list_artifacts(recorded.run_id)} == {"index.html", "profile", "verdict.json"}
    model = store.get_logged_model(found.inputs.model_inputs[0].model_id)
    assert (model.name, str(model.status)) == ("pets", "READY")
    assert {metric.key for metric in model.metrics} == set(found.data.metrics)


def test_crashed_gate_is_a_failed_run(settings, gate_run, client):
    """A gate without a verdict is recorded as FAILED in MLflow's own terms and promotes nothing."""
    run = gate_run("v1", verdict="error", exit_code=3, judged=())
    recorded = record(run.verdict, None, run.folder, settings)
    assert client(settings).get_run(recorded.run_id).info.status == "FAILED"
    assert recorded.promoted is None


def test_nothing_infinite_reaches_the_store(settings, gate_run, client):
    """MLflow would turn NaN and infinity into numbers; they are not there at all."""
    run = gate_run("v1")
    broken = replace(run.verdict.findings[0], value=math.inf, interval=(math.nan, math.nan))
    recorded = record(replace(run.verdict, findings=(broken,)), run.profile, run.folder, settings)
    metrics = client(settings).get_run(recorded.run_id).data.metrics
    assert not [name for name in metrics if "alignment" in name]
    assert all(math.isfinite(value) and abs(value) < 1e300 for value in metrics.values())


def test_more_metrics_than_one_request_takes(settings, gate_run, client):
    """A gate of 500 classes, more than the 1000 values MLflow takes in one request, is recorded whole."""
    run = gate_run("v1")
    findings = tuple(replace(run.verdict.findings[0], class_name=f"c{index}") for index in range(500))
    recorded = record(replace(run.verdict, findings=findings), run.profile, run.folder, settings)
    assert len(client(settings).get_run(recorded.run_id).data.metrics) > 1500


def test_importing_tracking_does_not_import_mlflow():
    """`--no-tracking` and an idle plugin never pay for MLflow."""
    modules = "recorder outbox references history model_version downloads settings submission store"
    imports = ", ".join(f"explain_gate.tracking.{name}" for name in modules.split())
    code = f"import sys, {imports}; sys.exit('mlflow' in sys.modules or 'torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_two_processes_on_one_sqlite_file_lose_nothing(settings, gate_run, client, tmp_path):
    """Two gates that record at once, several runs each, are all there, each once and whole."""
    script = tmp_path / "gate.py"
    script.write_text(
        textwrap.dedent(
            """
            import pickle, sys
            from explain_gate.tracking.recorder import record
            runs, settings = pickle.loads(open(sys.argv[1], "rb").read())
            for verdict, folder in runs:
                recorded = record(verdict, None, folder, settings)
                assert recorded.run_id, recorded.reason
            """
        )
    )
    processes = []
    for gate in ("a", "b"):
        runs = [gate_run(f"{gate}{index}") for index in range(4)]
        content = tmp_path / f"{gate}.pickle"
        write_pickle(content, ([(run.verdict, run.folder) for run in runs], settings))
        processes.append(
            subprocess.Popen([sys.executable, str(script), str(content)], stderr=subprocess.PIPE, text=True)
        )
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    store = client(settings)
    found = all_runs(store)
    assert sorted(run.info.run_name for run in found) == ["a0", "a1", "a2", "a3", "b0", "b1", "b2", "b3"]
    assert all(run.info.status == "FINISHED" and len(run.data.metrics) >= 5 for run in found)
    assert len(store.search_model_versions("name = 'pets'")) == 8
    assert list(settings.outbox.iterdir()) == []


def test_fault_in_the_program_is_not_taken_for_an_outage(settings, gate_run, monkeypatch):
    """Only what a store does sends a run to the outbox; a bug is raised, and the run waits all the same."""

    def bug(self, *_args, **_kwargs):
        raise KeyError("bug")

    monkeypatch.setattr(Store, "transfer", bug)
    run = gate_run("v1")
    with pytest.raises(KeyError):
        record(run.verdict, run.profile, run.folder, settings)
    assert len(list(settings.outbox.iterdir())) == 1


def test_outbox_that_cannot_be_written(settings, gate_run, tmp_path):
    """Without an outbox there is no promise to keep the run, so it is an error that names the place."""
    (tmp_path / "blocked").write_text("a file")
    run = gate_run("v1")
    with pytest.raises(TrackingError, match="blocked"):
        record(run.verdict, run.profile, run.folder, replace(settings, outbox=tmp_path / "blocked" / "outbox"))


def write_pickle(path: Path, content) -> None:
    """For handing records to another process of this test."""
    import pickle

    path.write_bytes(pickle.dumps(content))
