"""The alias moves forward by the gate, back only where a person says so, and every move is on record."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from explain_gate.errors import TrackingError
from explain_gate.judging.evidence import limits, upper_limit
from explain_gate.publishing.text.verdict_json import verdict_from_json, verdict_to_json
from explain_gate.records import Evidence
from explain_gate.tracking.alias import Move, moves_of, write_move
from explain_gate.tracking.outbox import deliver
from explain_gate.tracking.recorder import record
from explain_gate.tracking.store import Store
from explain_gate.tracking.submission import describe, is_full_pass

ALIAS = ("pets", "explain-approved")


@pytest.fixture
def gated(settings, gate_run):
    """Gates weights by name and records it: `gated("v1")`; one name is the same weights, each time in a new folder."""
    count = iter(range(100))

    def gate(name, *, allow=None, source=None, version=None, outbox=None, **changes):
        run = gate_run(f"{name}-{next(count)}", digest=name.encode().hex().ljust(64, "0"), **changes)
        environment = {**run.verdict.environment, "started_by": "ann"}
        model = {**run.verdict.model, **({"source": source, "version": version} if source else {})}
        verdict = replace(run.verdict, environment=environment, model=model)
        (run.folder / "verdict.json").write_text(verdict_to_json(verdict), encoding="utf-8")
        return record(verdict, run.profile, run.folder, replace(settings, alias_back=allow)), run.folder

    return gate


def holder(store):
    """The version that holds the alias, with its number as text."""
    version = store.get_model_version_by_alias(*ALIAS)
    return str(version.version), version


def told(folder):
    """The line of the move in a folder's verdict.json."""
    return json.loads((folder / "verdict.json").read_text(encoding="utf-8"))["promotion"]


def test_an_older_version_that_passes_does_not_take_the_alias(gated, settings, client):
    """Gating version 1 again after version 2 leaves the alias where it is, and says so with what a person can do."""
    gated("one")
    gated("two")
    recorded, folder = gated("one")
    assert holder(client(settings))[0] == "2"
    assert recorded.promoted is None
    assert "stays on version 2: 1 is an earlier version" in recorded.message
    assert '--allow-alias-back "the reason"' in recorded.message
    assert told(folder) is None


def test_a_registered_older_version_does_not_take_it_either(gated, settings, client):
    """Named by its number in the registry or found by its weights, an earlier version is an earlier version."""
    gated("one")
    gated("two")
    recorded, _ = gated("one", source="models:/pets/1", version="1")
    assert (holder(client(settings))[0], recorded.promoted) == ("2", None)


def test_it_moves_back_where_a_person_gives_a_reason(gated, settings, client):
    """The move is on record with who and why: on the version, in the run and in verdict.json."""
    gated("one")
    gated("two")
    recorded, folder = gated("one", allow="two misreads night pictures, see http://ann:s3cret@host/7")
    number, version = holder(client(settings))
    assert (number, recorded.promoted) == ("1", "1")
    first, back = moves_of(version.tags)
    assert (first.before, first.after) == (None, "1")
    assert (back.before, back.after, back.by) == ("2", "1", "ann")
    assert back.why == "moved back by a person: two misreads night pictures, see http://***@host/7"
    assert told(folder) == back.to_plain()
    assert "explain-approved moved from version 2 to version 1, moved back by a person" in recorded.message


def test_every_move_forward_is_on_record(gated, settings, client):
    """Who, when, why, from and to; in the MLflow run's own verdict.json too, which is a whole verdict."""
    gated("one")
    recorded, folder = gated("two")
    _, version = holder(client(settings))
    (move,) = moves_of(version.tags)
    assert (move.before, move.after, move.by, move.why) == ("1", "2", "ann", "full pass of the gate")
    assert told(folder) == move.to_plain()
    artifacts = Path(client(settings).get_run(recorded.run_id).info.artifact_uri.removeprefix("file://"))
    assert told(artifacts) == move.to_plain()
    verdict = verdict_from_json((artifacts / "verdict.json").read_text(encoding="utf-8"))
    assert verdict.promotion["to"] == "2"
    assert verdict.verdict == "passed"


def test_gating_the_holder_again_keeps_it(gated, settings, client):
    """No move, no record of one, and the alias stays also where the holder does not pass any more."""
    gated("one")
    again, folder = gated("one")
    blocked, _ = gated("one", passed=False)
    number, version = holder(client(settings))
    assert number == "1"
    assert len(moves_of(version.tags)) == 1
    assert told(folder) is None
    assert again.kept == "explain-approved is on version 1 already"
    assert blocked.kept == "the gate did not pass in full"


def test_a_move_that_was_interrupted_is_completed_once(gated, gate_run, settings, client, monkeypatch):
    """Killed between alias and mark, the next delivery writes the same record and no second one."""
    real = Store.call

    def breaks(self, function, *args, **kwargs):
        if function.__name__ == "set_tag":
            raise TrackingError("the store is away")
        return real(self, function, *args, **kwargs)

    monkeypatch.setattr(Store, "call", breaks)
    recorded, folder = gated("one")
    assert recorded.waiting is not None
    monkeypatch.setattr(Store, "call", real)
    (delivery,) = deliver(settings.outbox, settings)
    _, version = holder(client(settings))
    (move,) = moves_of(version.tags)
    assert delivery.delivered.move == move
    assert told(folder) == move.to_plain()


@pytest.mark.parametrize(
    ("changes", "full"),
    [
        ({}, True),
        ({"verdict": "failed", "exit_code": 1}, False),
        ({"exit_code": 3}, False),
        ({"failed_tests": ("checks/test_own.py::test_logo",)}, False),
        ({"judged": ()}, False),
        ({"planned": (), "judged": ()}, False),
        ({"planned": ("a", "b"), "judged": ("a", "a", "b")}, False),
    ],
)
def test_what_a_full_pass_is(gate_run, changes, full):
    """Every planned rule judged exactly once, none broken, no failing test of the team's own."""
    assert is_full_pass(replace(gate_run("v1").verdict, **changes)) is full


@pytest.mark.parametrize(
    ("status", "full"), [("passed", True), ("warned", True), ("waived", True), ("failed", False), ("unmeasured", False)]
)
def test_which_rows_hinder_a_full_pass(gate_run, status, full):
    """A failed and an unmeasured row do; a waived one is the team's decision."""
    verdict = gate_run("v1").verdict
    assert is_full_pass(replace(verdict, findings=(replace(verdict.findings[0], status=status),))) is full


@pytest.mark.parametrize(("yes", "allowed", "moves"), [(4, False, False), (4, True, True), (2, False, True)])
def test_the_alias_waits_for_rows_that_may_hide_what_they_must_catch(gate_run, settings, yes, allowed, moves):
    """An inconclusive row whose true share may be the one to catch holds the alias, unless the file allows it."""
    run = gate_run("v1")
    low, high = limits(yes, 20)
    counted = Evidence(
        question="are wrong", yes=yes, images=20, bound=0.05, must_catch=0.4, part=0.001, fails_from=6, finds=0.5,
        needed=20, limits=(low, high), upper=upper_limit(yes, 20), more=30,
    )  # fmt: skip
    row = replace(run.verdict.findings[0], status="inconclusive", cause="undecided", evidence=counted)
    verdict = replace(run.verdict, findings=(row,))
    asked = replace(settings, promote_inconclusive=allowed)
    submission = describe(verdict, run.profile, run.folder, asked, ended=1)
    assert is_full_pass(verdict)
    assert submission.full_pass is moves
    assert submission.held_back == ("" if moves else row.key)


def test_another_runs_verdict_is_left_alone(tmp_path):
    """A folder that holds another run by now, or none, gets no line; a file linked elsewhere stays as it was."""
    move = Move(model="pets", alias="a", before=None, after="1", by="ann", at="2026-11-26T01:00:00+00:00", why="x")
    mine, other = tmp_path / "mine", tmp_path / "other"
    for folder, seconds in ((mine, 1), (other, 2)):
        folder.mkdir()
        (folder / "verdict.json").write_text(json.dumps({"seconds": seconds}))
    (tmp_path / "link").hardlink_to(mine / "verdict.json")
    assert write_move(other, move, like=mine) is None
    assert write_move(tmp_path, move) is None
    assert told_nothing(other)
    assert write_move(mine, move, like=mine) == mine / "verdict.json"
    assert json.loads((tmp_path / "link").read_text()) == {"seconds": 1}
    assert sorted(path.name for path in mine.iterdir()) == ["verdict.json"]


def told_nothing(folder):
    """Whether a verdict.json has no line of a move."""
    return "promotion" not in json.loads((folder / "verdict.json").read_text())
