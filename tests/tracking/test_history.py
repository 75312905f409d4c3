"""Every recorded gate run of a model, in order, with what was found."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from explain_gate.commands.history import recorded_history
from explain_gate.errors import ReferenceError
from explain_gate.publishing.text.verdict_json import verdict_to_json
from explain_gate.tracking.history import history
from explain_gate.tracking.recorder import record


def test_life_of_a_model(settings, gate_run):
    """Four versions, one blocked: all there, oldest first, the alias where it belongs."""
    recorded = []
    for name, passed, iou in (("v1", True, 0.5), ("v2", True, 0.6), ("v3", False, 0.2), ("v4", True, 0.7)):
        run = gate_run(name, passed=passed, iou=iou)
        recorded.append(record(run.verdict, run.profile, run.folder, settings))
    runs = history("pets", settings)
    assert [run.run_id for run in runs] == [each.run_id for each in recorded]
    assert [run.verdict for run in runs] == ["passed", "passed", "failed", "passed"]
    assert [run.exit_code for run in runs] == [0, 0, 1, 0]
    assert [run.version for run in runs] == ["1", "2", None, "3"]
    assert [run.aliases for run in runs] == [(), (), (), ("explain-approved",)]
    assert [run.findings[0]["value"] for run in runs] == [0.5, 0.6, 0.2, 0.7]
    assert [run.link for run in runs] == [each.link for each in recorded]
    assert all(run.time.timestamp() <= time.time() for run in runs)
    assert sorted(runs, key=lambda run: run.time) == runs
    assert {(run.dataset_digest, run.config_digest, run.git_commit) for run in runs} == {
        ("cd" * 32, "ef" * 32, "1a2b3c")
    }


def test_model_is_found_by_either_name(settings, gate_run):
    """The name in thresholds.yaml and the name in the registry lead to the same runs, each once."""
    run = gate_run("v1")
    model = {**run.verdict.model, "name": "pet scorer"}
    run = gate_run("v1", model=model)
    record(run.verdict, run.profile, run.folder, settings)
    assert [found.run_id for found in history("pet scorer", settings)] == [
        found.run_id for found in history("pets", settings)
    ]


def test_name_with_a_quote(settings, gate_run):
    """A quote in a name is part of the name."""
    run = gate_run("v1", model={"name": "ann's model", "digest": "ab" * 32, "source": "shop:build"})
    record(run.verdict, run.profile, run.folder, settings)
    assert len(history("ann's model", settings)) == 1


def test_run_without_verdict_file_has_no_findings(settings, gate_run):
    """A run that crashed before its report still shows in the history."""
    run = gate_run("v1", verdict="error", exit_code=3)
    (run.folder / "verdict.json").unlink()
    record(run.verdict, run.profile, run.folder, settings)
    assert [(found.verdict, found.findings) for found in history("pets", settings)] == [("error", ())]


def test_unknown_model_names_the_command(settings):
    """Nothing recorded is an error that says how to record."""
    with pytest.raises(ReferenceError, match=r"explain-gate run --config thresholds\.yaml$"):
        history("unknown", settings)


def test_measuring_one_version_again_makes_no_new_version(settings, gate_run):
    """Three runs of two weights are two versions: the latest verdict stands, runs below it, moves beside it."""
    for name, digest, passed, iou in (("a", "aa", True, 0.5), ("b", "bb", True, 0.6), ("c", "aa", False, 0.3)):
        run = gate_run(name, digest=digest * 32, passed=passed, iou=iou)
        environment = {**run.verdict.environment, "started_by": "ann", "git_dirty": True, "device": "cpu"}
        verdict = replace(run.verdict, environment=environment)
        (run.folder / "verdict.json").write_text(verdict_to_json(verdict), encoding="utf-8")
        record(verdict, run.profile, run.folder, settings)
    first, second = recorded_history("pets", settings)
    assert (first.label, first.verdict, [one.verdict for one in first.runs]) == ("1", "failed", ["passed", "failed"])
    assert (second.label, second.verdict, len(second.runs)) == ("2", "passed", 1)
    assert first.moves[0].startswith("explain-approved moved to this version on ")
    assert second.moves[0].startswith("explain-approved moved from version 1 to this version on ")
    assert (second.aliases, second.latest.started_by, second.latest.git_dirty) == (("explain-approved",), "ann", True)
    assert second.latest.terms == {"torch": "2.13.0", "device": "cpu", "settings of grad_cam": '{"layer": "auto"}'}
    assert second.latest.images == 2
