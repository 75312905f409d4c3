"""Which method was best is kept beside the version, and its history shows it."""

from __future__ import annotations

import pytest

from explain_gate.commands.history import recorded_history
from explain_gate.errors import ReferenceError
from explain_gate.publishing.pages.history import render_history
from explain_gate.publishing.text.verdict_json import verdict_to_json
from explain_gate.records import Leader, Leaderboard
from explain_gate.tracking.history import history
from explain_gate.tracking.leaderboards import keep_leaderboard, leaderboard_of
from explain_gate.tracking.recorder import record

BOARD = Leaderboard(
    at="2026-11-26T08:00:00.000+00:00",
    leaders=(
        Leader(check="faithfulness.deletion_auc", methods=("occlusion",), mean=0.2, images=60),
        Leader(check="alignment.iou", methods=("grad_cam", "rise"), mean=0.5, images=60),
    ),
)


@pytest.fixture
def recorded(gate_run, settings):
    """A gate run in the store."""

    def make(name, **changes):
        run = gate_run(name, **changes)
        (run.folder / "verdict.json").write_text(verdict_to_json(run.verdict), encoding="utf-8")
        return record(run.verdict, run.profile, run.folder, settings), run.folder

    return make


def test_it_stands_beside_its_version_and_in_its_history(recorded, settings, client, tmp_path):
    """By the run's folder; the files go to the run, and the next version has none of it."""
    done, folder = recorded("v1", iou=0.5)
    recorded("v2", iou=0.6)
    file = tmp_path / "record.json"
    file.write_text("{}", encoding="utf-8")
    assert keep_leaderboard(BOARD, str(folder), (file,), settings) == "models:/pets/1"
    assert [run.leaderboard for run in history("pets", settings)] == [BOARD, None]
    names = [one.path for one in client(settings).list_artifacts(done.run_id, "study-methods")]
    assert names == ["study-methods/record.json"]
    first, second = recorded_history("pets", settings)
    (event,) = (event for event in first.events if event.kind == "methods")
    assert event.text == "best by faithfulness.deletion_auc: occlusion; alignment.iou: grad_cam, rise tie"
    assert not any(event.kind == "methods" for event in second.events)
    assert event.text in render_history("pets", [first, second])


def test_a_later_study_takes_its_place(recorded, settings):
    """One leaderboard a version."""
    recorded("v1")
    later = Leaderboard(at="2026-11-27T08:00:00.000+00:00", leaders=BOARD.leaders[:1])
    for board in (BOARD, later):
        keep_leaderboard(board, "models:/pets/1", (), settings)
    assert [run.leaderboard for run in history("pets", settings)] == [later]


def test_a_model_that_is_not_registered_has_it_beside_its_run(recorded, settings):
    """A blocked version may have been studied most."""
    done, _ = recorded("v1", passed=False)
    assert keep_leaderboard(BOARD, f"run:{done.run_id}", (), settings) == f"run {done.run_id}"
    assert history("pets", settings)[0].leaderboard == BOARD


def test_what_is_not_recorded_is_told(settings, tmp_path):
    """A folder without a profile, a version that there is not."""
    with pytest.raises(ReferenceError, match="is not in the registry"):
        keep_leaderboard(BOARD, "models:/pets/7", (), settings)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"at": "x", "leaders": [{"check": 1}]}'])
def test_a_tag_of_somebody_else_is_no_leaderboard(text):
    """It is left alone."""
    assert leaderboard_of({"explain_gate.methods": text}) is None
