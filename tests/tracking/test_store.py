"""A connection to MLflow: it loses seconds, not minutes, tries a locked file again, and leaves no trace."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import warnings
from pathlib import Path

import pytest
from stores import all_runs

from explain_gate.tracking.recorder import record
from explain_gate.tracking.store import connect


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


def test_threads_that_meet_leave_the_process_as_it_was(settings):
    """The one that came second would otherwise put back, for good, what the first had set."""
    before = dict(os.environ)
    entered, may_leave = threading.Event(), threading.Event()

    def second():
        with connect(settings):
            entered.set()
            may_leave.wait(60)

    with connect(settings):
        thread = threading.Thread(target=second)
        thread.start()
        entered.wait(0.5)  # never set as long as one thread is connected at a time; nothing depends on how long
    may_leave.set()
    thread.join(60)
    assert entered.is_set()
    assert dict(os.environ) == before


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


def test_damaged_database_is_told_in_seconds(settings, gate_run):
    """A file that is no database is a reason to wait in the outbox, without MLflow's hundred seconds of retries."""
    Path(settings.uri.removeprefix("sqlite:///")).write_bytes(b"not a database" * 100)
    run = gate_run("v1")
    recorded = record(run.verdict, run.profile, run.folder, settings)
    assert "not a database" in recorded.reason
