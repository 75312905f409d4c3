"""A gate run in MLflow, on SQLite: whole, once, promoted only when it passed."""

from __future__ import annotations

import logging
import math
import os
import shutil
import subprocess
import sys
import textwrap
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

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


def test_artifacts_lie_beside_the_database(settings, gate_run, tmp_path, monkeypatch):
    """Where a run's files go depends on the store, not on the folder a command was started in."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run = gate_run("v1")
    record(run.verdict, run.profile, run.folder, settings)
    assert (tmp_path / "mlartifacts" / "pets").is_dir()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_recording_again_changes_nothing(settings, gate_run, client):
    """The same output folder is one run, however often it is recorded."""
    run = gate_run("v1")
    first = record(run.verdict, run.profile, run.folder, settings)
    second = record(run.verdict, run.profile, run.folder, settings)
    assert second.run_id == first.run_id
    assert len(all_runs(client(settings))) == 1
    assert list(settings.outbox.iterdir()) == []


def test_full_pass_takes_the_alias(settings, gate_run, client):
    """What passed is registered with its weights and evidence, and takes the alias."""
    run = gate_run("v1")
    recorded = record(run.verdict, run.profile, run.folder, settings)
    version = client(settings).get_model_version_by_alias("pets", "explain-approved")
    assert (recorded.promoted, str(version.version)) == ("1", "1")
    assert version.tags["explain_gate.verdict"] == "passed"
    assert version.tags["explain_gate.run_id"] == recorded.run_id
    assert version.tags["explain_gate.config_digest"] == "ef" * 32
    assert version.tags["explain_gate.report"] == recorded.link
    uri = client(settings).get_model_version_download_uri("pets", "1")
    assert (Path(uri.removeprefix("file://")) / "v1.safetensors").read_bytes() == b"v1"


def test_failed_gate_leaves_the_alias(settings, gate_run, client):
    """A version that is blocked is recorded, and the alias stays with the one before."""
    good, bad = gate_run("v1"), gate_run("v2", passed=False, iou=0.2)
    record(good.verdict, good.profile, good.folder, settings)
    recorded = record(bad.verdict, bad.profile, bad.folder, settings)
    store = client(settings)
    assert recorded.promoted is None
    assert recorded.kept == "the gate did not pass in full"
    assert str(store.get_model_version_by_alias("pets", "explain-approved").version) == "1"
    assert store.get_run(recorded.run_id).data.tags["explain_gate.verdict"] == "failed"
    assert len(store.search_model_versions("name = 'pets'")) == 1


def test_same_model_is_one_version(settings, gate_run, client):
    """A model that passes twice is registered once."""
    for name in ("v1", "again"):
        run = gate_run(name, digest="ab" * 32)
        record(run.verdict, run.profile, run.folder, settings)
    store = client(settings)
    assert len(store.search_model_versions("name = 'pets'")) == 1
    assert len(store.search_logged_models([store.get_experiment_by_name("pets").experiment_id])) == 1
    assert len(all_runs(store)) == 2


def test_registered_version_is_tagged_and_promoted(settings, gate_run, client):
    """A model from the registry gets the evidence on its own version; no second one is made."""
    store = client(settings)
    store.create_registered_model("pets")
    store.create_model_version("pets", "s3://bucket/pets")
    run = gate_run("v1")
    model = {**run.verdict.model, "source": "models:/pets@candidate", "version": "1"}
    recorded = record(replace(run.verdict, model=model), run.profile, run.folder, settings)
    version = store.get_model_version_by_alias("pets", "explain-approved")
    assert recorded.promoted == str(version.version) == "1"
    assert version.tags["explain_gate.run_id"] == recorded.run_id


def test_failed_registered_version_is_tagged(settings, gate_run, client):
    """A blocked version says so in the registry, whoever looks at it."""
    store = client(settings)
    store.create_registered_model("pets")
    store.create_model_version("pets", "s3://bucket/pets")
    run = gate_run("v1", passed=False)
    record(replace(run.verdict, model={**run.verdict.model, "source": "models:/pets/1"}), None, run.folder, settings)
    version = store.get_model_version("pets", "1")
    assert version.tags["explain_gate.verdict"] == "failed"
    assert version.aliases == []


def test_alias_of_another_model_is_left_alone(settings, gate_run, client):
    """A version of another registered model never takes the alias, and the record says so."""
    store = client(settings)
    store.create_registered_model("cars")
    store.create_model_version("cars", "s3://bucket/cars")
    run = gate_run("v1")
    verdict = replace(run.verdict, model={**run.verdict.model, "source": "models:/cars/1"})
    assert record(verdict, None, run.folder, settings).kept == "the model is cars, the alias belongs to pets"


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


def test_process_is_left_as_it_was(settings, gate_run, monkeypatch):
    """Environment, log levels and MLflow's own store are the user's; recording borrows them at most."""
    import mlflow

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    before = dict(os.environ), logging.getLogger("mlflow").level, mlflow.get_tracking_uri()
    run = gate_run("v1")
    record(run.verdict, run.profile, run.folder, settings)
    assert (dict(os.environ), logging.getLogger("mlflow").level, mlflow.get_tracking_uri()) == before
    assert mlflow.active_run() is None


def test_strict_warnings_are_the_users_own(settings, gate_run):
    """`pytest -W error` must not turn MLflow's deprecations into a lost record."""
    run = gate_run("v1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert record(run.verdict, run.profile, run.folder, settings).run_id is not None


def test_users_own_tracking_uri_is_not_touched(settings, gate_run, client, tmp_path, empty_store):
    """With MLflow pointed elsewhere in this very process, everything still goes to the gate's store."""
    import mlflow

    other = tmp_path / "other.db"
    shutil.copy(empty_store, other)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{other}")
    try:
        run = gate_run("v1")
        recorded = record(run.verdict, run.profile, run.folder, settings)
        elsewhere = mlflow.MlflowClient()
        assert recorded.promoted == "1"
        assert elsewhere.search_registered_models() == []
        assert elsewhere.get_experiment_by_name("pets") is None
    finally:
        mlflow.set_tracking_uri(before)


def test_importing_tracking_does_not_import_mlflow():
    """`--no-tracking` and an idle plugin never pay for MLflow."""
    modules = "recorder outbox references history model_version downloads settings submission store"
    imports = ", ".join(f"explain_gate.tracking.{name}" for name in modules.split())
    code = f"import sys, {imports}; sys.exit('mlflow' in sys.modules or 'torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("call", "times", "told"),
    [
        ("log_batch", [True, True], "(sqlite3.OperationalError) database is locked"),
        ("log_inputs", [True], "(sqlite3.IntegrityError) UNIQUE constraint failed: datasets.name, datasets.digest"),
    ],
    ids=["locked", "just inserted"],
)
def test_another_writer_costs_a_retry_and_not_the_record(settings, gate_run, client, monkeypatch, call, times, told):
    """A lock held for a moment, or the same data set inserted by another gate just now, is tried again."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    run = gate_run("v1")
    met = iter(times)
    real = getattr(MlflowClient, call)

    def sometimes(self, *args, **kwargs):
        if next(met, False):
            raise MlflowException(told)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(f"mlflow.MlflowClient.{call}", sometimes)
    assert record(run.verdict, run.profile, run.folder, settings).run_id is not None
    assert len(all_runs(client(settings))) == 1
    assert next(met, None) is None


def test_database_locked_for_good_waits_in_the_outbox(settings, gate_run, monkeypatch):
    """The retries end, and the run waits."""
    from mlflow.exceptions import MlflowException

    def locked(*_args, **_kwargs):
        raise MlflowException("(sqlite3.OperationalError) database is locked")

    monkeypatch.setattr("mlflow.MlflowClient.log_batch", locked)
    monkeypatch.setattr("explain_gate.tracking.store.time.sleep", lambda _seconds: None)
    run = gate_run("v1")
    recorded = record(run.verdict, run.profile, run.folder, settings)
    assert recorded.run_id is None
    assert "database is locked" in recorded.reason
    assert recorded.waiting.is_dir()


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


def test_damaged_database_is_told_in_seconds(settings, gate_run):
    """A file that is no database is a reason to wait in the outbox, without MLflow's hundred seconds of retries."""
    Path(settings.uri.removeprefix("sqlite:///")).write_bytes(b"not a database" * 100)
    run = gate_run("v1")
    recorded = record(run.verdict, run.profile, run.folder, settings)
    assert "not a database" in recorded.reason


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


def all_runs(store):
    """Every live run of the experiment."""
    experiment = store.get_experiment_by_name("pets")
    return store.search_runs([experiment.experiment_id]) if experiment else []


def write_pickle(path: Path, content) -> None:
    """For handing records to another process of this test."""
    import pickle

    path.write_bytes(pickle.dumps(content))
