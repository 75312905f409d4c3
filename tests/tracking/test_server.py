"""The same against a real MLflow server: proxied artifacts, and a server that dies in the middle."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from dataclasses import replace

import pytest

from explain_gate.tracking.history import history
from explain_gate.tracking.model_version import model_version_artifact
from explain_gate.tracking.outbox import deliver, waiting
from explain_gate.tracking.recorder import Told, record
from explain_gate.tracking.references import resolve
from explain_gate.tracking.store import Store


@pytest.fixture
def own(server_settings, request):
    """Settings in an experiment and registered model of this test's own."""
    name = request.node.name
    return replace(server_settings, experiment=name, promote=(name, "explain-approved"))


def test_life_of_a_model(own, gate_run, client, capsys):
    """Recorded, promoted, blocked, found again by every kind of reference, and in the history; nothing is printed."""
    name = own.promote[0]
    recorded = []
    for version, passed, iou in (("v1", True, 0.5), ("v2", True, 0.6), ("v3", False, 0.2)):
        run = gate_run(version, passed=passed, iou=iou)
        recorded.append(record(run.verdict, run.profile, run.folder, own))
    assert [each.promoted for each in recorded] == ["1", "2", None]
    assert recorded[0].link.startswith(f"{own.uri}/#/experiments/")
    for ref, iou in (
        (f"run:{recorded[2].run_id}", 0.2),
        (f"models:/{name}@explain-approved", 0.6),
        (f"models:/{name}/1", 0.5),
    ):
        assert resolve(ref, own).measurement("alignment.iou", "grad_cam").values[0] == iou
    artifact = model_version_artifact(f"models:/{name}@explain-approved", own)
    assert (artifact.weights.read_bytes(), artifact.version) == (b"v2", "2")
    runs = history(name, own)
    assert [run.findings[0]["value"] for run in runs] == [0.5, 0.6, 0.2]
    assert [run.aliases for run in runs] == [(), ("explain-approved",), ()]
    found = client(own).get_run(recorded[0].run_id)
    assert found.info.artifact_uri.startswith("mlflow-artifacts:/")
    assert found.info.status == "FINISHED"
    assert found.inputs.dataset_inputs[0].dataset.digest == ("cd" * 32)[:36]
    assert capsys.readouterr().out == ""


def test_the_stores_own_pages_show_verdict_report_and_data(own, gate_run, client):
    """The version's description ends with the sentence and leads to the report, which the server hands out whole."""
    run = gate_run("v1")
    page = "<!doctype html><title>Passed: all rules hold</title>"
    told = Told(sentence="Passed: all rules hold", page=page)
    recorded = record(run.verdict, run.profile, run.folder, own, told=told)
    store = client(own)
    version = store.get_model_version_by_alias(*own.promote)
    assert version.description == (
        f"**explain-gate:** Passed: all rules hold. [Report](<{recorded.link}/artifacts/report.html>)"
    )
    assert recorded.link.startswith(own.uri)
    address = f"{own.uri}/get-artifact?path=report.html&run_uuid={recorded.run_id}"
    assert urllib.request.urlopen(address, timeout=10).read().decode() == page  # noqa: S310 - the server of this test
    found = store.get_run(recorded.run_id)
    assert re.fullmatch(r"\d+ files, \d+\.\d MB", found.data.tags["explain_gate.uploaded"])
    dataset = found.inputs.dataset_inputs[0].dataset
    assert json.loads(dataset.profile)["images"] == "2"
    store.update_model_version(*own.promote[:1], version.version, f"Trained by Ann.\n\n{version.description}")
    source = f"models:/{own.promote[0]}/{version.version}"
    again = gate_run("v1", passed=False)
    model = {**again.verdict.model, "source": source, "version": str(version.version)}
    told = Told(sentence="Blocked: it looks elsewhere")
    record(replace(again.verdict, model=model, seconds=2.5), again.profile, again.folder, own, told=told)
    text = store.get_model_version(own.promote[0], version.version).description
    assert text.startswith("Trained by Ann.\n\n**explain-gate:** Blocked: it looks elsewhere. [Report](<")
    assert "Passed" not in text


def test_downloads_are_kept_in_the_cache(own, gate_run, tmp_path, server):
    """With a cache folder a profile is fetched once, and each store has its own place."""
    settings = replace(own, cache=tmp_path / "cache")
    run = gate_run("v1")
    recorded = record(run.verdict, run.profile, run.folder, settings)
    first = resolve(f"run:{recorded.run_id}", settings)
    written = (first.folder / "manifest.json").stat().st_mtime_ns
    second = resolve(f"run:{recorded.run_id}", settings)
    assert first.folder.is_relative_to(tmp_path / "cache")
    assert second.folder == first.folder
    assert (second.folder / "manifest.json").stat().st_mtime_ns == written


def test_credentials_reach_the_server_and_nothing_else(own, gate_run, client):
    """A URI with a password works, and no tag, parameter or link holds it."""
    settings = replace(own, uri=own.uri.replace("http://", "http://ann:s3cret@"))
    run = gate_run("v1")
    recorded = record(run.verdict, run.profile, run.folder, settings)
    found = client(own).get_run(recorded.run_id)
    assert "s3cret" not in f"{recorded} {recorded.message} {found.to_dictionary()}"


def test_server_that_refuses_is_not_an_outage(own, gate_run):
    """What the server will never take waits with the server's own words."""
    run = gate_run("v1")
    recorded = record(run.verdict, run.profile, run.folder, replace(own, promote=(own.promote[0], "v7")))
    assert recorded.run_id is None
    assert "v7" in recorded.reason


def test_server_killed_in_the_middle(own, gate_run, client, server, monkeypatch):
    """It dies when the numbers are in and the files are not; once it is back, publish completes that very run."""
    real = Store.transfer

    def dying(self, function, *args, **kwargs):
        server.kill()
        return real(self, function, *args, **kwargs)

    run = gate_run("v1")
    with monkeypatch.context() as patch:
        patch.setattr(Store, "transfer", dying)
        started = time.monotonic()
        recorded = record(run.verdict, run.profile, run.folder, own)
        assert time.monotonic() - started < 30
    assert recorded.run_id is None
    assert waiting(own.outbox) == [recorded.waiting]
    assert [delivery.state for delivery in deliver(own.outbox, own)] == ["waiting"]
    server.start()
    assert [delivery.state for delivery in deliver(own.outbox, own)] == ["delivered"]
    assert deliver(own.outbox, own) == []
    store = client(own)
    [found] = store.search_runs([store.get_experiment_by_name(own.experiment).experiment_id])
    assert found.info.status == "FINISHED"
    assert {item.path for item in store.list_artifacts(found.info.run_id)} == {"index.html", "profile", "verdict.json"}
    assert str(store.get_model_version_by_alias(*own.promote).version) == "1"
