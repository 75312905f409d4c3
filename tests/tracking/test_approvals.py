"""A person moves the alias, also back: by name and reason, on record, with two names where the file asks for them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from explain_gate.commands.attest import attest
from explain_gate.errors import OptionError, ReferenceError, TrackingError
from explain_gate.publishing.text.verdict_json import verdict_to_json
from explain_gate.session.output import note_written
from explain_gate.tracking.alias import moves_of
from explain_gate.tracking.approvals import approvals_of, approve, objections
from explain_gate.tracking.recorder import record
from explain_gate.tracking.store import Store

ALIAS = ("pets", "explain-approved")


@pytest.fixture
def gated(settings, gate_run):
    """Gates weights by name and records it: `gated("one", passed=False)`; returns the record and the folder."""
    count = iter(range(100))

    def gate(name, *, using=settings, model=None, **changes):
        run = gate_run(f"{name}-{next(count)}", digest=name.encode().hex().ljust(64, "0"), **changes)
        sha = hashlib.sha256(Path(run.verdict.model["checkpoint"]).read_bytes()).hexdigest()
        verdict = replace(run.verdict, model={**run.verdict.model, "weights_sha256": sha, **(model or {})})
        (run.folder / "verdict.json").write_text(verdict_to_json(verdict), encoding="utf-8")
        return record(verdict, run.profile, run.folder, using), run.folder

    return gate


def holder(store):
    """The number of the version that holds the alias, None for none, and its tags."""
    aliases = store.get_registered_model("pets").aliases
    if ALIAS[1] not in aliases:
        return None, {}
    version = store.get_model_version_by_alias(*ALIAS)
    return str(version.version), version.tags


def test_a_person_moves_it_back_and_the_gate_leaves_it_there(gated, settings, client):
    """From, to, who, when and why are on the version; gating the later version again does not undo a decision."""
    gated("one")
    gated("two")
    done = approve("models:/pets/1", settings, by="ann", reason="two misreads night pictures, http://u:pw1234@h/7")
    number, tags = holder(client(settings))
    move = moves_of(tags)[-1]
    assert number == "1"
    assert (move.before, move.after, move.by) == ("2", "1", "ann")
    assert move.why == "approved by a person: two misreads night pictures, http://***@h/7"
    assert done.move == move
    assert abs(datetime.fromisoformat(move.at) - datetime.now(UTC)) < timedelta(minutes=1)
    again, _ = gated("two")
    assert holder(client(settings))[0] == "1"
    assert "ann moved it back from version 2 on" in again.kept
    assert "explain-gate approve models:/pets/2" in again.kept
    gated("three")
    assert holder(client(settings))[0] == "3"


@pytest.mark.parametrize("form", ["folder", "profile", "run", "version", "file"])
def test_every_form_of_ref_names_the_version(gated, settings, client, form):
    """A run's folder, its profile, the run, the registered version and the checkpoint file that was judged."""
    recorded, folder = gated("one", iou=0.5)
    gated("two", iou=0.6)
    ref = {
        "folder": str(folder),
        "profile": str(folder / "profile"),
        "run": f"run:{recorded.run_id}",
        "version": "models:/pets/1",
        "file": str(folder.parents[1] / "one-0.safetensors"),
    }[form]
    approve(ref, settings, by="ann", reason="back")
    assert holder(client(settings))[0] == "1"


def test_the_gates_own_files_stay_as_they_are(gated, settings):
    """verdict.json is the gate's word; the move is on the version."""
    _, folder = gated("one")
    gated("two")
    before = (folder / "verdict.json").read_bytes()
    approve(str(folder), settings, by="ann", reason="back")
    assert (folder / "verdict.json").read_bytes() == before


def test_what_did_not_pass_takes_a_word_more(gated, settings, client):
    """A blocked version is refused with what blocked it; with a word more it is registered, and that is kept."""
    gated("one")
    recorded, _ = gated("bad", passed=False, iou=0.2)
    ref = f"run:{recorded.run_id}"
    with pytest.raises(OptionError, match=r"was blocked: alignment.iou failed. To approve it all the same.*--despite"):
        approve(ref, settings, by="ann", reason="the mask is wrong")
    assert len(client(settings).search_model_versions("name = 'pets'")) == 1
    done = approve(ref, settings, by="ann", reason="the mask is wrong", despite=True)
    number, tags = holder(client(settings))
    assert (number, done.approval.despite) == ("2", "was blocked: alignment.iou failed")
    assert done.move.why == ("approved by a person although it was blocked: alignment.iou failed: the mask is wrong")
    assert tags["explain_gate.verdict"] == "failed"
    uri = client(settings).get_model_version_download_uri("pets", "2")
    assert (Path(uri.removeprefix("file://")) / "bad-1.safetensors").read_bytes() == b"bad-1"


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"verdict": "passed", "planned": ["a"], "judged": ["a"]}, []),
        ({"verdict": "passed", "selection": "full", "planned": ["a"], "judged": ["a"]}, []),
        ({"verdict": "passed", "selection": "quick", "planned": ["a"], "judged": ["a"]}, ["a part of the rules only"]),
        ({"verdict": "passed", "planned": ["a", "b"], "judged": ["a"]}, ["lacks results of planned rules: b"]),
        ({"verdict": "error", "planned": [], "judged": []}, ["has no verdict"]),
        ({}, ["has no verdict.json on record"]),
    ],
)
def test_what_speaks_against_a_version(document, told):
    """Anything but a full pass of the whole plan."""
    assert len(objections(document)) == len(told)
    assert all(part in one for part, one in zip(told, objections(document), strict=True))


def test_a_version_that_was_judged_again_and_blocked_is_refused(gated, settings):
    """The folder of an old pass does not approve what the gate blocked since."""
    _, folder = gated("one")
    later, _ = gated("one", passed=False, iou=0.2)
    with pytest.raises(OptionError, match=f"in its later run {later.run_id} was blocked"):
        approve(str(folder), settings, by="ann", reason="it was fine")


def test_a_version_that_was_never_gated_is_refused(settings, client):
    """A number in the registry is no verdict."""
    store = client(settings)
    store.create_registered_model("pets")
    store.create_model_version("pets", "s3://bucket/pets")
    with pytest.raises(OptionError, match="was never gated"):
        approve("models:/pets/1", settings, by="ann", reason="trust me")
    approve("models:/pets/1", settings, by="ann", reason="trust me", despite=True)
    assert holder(store)[0] == "1"


def test_four_eyes_need_two_names(gated, settings, client):
    """The gate leaves the alias, the first approval waits, the same name does not count twice, the second moves it."""
    strict = replace(settings, four_eyes=True)
    recorded, _ = gated("one", using=strict)
    assert recorded.promoted is None
    assert "two people move it" in recorded.kept
    assert "explain-gate approve models:/pets/1" in recorded.kept
    first = approve("models:/pets/1", strict, by="Ann  Lee", reason="maps are on the dog")
    assert (first.move, holder(client(settings))[0]) == (None, None)
    assert first.told.endswith("moves when a second person approves it")
    with pytest.raises(OptionError, match="ann lee has approved version 1 already"):
        approve("models:/pets/1", strict, by="ann lee", reason="once more")
    second = approve("models:/pets/1", strict, by="bob", reason="agreed")
    number, tags = holder(client(settings))
    assert (number, second.move.by) == ("1", "Ann Lee and bob")
    assert second.move.why == "approved by a person: Ann Lee: maps are on the dog; bob: agreed"
    assert [one.by for one in approvals_of(tags)] == ["Ann Lee", "bob"]
    assert moves_of(tags) == (second.move,)


def test_approvals_of_before_the_last_move_do_not_count(gated, settings, client):
    """Going back is a decision of its own: two names again."""
    strict = replace(settings, four_eyes=True)
    for name, number in (("one", 1), ("two", 2)):
        gated(name, using=strict)
        for person in ("ann", "bob"):
            approve(f"models:/pets/{number}", strict, by=person, reason="good")
    assert approve("models:/pets/1", strict, by="ann", reason="back").move is None
    assert holder(client(settings))[0] == "2"
    assert approve("models:/pets/1", strict, by="bob", reason="back").move.before == "2"


def test_an_approval_that_has_expired_is_no_second_name(gated, settings):
    """It counts on its last day and not on the next."""
    strict = replace(settings, four_eyes=True)
    gated("one", using=strict)
    noon = datetime(2026, 11, 1, 12, tzinfo=UTC)
    approve("models:/pets/1", strict, by="ann", reason="good", expires="2026-11-20", now=noon)
    late = approve("models:/pets/1", strict, by="bob", reason="good", now=noon + timedelta(days=20))
    assert late.move is None
    assert approve("models:/pets/1", strict, by="cy", reason="good", now=noon + timedelta(days=20)).move is not None


def test_approving_the_holder_renews_its_approval(gated, settings, client):
    """Nothing moves, and the later last day is on record."""
    gated("one")
    done = approve("models:/pets@explain-approved", settings, by="ann", reason="still good", expires="2099-01-31")
    _, tags = holder(client(settings))
    assert done.move is None
    assert [one.expires for one in approvals_of(tags)] == ["2099-01-31"]
    assert len(moves_of(tags)) == 1


def test_an_interrupted_move_is_completed_by_the_next_call(gated, settings, client, monkeypatch):
    """Killed between record and alias, the same command again moves it, under four eyes too."""
    strict = replace(settings, four_eyes=True)
    gated("one", using=strict)
    approve("models:/pets/1", strict, by="ann", reason="good")
    real = Store.call

    def breaks(self, function, *args, **kwargs):
        if function.__name__ == "set_registered_model_alias":
            raise TrackingError("the store is away")
        return real(self, function, *args, **kwargs)

    monkeypatch.setattr(Store, "call", breaks)
    with pytest.raises(TrackingError):
        approve("models:/pets/1", strict, by="bob", reason="good")
    monkeypatch.setattr(Store, "call", real)
    assert holder(client(settings))[0] is None
    approve("models:/pets/1", strict, by="bob", reason="good")
    assert holder(client(settings))[0] == "1"


@pytest.mark.parametrize(
    ("ref", "changes", "told"),
    [
        ("models:/pets/1", {"by": "  "}, "--by must have 1 to 100 characters, got 0"),
        ("models:/pets/1", {"reason": "x" * 1001}, "--reason must have 1 to 1000 characters, got 1001"),
        ("models:/pets/1", {"expires": "2020-01-01"}, "--expires must be today or later"),
        ("models:/cars/1", {}, "the alias explain-approved belongs to pets"),
    ],
)
def test_what_cannot_be_approved_is_told(gated, settings, client, ref, changes, told):
    """One sentence with what to write."""
    gated("one")
    client(settings).create_registered_model("cars")
    client(settings).create_model_version("cars", "s3://bucket/cars")
    with pytest.raises(OptionError, match=told):
        approve(ref, settings, **{"by": "ann", "reason": "good", **changes})


@pytest.mark.parametrize(
    ("ref", "told"),
    [
        ("models:/pets/7", "is not in the registry"),
        ("models:/pets", "must be models:/NAME@ALIAS or models:/NAME/VERSION"),
        ("run:0123", "is not recorded at"),
        ("nowhere", "there is no such folder or file"),
    ],
)
def test_a_ref_that_names_nothing_is_told(settings, ref, told):
    """Nothing is written for it."""
    with pytest.raises(ReferenceError, match=told):
        approve(ref, settings, by="ann", reason="good")


def test_a_run_that_waits_in_the_outbox_is_sent_first(settings, gate_run):
    """What the store does not know cannot be approved; the message names the command."""
    run = gate_run("v1")
    with pytest.raises(ReferenceError, match=r"no gate run of it is recorded.*explain-gate publish"):
        approve(str(run.folder), settings, by="ann", reason="good")


def test_without_an_alias_in_the_file_there_is_nothing_to_move(settings):
    """thresholds.yaml names it."""
    with pytest.raises(OptionError, match=r"write tracking: \{promote: \{model: NAME, alias: ALIAS\}\}"):
        approve("models:/pets/1", replace(settings, promote=None), by="ann", reason="good")


def vouched_for(folder):
    """Attest a run's folder, as its user would."""
    note_written(folder)
    assert attest(folder, None, say=lambda _: None) == 0


def test_where_an_attestation_is_demanded_the_gate_moves_nothing_itself(gated, settings, client):
    """A full pass registers the version and says what a person does; the statement moves it, and is on record."""
    demanding = replace(settings, require_attestation=True)
    recorded, folder = gated("one", using=demanding)
    assert holder(client(settings))[0] is None
    assert (
        "a person moves it, to a version whose run is attested (tracking.promote.require_attestation)" in recorded.kept
    )
    assert "explain-gate attest" in recorded.kept
    vouched_for(folder)
    done = approve(str(folder), demanding, by="ann", reason="signed")
    number, tags = holder(client(settings))
    assert number == "1"
    assert moves_of(tags)[-1].why.endswith(f"signed (attested: {done.approval.attested})")
    assert done.approval.attested.endswith("signature not checked")


def test_without_the_statement_nothing_is_recorded(gated, settings, client):
    """Neither by the folder, nor by the version's number, nor with a word more."""
    demanding = replace(settings, require_attestation=True)
    _, folder = gated("one", using=demanding)
    note_written(folder)
    for ref in (str(folder), "models:/pets/1"):
        with pytest.raises(OptionError, match="require_attestation"):
            approve(ref, demanding, by="ann", reason="trust me", despite=True)
    vouched_for(folder)
    (folder / "index.html").write_text("all green", encoding="utf-8")
    with pytest.raises(OptionError, match="cannot be vouched for"):
        approve(str(folder), demanding, by="ann", reason="trust me")
    assert holder(client(settings))[0] is None
    assert approvals_of(client(settings).get_model_version("pets", "1").tags) == ()


def test_an_approval_from_before_the_demand_is_no_second_name(gated, settings, client):
    """Both of two people have looked at an attested run."""
    strict = replace(settings, four_eyes=True)
    demanding = replace(strict, require_attestation=True)
    _, folder = gated("one", using=strict)
    approve(str(folder), strict, by="ann", reason="looked at it")
    vouched_for(folder)
    approve(str(folder), demanding, by="bob", reason="signed")
    assert holder(client(settings))[0] is None
    approve(str(folder), demanding, by="ann", reason="signed")
    assert holder(client(settings))[0] == "1"
