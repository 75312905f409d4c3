"""REF to a profile: every form, and what is said where there is none."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from explain_gate.errors import ReferenceError
from explain_gate.profile.profile import load_profile, profile_digest
from explain_gate.profile.writer import write_tables
from explain_gate.records import Profile
from explain_gate.tracking.recorder import record
from explain_gate.tracking.references import CheckpointReference, resolve


def test_folders(settings, gate_run):
    """An output folder and its profile folder are the same reference, and need no store."""
    run = gate_run("v1", iou=0.6)
    for folder in (run.folder, run.folder / "profile"):
        profile = resolve(str(folder), replace(settings, uri="http://127.0.0.1:1"))
        assert profile.measurement("alignment.iou", "grad_cam").values[0] == 0.6


def test_checkpoint_is_measured_in_the_same_job(settings, tmp_path):
    """A file comes back as what is to be measured."""
    checkpoint = tmp_path / "v1.safetensors"
    checkpoint.write_bytes(b"")
    assert resolve(str(checkpoint), settings) == CheckpointReference(checkpoint=checkpoint)


@pytest.mark.parametrize("form", ["run:{run_id}", "models:/pets@explain-approved", "models:/pets/1"])
def test_recorded_run(settings, gate_run, form):
    """A run, an alias and a version lead to the profile that was recorded, though the folder is gone."""
    run = gate_run("v1", iou=0.6)
    recorded = record(run.verdict, run.profile, run.folder, settings)
    profile = resolve(form.format(run_id=recorded.run_id), settings)
    assert isinstance(profile, Profile)
    assert profile.measurement("alignment.iou", "grad_cam").values[0] == 0.6
    assert profile.folder != run.folder / "profile"


def test_alias_follows_the_promotion(settings, gate_run):
    """The approved reference is the last version that passed, not the last that was measured."""
    for name, passed, iou in (("v1", True, 0.5), ("v2", True, 0.6), ("v3", False, 0.2)):
        run = gate_run(name, passed=passed, iou=iou)
        record(run.verdict, run.profile, run.folder, settings)
    profile = resolve("models:/pets@explain-approved", settings)
    assert profile.measurement("alignment.iou", "grad_cam").values[0] == 0.6


@pytest.mark.parametrize(
    ("ref", "reason"),
    [
        ("reports/nothing", "no such folder or checkpoint"),
        ("run:0123456789abcdef0123456789abcdef", "is not at sqlite"),
        ("run:", "must be run:ID"),
        ("models:/pets@explain-approved", "not in the registry"),
        ("models:/pets/3", "not in the registry"),
        ("models:/pets", "must be models:/NAME@ALIAS"),
    ],
)
def test_missing_reference_names_the_command(settings, ref, reason):
    """Exit 4, what is missing, and as the last words a command that creates a reference."""
    with pytest.raises(ReferenceError, match=reason) as caught:
        resolve(ref, settings)
    assert caught.value.exit_code == 4
    assert ends_with_command(caught.value)


def test_unreachable_store_names_the_command(settings, free_port):
    """A server that is away is exit 4 as well, in seconds, without the password."""
    with pytest.raises(ReferenceError, match="cannot be reached") as caught:
        resolve("models:/pets@explain-approved", replace(settings, uri=f"http://a:s3cret@127.0.0.1:{free_port}"))
    assert ends_with_command(caught.value)
    assert "s3cret" not in str(caught.value)


def test_version_that_was_never_gated(settings, client):
    """A version without a gate run has no profile; the command gates that version."""
    store = client(settings)
    store.create_registered_model("pets")
    store.create_model_version("pets", "s3://bucket/pets")
    with pytest.raises(ReferenceError, match="never gated") as caught:
        resolve("models:/pets/1", settings)
    assert str(caught.value).endswith("--model models:/pets/1 --bootstrap")


def test_damaged_profile_names_the_command(settings, gate_run):
    """A folder that lost its tables is not a reference."""
    run = gate_run("v1")
    (run.folder / "profile" / "scores.parquet").unlink()
    with pytest.raises(ReferenceError, match=r"scores\.parquet") as caught:
        resolve(str(run.folder), settings)
    assert ends_with_command(caught.value)


def test_run_without_a_profile(settings, gate_run):
    """A recorded crash has nothing to compare with."""
    run = gate_run("v1", verdict="error", exit_code=3)
    for path in sorted((run.folder / "profile").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (run.folder / "profile").rmdir()
    recorded = record(run.verdict, None, run.folder, settings)
    with pytest.raises(ReferenceError, match="holds no profile"):
        resolve(f"run:{recorded.run_id}", settings)


def test_half_recorded_run_is_refused(settings, gate_run, client):
    """A run whose delivery was interrupted is not compared with in part."""
    run = gate_run("v1")
    recorded = record(run.verdict, run.profile, run.folder, settings)
    client(settings).update_run(recorded.run_id, status="RUNNING")
    with pytest.raises(ReferenceError, match="explain-gate publish"):
        resolve(f"run:{recorded.run_id}", settings)


def test_deleted_run_is_gone(settings, gate_run, client):
    """A run that somebody deleted is no reference any more."""
    run = gate_run("v1")
    recorded = record(run.verdict, run.profile, run.folder, settings)
    client(settings).delete_run(recorded.run_id)
    with pytest.raises(ReferenceError, match="is not at"):
        resolve(f"run:{recorded.run_id}", settings)


def ends_with_command(error: ReferenceError) -> bool:
    """Whether the last words can be typed."""
    return re.search(r"explain-gate run --config thresholds\.yaml( --?\S+( [^-\s]\S*)?)+$", str(error)) is not None


def test_a_recorded_profile_that_was_rewritten_is_refused(settings, gate_run, client):
    """Tables and manifest rewritten together agree with each other, and not with the digest that stands in the run."""
    run = gate_run("v1")
    recorded = record(run.verdict, run.profile, run.folder, settings)
    found = client(settings).get_run(recorded.run_id)
    assert found.data.tags["explain_gate.profile_digest"] == profile_digest(run.folder)
    folder = Path(found.info.artifact_uri.removeprefix("file://")) / "profile"
    honest = load_profile(folder)
    zeros = replace(honest.measurements[0], values=honest.measurements[0].values * 0)
    write_tables(replace(honest, measurements=(zeros,)), folder)
    load_profile(folder)
    with pytest.raises(ReferenceError, match="is not the profile of run") as caught:
        resolve("models:/pets@explain-approved", settings)
    assert ends_with_command(caught.value)


def test_a_run_without_the_digest_is_unverified(settings, gate_run, client):
    """What an earlier version recorded is read, and says that nobody can tell."""
    run = gate_run("v1")
    recorded = record(run.verdict, run.profile, run.folder, settings)
    client(settings).delete_tag(recorded.run_id, "explain_gate.profile_digest")
    assert resolve(f"run:{recorded.run_id}", settings).unverified
