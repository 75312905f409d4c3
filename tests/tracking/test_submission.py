"""What is said about a gate run, before any store hears it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from explain_gate.errors import TrackingError
from explain_gate.records import FailedTest
from explain_gate.tracking.settings import TrackingSettings
from explain_gate.tracking.submission import Submission, describe, is_full_pass, run_key


def test_submission_survives_the_outbox(gate_run):
    """What waits says exactly what would have been said at once."""
    run = gate_run("v1")
    settings = TrackingSettings(promote=("pets", "approved"))
    submission = describe(run.verdict, run.profile, run.folder, settings, ended=1000)
    assert Submission.from_json(submission.to_json()) == submission


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema_version": 99}', '{"schema_version": 1, "key": "k"}'])
def test_damaged_submission_is_an_error(text):
    """A half written or foreign record is refused with a reason, not delivered in part."""
    with pytest.raises(TrackingError):
        Submission.from_json(text)


def test_credentials_in_sources_are_not_stored(gate_run):
    """A checkpoint or source that is an address with a password is stored without it."""
    run = gate_run("v1")
    model = {**run.verdict.model, "source": "s3://key:hush@bucket/model", "checkpoint": "https://a:hush@host/v1.pt"}
    verdict = replace(run.verdict, model=model)
    settings = TrackingSettings(uri="http://ann:hush@host:5000")
    assert "hush" not in describe(verdict, run.profile, run.folder, settings, ended=1000).to_json()


def test_run_key_is_of_the_run(gate_run):
    """The same folder has the same key; a run that took other seconds, or went elsewhere, has another."""
    run = gate_run("v1")
    assert run_key(run.verdict, run.folder) == run_key(replace(run.verdict), run.folder)
    assert run_key(run.verdict, run.folder) != run_key(replace(run.verdict, seconds=1.6), run.folder)
    assert run_key(run.verdict, run.folder) != run_key(run.verdict, run.folder.with_name("v2"))


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "failed"},
        {"exit_code": 1},
        {"exit_code": 3, "verdict": "error"},
        {"judged": ()},
        {"planned": (), "judged": ()},
        {"failed_tests": (FailedTest(test="checks/test_mine.py::test_own"),)},
    ],
)
def test_anything_short_of_a_full_pass_promotes_nothing(gate_run, change):
    """A rule that failed or was never judged, and a failed test of the user's own, each stop the promotion."""
    verdict = gate_run("v1").verdict
    assert is_full_pass(verdict)
    assert not is_full_pass(replace(verdict, **change))


def test_registered_source_needs_a_version(gate_run):
    """`models:/NAME@ALIAS` without the version it meant is not tagged later: the alias may have moved."""
    run = gate_run("v1")

    def registered(source, version):
        verdict = replace(run.verdict, model={**run.verdict.model, "source": source, "version": version})
        return describe(verdict, None, run.folder, TrackingSettings(), ended=1).registered

    assert registered("models:/pets@approved", None) is None
    assert registered("models:/pets@approved", "4") == ("pets", "4")
    assert registered("models:/pets/7", None) == ("pets", "7")
    assert registered("shop:build", "7") is None


def test_report_link_is_the_ci_job(gate_run):
    """On a CI machine people find the report at the job; a given address wins."""
    run = gate_run("v1")
    verdict = replace(run.verdict, environment={"job": "https://git.example/a/b/actions/runs/9"})
    arguments = (verdict, run.profile, run.folder, TrackingSettings())
    assert describe(*arguments, ended=1).tags["explain_gate.report"] == "https://git.example/a/b/actions/runs/9"
    assert describe(*arguments, ended=1, report="https://x").tags["explain_gate.report"] == "https://x"


def test_who_started_it_and_from_which_code_are_tags(gate_run):
    """Date with zone, starter, what started it, whether the tree was dirty and the digest of the difference."""
    run = gate_run("v1")
    started = {
        "started": "2026-11-26T02:28:17+01:00", "started_by": "ann", "started_from": "GitHub Actions: push, gate",
        "job": None, "command": "explain-gate run --tracking-uri http://ann:hush@host", "git_commit": "1a2b3c",
        "git_dirty": True, "git_diff_digest": "dd" * 32,
    }  # fmt: skip
    verdict = replace(run.verdict, environment=started)
    tags = describe(verdict, run.profile, run.folder, TrackingSettings(), ended=1).tags
    assert tags["explain_gate.started"] == "2026-11-26T02:28:17+01:00"
    assert tags["explain_gate.started_by"] == tags["mlflow.user"] == "ann"
    assert tags["explain_gate.started_from"] == "GitHub Actions: push, gate"
    assert tags["explain_gate.command"] == "explain-gate run --tracking-uri http://***@host"
    assert tags["explain_gate.git_dirty"] == "true"
    assert tags["explain_gate.git_diff_digest"] == "dd" * 32
    clean = replace(verdict, environment={**started, "git_dirty": False, "git_diff_digest": None})
    tags = describe(clean, run.profile, run.folder, TrackingSettings(), ended=1).tags
    assert tags["explain_gate.git_dirty"] == "false"
    assert "explain_gate.git_diff_digest" not in tags
