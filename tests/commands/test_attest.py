"""A run's folder is attested and verified: what was changed is found, whoever changed the list with it."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files

import jsonschema
import pytest
from click.testing import CliRunner

from explain_gate.cli import main
from explain_gate.profile.sums import write_sums
from explain_gate.session.output import files_in, note_written
from explain_gate.tracking.alias import Move, write_move

SCHEMA = json.loads((files("explain_gate") / "schemas" / "attestation.schema.json").read_text(encoding="utf-8"))
MOVE = Move(model="pets", alias="ok", before=None, after="3", by="ann", at="2026-11-26T09:00:00+00:00", why="full pass")


@pytest.fixture
def folder(tmp_path):
    """The folder of a blocked run, as it was left."""
    place = tmp_path / "run"
    (place / "profile" / "maps").mkdir(parents=True)
    (place / "assets").mkdir()
    (place / "assets" / "a.png").write_bytes(b"png")
    (place / "index.html").write_text("<title>report</title>")
    (place / "profile" / "maps" / "grad_cam.npy").write_bytes(b"maps")
    digest = hashlib.sha256(b"maps").hexdigest()
    (place / "profile" / "manifest.json").write_text(json.dumps({"files": {"maps/grad_cam.npy": digest}}))
    verdict = {
        "schema_version": 2,
        "run_id": "r1",
        "verdict": "failed",
        "exit_code": 1,
        "model": {"name": "pets", "digest": "ab" * 32, "weights_sha256": "cd" * 32, "version": None},
        "reference": None,
        "dataset": {"digest": "ef" * 32, "images": 60},
        "config_digest": "01" * 32,
        "environment": {"started": "2026-11-26T08:00:00+01:00", "started_by": "ann", "git_commit": "1a2b3c"},
        "planned": ["alignment.iou[grad_cam]", "performance.accuracy[all]"],
        "findings": [
            {"check": "alignment.iou", "method": "grad_cam", "class": None, "status": "failed"},
            {"check": "performance.accuracy", "method": None, "class": None, "status": "passed"},
        ],
        "promotion": None,
    }
    (place / "verdict.json").write_text(json.dumps(verdict, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    note_written(place)
    return place


def call(*arguments):
    return CliRunner().invoke(main, [str(one) for one in arguments])


def test_what_a_run_left_holds(folder):
    """Exit 0, with how many files were compared."""
    result = call("verify", folder)
    assert (result.exit_code, result.output.splitlines()) == (0, ["5 files are as the run left them", "holds"])


@pytest.mark.parametrize("name", ["verdict.json", "index.html", "assets/a.png", "profile/maps/grad_cam.npy"])
@pytest.mark.parametrize("how", ["changed", "removed"])
def test_a_file_that_is_not_the_runs_is_named(folder, name, how):
    """Exit 1, whichever file it is."""
    if how == "removed" and name != "verdict.json":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    result = call("verify", folder)
    assert result.exit_code == 1
    assert f"{name}: is " in result.output
    assert call("attest", folder).exit_code == 1
    assert not (folder / "attestation.json").exists()


def test_the_statement_is_in_totos_and_says_what_was_judged(folder):
    """Weights, data, code, rules, verdict and profile by digest; the same bytes for the same run."""
    assert call("attest", folder).exit_code == 0
    text = (folder / "attestation.json").read_text(encoding="utf-8")
    statement = json.loads(text)
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(statement)) == []
    subjects = {one["name"]: one["digest"] for one in statement["subject"]}
    assert subjects["weights"] == {"sha256": "cd" * 32, "explainGateModel": "ab" * 32}
    assert subjects["dataset"] == {"explainGateDataset": "ef" * 32}
    assert (subjects["code"], subjects["rules"]) == ({"gitCommit": "1a2b3c"}, {"sha256": "01" * 32})
    assert statement["predicate"]["notPassed"] == ["alignment.iou[grad_cam]: failed"]
    assert set(statement["predicate"]["files"]) == {"assets/a.png", "index.html"}
    assert call("attest", folder, "--output", folder.parent / "again.json").exit_code == 0
    assert (folder.parent / "again.json").read_text(encoding="utf-8") == text
    result = call("verify", folder)
    assert result.exit_code == 0
    assert "it says: failed (exit code 1), model pets, started by ann on 2026-11-26" in result.output
    assert "bare statement" in result.output


@pytest.mark.parametrize("name", ["verdict.json", "index.html", "profile/manifest.json"])
def test_changing_the_list_with_the_file_does_not_help(folder, name):
    """SHA256SUMS agrees with the forged file; the statement does not."""
    call("attest", folder)
    path = folder / name
    path.write_text(path.read_text().replace("failed", "passed").replace("report", "forged") + "\n")
    write_sums(folder, files_in(folder) - {".written", "attestation.json"})
    result = call("verify", folder)
    assert result.exit_code == 1
    assert f"attestation.json: {name}: " in result.output


def test_the_move_of_the_alias_is_no_change_of_the_verdict(folder):
    """It is written into verdict.json after the run; whatever else is written with it is found."""
    call("attest", folder)
    write_move(folder, MOVE)
    assert call("verify", folder).exit_code == 0
    document = json.loads((folder / "verdict.json").read_text())
    (folder / "verdict.json").write_text(json.dumps({**document, "verdict": "passed"}, indent=2) + "\n")
    write_sums(folder, files_in(folder) - {".written", "attestation.json"})
    assert call("verify", folder).exit_code == 1


@pytest.mark.parametrize("form", ["envelope", "bundle", "lines"])
def test_envelopes_are_read(folder, form):
    """DSSE, a Sigstore bundle, and a file of envelopes."""
    call("attest", folder)
    payload = base64.b64encode((folder / "attestation.json").read_bytes()).decode()
    envelope = {"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": [{"sig": "c2ln"}]}
    text = {"envelope": envelope, "bundle": {"dsseEnvelope": envelope}, "lines": envelope}[form]
    signed = folder.parent / "signed"
    signed.write_text(json.dumps(text) + ("\n" + json.dumps(text) + "\n" if form == "lines" else ""))
    result = call("verify", folder, "--attestation", signed)
    assert result.exit_code == 0
    assert "carries 1 signature, not checked here" in result.output


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("no json", "must be an in-toto statement or an envelope of one"),
        ("[]", "must be an in-toto statement or an envelope of one"),
        ('{"payloadType": "text/plain", "payload": ""}', "its envelope must hold application/vnd.in-toto"),
        (
            '{"_type": "x", "predicateType": "https://slsa.dev/provenance/v1", "subject": [], "predicate": {}}',
            "got https://slsa.dev/provenance/v1",
        ),
    ],
)
def test_what_is_no_statement_of_ours_is_refused(folder, content, told):
    """Exit 4 with what it must be."""
    (folder.parent / "other").write_text(content)
    result = call("verify", folder, "--attestation", folder.parent / "other")
    assert result.exit_code == 4
    assert told in result.output


def test_another_runs_statement_differs(folder, tmp_path):
    """The digests of its subjects are not this run's."""
    call("attest", folder, "--output", tmp_path / "mine.json")
    document = json.loads((folder / "verdict.json").read_text())
    document["model"]["digest"] = "00" * 32
    (folder / "verdict.json").write_text(json.dumps(document, indent=2) + "\n")
    note_written(folder)
    result = call("verify", folder, "--attestation", tmp_path / "mine.json")
    assert result.exit_code == 1
    assert "weights: the statement is about explainGateModel abababababab, this run's is 000000000000" in result.output


def test_what_is_no_run_is_exit_4(tmp_path):
    """An empty folder, and one whose verdict is none."""
    assert call("verify", tmp_path).exit_code == 4
    (tmp_path / "verdict.json").write_text("{}")
    assert call("attest", tmp_path).exit_code == 4


def test_a_folder_of_an_earlier_version_says_what_is_not_checked(folder):
    """Its profile is compared; of the rest nobody wrote a digest down."""
    (folder / "SHA256SUMS").unlink()
    (folder / "notes").mkdir()
    (folder / "notes" / "mine.txt").write_text("mine")
    result = call("verify", folder)
    assert result.exit_code == 0
    assert (
        "not checked, this run wrote no digest of them: index.html, profile/manifest.json, verdict.json"
        in result.output
    )
    assert "nobody vouches for them: assets/a.png, notes/mine.txt" in result.output


def test_a_name_that_leads_out_of_the_folder_is_no_file_of_the_run(folder):
    """A forged list reads nothing elsewhere."""
    (folder.parent / "secret").write_text("secret")
    with (folder / "SHA256SUMS").open("a") as sums:
        sums.write(f"{'0' * 64}  ../secret\n")
    assert "../secret: leads out of the folder" in call("verify", folder).output
