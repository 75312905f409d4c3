"""A profile that is read is the one that was measured: every file is compared with its digest."""

import json
import shutil
from dataclasses import replace

import numpy as np
import projects
import pyarrow.parquet as pq
import pytest

from explain_gate.comparing.profiles import compare_profiles
from explain_gate.errors import ReferenceError
from explain_gate.profile.profile import (
    load_maps,
    load_profile,
    load_regions,
    load_strengths,
    profile_digest,
    thumbnail_path,
)

THRESHOLDS = projects.THRESHOLDS.replace("accuracy: {{at_least: 0.9}}", "accuracy: {{at_least: 0.9, max_drop: 0.1}}")


@pytest.fixture
def measured_folder(tmp_path, write_project, measured):
    """The output folder of a real run without a reference."""
    write_project(tmp_path / "project", thresholds=THRESHOLDS)
    session = measured(bootstrap=True)
    session.finish(session.conclude())
    return tmp_path / "out"


def to_zeros(profile):
    """Rewrite scores.parquet with every score zero, as somebody would who wants a reference that is easily met."""
    path = profile / "scores.parquet"
    table = pq.read_table(path)
    position = table.column_names.index("value")
    pq.write_table(table.set_column(position, "value", [np.zeros(len(table))]), path)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("scores.parquet", lambda profile: load_profile(profile.folder)),
        ("images.parquet", lambda profile: load_profile(profile.folder)),
        ("maps/grad_cam.npy", lambda profile: load_maps(profile, "grad_cam")),
        ("regions.npy", load_regions),
        ("strengths.npy", load_strengths),
        ("thumbnails/000000.jpg", lambda profile: thumbnail_path(profile, 0)),
    ],
)
def test_nothing_changed_is_ever_read(folder, name, read):
    """Whoever reads a file of a profile reads what was measured, or an error."""
    profile = load_profile(folder)
    read(profile)
    path = profile.folder / name
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ReferenceError, match="is not the file that was measured"):
        read(profile)


def test_scores_rewritten_to_zeros_are_no_reference(measured_folder, measured):
    """With every score of the reference at zero nothing could drop; the run refuses it before it measures."""
    to_zeros(measured_folder / "profile")
    with pytest.raises(ReferenceError, match=r"scores\.parquet: is not the file that was measured"):
        measured(reference=str(measured_folder), output=str(measured_folder.parent / "next"))


def test_a_folder_without_digests_is_told_as_unverified_and_no_reference_unless_measured_again(
    measured_folder, measured, without_digests
):
    """It can be read and compared, which says so; `run` takes it only as a checkpoint to measure anew."""
    verified = load_profile(measured_folder)
    assert verified.unverified is None
    without_digests(measured_folder / "profile")
    old = load_profile(measured_folder)
    assert "before profiles held the digests" in old.unverified
    facts = {name: (was, now) for name, was, now in compare_profiles(old, verified).facts}
    assert facts["unverified"] == (old.unverified, "")
    to_zeros(measured_folder / "profile")
    options = {"reference": str(measured_folder), "output": str(measured_folder.parent / "next")}
    with pytest.raises(ReferenceError, match="its numbers are unverified") as caught:
        measured(**options)
    assert "--reference-mismatch remeasure" in str(caught.value)
    session = measured(**options, reference_mismatch="remeasure")
    finding = session.findings["performance.accuracy[all]"]
    assert (finding.status, finding.reference_value) == ("passed", 1.0)


def test_the_manifests_own_digest_stands_for_all(folder, without_digests):
    """Rewriting a file and its digest gives another digest of the manifest, which a recorded run holds."""
    before = profile_digest(folder)
    to_zeros(folder / "profile")
    manifest = json.loads((folder / "profile" / "manifest.json").read_text())
    scores = replace(load_profile_unchecked(folder, without_digests), folder=None)
    assert scores.measurement("performance.accuracy", None).values.sum() == 0
    assert profile_digest(folder) == before
    manifest["files"]["scores.parquet"] = "0" * 64
    (folder / "profile" / "manifest.json").write_text(json.dumps(manifest))
    assert profile_digest(folder) != before
    assert profile_digest(folder.parent) is None


def load_profile_unchecked(folder, without_digests):
    """The same tables as a folder of an earlier version."""
    copy = folder.parent / "copy"
    shutil.copytree(folder / "profile", copy)
    without_digests(copy)
    return load_profile(copy)
