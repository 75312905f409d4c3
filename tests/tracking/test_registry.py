"""The registry after a run: evidence on the version, and the alias only on a full pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from stores import all_runs

from explain_gate.tracking.recorder import record
from explain_gate.tracking.registry import described


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


def test_the_verdict_is_the_last_paragraph_of_what_people_wrote():
    """It replaces the verdict before it, keeps their words, links web addresses alone, and fits the store."""
    first = described("Trained by Ann.", "Passed: all rules hold", "http://host/#/runs/1")
    assert first == "Trained by Ann.\n\n**explain-gate:** Passed: all rules hold. [Report](<http://host/#/runs/1>)"
    second = described(first, "Blocked: it looks elsewhere", "/reports/v2/index.html")
    assert (
        second == "Trained by Ann.\n\n**explain-gate:** Blocked: it looks elsewhere. Report: `/reports/v2/index.html`"
    )
    assert described("", "Passed", "javascript:alert(1)") == "**explain-gate:** Passed. Report: `javascript:alert(1)`"
    long = described("x" * 9_000, "Passed", "http://host/1")
    assert len(long) == 5_000
    assert long.endswith("[Report](<http://host/1>)")
