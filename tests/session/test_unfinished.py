"""A run that measured nothing to judge has a verdict too, and never takes a report's place."""

from __future__ import annotations

import json

import pytest

from explain_gate.options import RunOptions
from explain_gate.records import Rule
from explain_gate.session.unfinished import publish_unfinished, unfinished_verdict

RULE = Rule(check="alignment.iou", method="grad_cam", class_name=None, better="higher", at_least=0.5)


@pytest.fixture
def verdict(tmp_path):
    """Of a run that ended with an exit code."""

    def make(exit_code, message="the model cannot be opened"):
        options = RunOptions(config=str(tmp_path / "thresholds.yaml"), run_id="r1")
        return unfinished_verdict(
            options, exit_code=exit_code, messages=[message], started="2026-01-01T00:00:00+00:00", planned=[RULE]
        )

    return make


def test_it_says_what_was_planned_when_and_why_it_ended(verdict):
    """Without secrets; nothing counts as judged."""
    made = verdict(4, "cannot reach http://ann:hush0815@host")
    assert (made.verdict, made.exit_code, made.run_id) == ("error", 4, "r1")
    assert list(made.planned) == [RULE.key]
    assert not made.judged
    assert made.environment["started"].startswith("2026-01-01")
    assert made.messages == ("cannot reach http://***@host",)


def test_it_is_published_to_the_output_that_was_asked_for(verdict, tmp_path):
    """Every surface says the same exit code."""
    path = publish_unfinished(verdict(4), str(tmp_path / "out"))
    assert path == tmp_path / "out"
    assert json.loads((path / "verdict.json").read_text())["exit_code"] == 4
    assert (path / "index.html").is_file()


def test_a_measured_report_stays(verdict, tmp_path):
    """A mistyped option must not remove what a run of hours left."""
    (tmp_path / "out" / "profile").mkdir(parents=True)
    (tmp_path / "out" / "verdict.json").write_text("{}")
    assert publish_unfinished(verdict(3), str(tmp_path / "out")) is None
    assert (tmp_path / "out" / "verdict.json").read_text() == "{}"


@pytest.mark.parametrize(("exit_code", "folders"), [(2, 0), (4, 0), (5, 0), (3, 1)])
def test_without_an_output_only_a_run_that_broke_leaves_a_folder(verdict, tmp_path, monkeypatch, exit_code, folders):
    """Below reports/."""
    monkeypatch.chdir(tmp_path)
    publish_unfinished(verdict(exit_code), None)
    assert len(list(tmp_path.glob("reports/*-no-verdict"))) == folders


def test_a_place_that_cannot_be_written_is_no_second_failure(verdict, tmp_path):
    """The exit code stands without the files."""
    (tmp_path / "file").write_text("")
    assert publish_unfinished(verdict(3), str(tmp_path / "file" / "out")) is None
