"""Whatever a person writes for REF leads to the run and the version that were recorded, or says what is missing."""

from __future__ import annotations

import pytest

from explain_gate.errors import ReferenceError
from explain_gate.tracking.recorder import record
from explain_gate.tracking.store import connect
from explain_gate.tracking.versions import last_run, recorded_version, verdict_of


@pytest.fixture
def recorded(settings, gate_run):
    """A passed run that holds the alias, and the store that knows it."""
    run = gate_run("v1")
    record(run.verdict, run.profile, run.folder, settings)
    with connect(settings) as store:
        yield store, run


def test_every_way_to_name_a_version_leads_to_the_same_run(recorded):
    """A folder, its profile, a run, a version, an alias."""
    store, run = recorded
    by_folder = recorded_version(store, str(run.folder), model="pets")
    assert by_folder.named == "version 1 of pets"
    names = [str(run.folder / "profile"), f"run:{by_folder.run.info.run_id}", "models:/pets/1"]
    for ref in [*names, "models:/pets@explain-approved"]:
        version = recorded_version(store, ref, model="pets")
        assert (version.number, version.run.info.run_id) == ("1", by_folder.run.info.run_id), ref
        assert version.digest == run.verdict.model["digest"]
    assert last_run(store, by_folder).info.run_id == by_folder.run.info.run_id


def test_a_run_that_did_not_pass_has_no_version(settings, gate_run):
    """It is recorded and not registered."""
    run = gate_run("v2", passed=False)
    record(run.verdict, run.profile, run.folder, settings)
    with connect(settings) as store:
        version = recorded_version(store, str(run.folder), model="pets")
        assert version.number is None
        assert version.named.startswith("run ")


@pytest.mark.parametrize(
    ("ref", "told"),
    [
        ("models:/pets", "must be models:/NAME@ALIAS or models:/NAME/VERSION"),
        ("models:/pets/99", "is not in the registry"),
        ("run:../etc", "must be run:ID"),
        ("run:0123", "is not recorded at"),
        ("nowhere/at/all", "there is no such folder or file"),
    ],
)
def test_what_leads_nowhere_says_what_it_must_be(recorded, ref, told):
    """Each by its form."""
    store, _ = recorded
    with pytest.raises(ReferenceError, match=told):
        recorded_version(store, ref, model="pets")


def test_a_file_or_folder_that_was_never_gated_says_how_to(recorded, tmp_path):
    """Gate it, or send what waits."""
    store, _ = recorded
    (tmp_path / "weights.pt").write_bytes(b"weights")
    with pytest.raises(ReferenceError, match=r"no gate run of it is recorded in experiment pets .* explain-gate run"):
        recorded_version(store, str(tmp_path / "weights.pt"), model="pets")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReferenceError, match="there is no profile in it"):
        recorded_version(store, str(tmp_path / "empty"), model="pets")


@pytest.mark.parametrize("text", ['{"verdict": "passed"}', "{"])
def test_the_verdict_of_a_run_is_that_of_its_folder(settings, gate_run, text):
    """As it was recorded; damage is told, and not taken for a verdict."""
    run = gate_run("v1", passed=False)
    (run.folder / "verdict.json").write_text(text)
    record(run.verdict, run.profile, run.folder, settings)
    with connect(settings) as store:
        judged = recorded_version(store, str(run.folder), model="pets").run
        if text == "{":
            with pytest.raises(ReferenceError, match=r"damaged verdict\.json"):
                verdict_of(store, judged)
        else:
            assert verdict_of(store, judged)["verdict"] == "passed"
