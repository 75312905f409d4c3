"""A run that moves the alias only with a statement about exactly its files, signed as the team says."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from explain_gate.commands.attest import attest
from explain_gate.errors import OptionError
from explain_gate.publishing.text.verdict_json import verdict_to_json
from explain_gate.session.output import note_written
from explain_gate.tracking.attested import attested

SIGNED = (sys.executable, "-c", "import sys; sys.exit(0 if open(sys.argv[1]).read() else 1)", "{attestation}")
REFUSED = (sys.executable, "-c", "import sys; sys.exit('no matching signatures')", "{attestation}")


@pytest.fixture
def run(gate_run):
    """A finished folder, attested, and its verdict as it is on record."""
    finished = gate_run("v1")
    folder = finished.folder
    (folder / "verdict.json").write_text(verdict_to_json(finished.verdict), encoding="utf-8")
    note_written(folder)
    assert attest(folder, None, say=lambda _: None) == 0
    return folder, json.loads((folder / "verdict.json").read_text(encoding="utf-8"))


def test_what_vouches_is_told(run, settings):
    """The statement by its digest, and whether anybody checked its signature."""
    folder, on_record = run
    told = attested(str(folder), settings, on_record)
    assert told.startswith("statement ")
    assert told.endswith(", signature not checked")
    signed = replace(settings, verify_signature=SIGNED)
    assert attested(str(folder), signed, on_record).endswith(f", signature checked by {SIGNED[0].rsplit('/')[-1]}")


def test_the_moved_alias_breaks_nothing(run, settings):
    """Its line is the one thing that is added to a verdict."""
    folder, on_record = run
    assert attested(str(folder), settings, {**on_record, "promotion": {"to": "3"}})


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (REFUSED, r"says that its signature does not hold \(exit code 1\): no matching signatures"),
        (("no-such-signer", "{attestation}"), "its signature cannot be checked by no-such-signer"),
    ],
)
def test_a_signature_that_does_not_hold_refuses(run, settings, command, told):
    """So does a signer that is not there."""
    folder, on_record = run
    with pytest.raises(OptionError, match=told):
        attested(str(folder), replace(settings, verify_signature=command), on_record)


def _change_a_file(folder):
    (folder / "index.html").write_text("better", encoding="utf-8")


def _change_a_file_and_its_digest(folder):
    _change_a_file(folder)
    note_written(folder)


def _no_statement(folder):
    (folder / "attestation.json").unlink()


def _no_digests(folder):
    (folder / "SHA256SUMS").unlink()


def _half_a_statement(folder):
    path = folder / "attestation.json"
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_change_a_file, "cannot be vouched for .*index.html: is not the file of this run"),
        (_change_a_file_and_its_digest, "is not about this run .*index.html: is not the file that was attested"),
        (_no_statement, "has no attestation.json .*explain-gate attest"),
        (_no_digests, "cannot be vouched for .*nobody wrote down the digest of"),
        (_half_a_statement, "must be an in-toto statement"),
    ],
)
def test_whatever_is_missing_or_different_refuses(run, settings, change, told):
    """Each with what is wrong."""
    folder, on_record = run
    change(folder)
    with pytest.raises(OptionError, match=told):
        attested(str(folder), settings, on_record)


def test_a_verdict_that_is_not_the_one_on_record_refuses(run, settings):
    """Although all its digests hold."""
    folder, on_record = run
    with pytest.raises(OptionError, match=r"its verdict\.json is not the one on record"):
        attested(str(folder), settings, {**on_record, "exit_code": 1})


@pytest.mark.parametrize("ref", ["run:0123", "models:/pets/1", "weights.safetensors"])
def test_nothing_but_a_folder_can_be_vouched_for(ref, settings):
    """It says where to get one."""
    with pytest.raises(OptionError, match=r"must be a run's output folder with its attestation\.json"):
        attested(ref, settings, {})
