"""One run into the store, exactly once, whatever was lost on the way."""

from __future__ import annotations

from stores import all_runs, count_calls, losing_answer, twice

from explain_gate.tracking.outbox import deliver, waiting
from explain_gate.tracking.recorder import record


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


def test_lost_answer_at_any_step_leaves_one_run(settings, gate_run, client, monkeypatch):
    """Whichever answer is lost, the next delivery completes that very run: one run, one version, one alias."""
    first = gate_run("first")  # makes the experiment, which later runs find
    record(first.verdict, first.profile, first.folder, settings)
    calls = count_calls(settings, gate_run("counted"), monkeypatch)
    assert calls > 15
    for step in range(1, calls + 1):
        run = gate_run(f"step{step:02d}")
        with losing_answer(step, monkeypatch) as lost:
            recorded = record(run.verdict, run.profile, run.folder, settings)
        assert lost == [step]
        assert recorded.run_id is None, step
        [delivery] = deliver(settings.outbox, settings)
        assert delivery.state == "delivered", (step, delivery.reason)
    store = client(settings)
    found = all_runs(store)
    assert len(found) == calls + 2
    assert len({run.data.tags["explain_gate.run_key"] for run in found}) == calls + 2
    assert all(run.info.status == "FINISHED" for run in found)
    assert all(run.data.tags["explain_gate.delivered"] == "true" for run in found)
    assert all(len(store.get_metric_history(run.info.run_id, "explain.seconds")) == 1 for run in found)
    versions = store.search_model_versions("name = 'pets'")
    assert len(versions) == calls + 2
    assert {version.tags["explain_gate.run_id"] for version in versions} == {run.info.run_id for run in found}
    assert waiting(settings.outbox) == []


def test_request_that_was_sent_twice_leaves_one_run(settings, gate_run, client, monkeypatch):
    """An HTTP retry of a request that had arrived makes twins; one of each stays."""
    for name in ("create_run", "create_model_version"):
        twice(f"mlflow.MlflowClient.{name}", monkeypatch)
    run = gate_run("v1")
    recorded = record(run.verdict, run.profile, run.folder, settings)
    store = client(settings)
    assert [found.info.run_id for found in all_runs(store)] == [recorded.run_id]
    assert [str(version.version) for version in store.search_model_versions("name = 'pets'")] == ["1"]
