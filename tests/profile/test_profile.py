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
from explain_gate.judging.findings import select
from explain_gate.profile.audit import write_audit
from explain_gate.profile.profile import (
    ProfileWriter,
    load_maps,
    load_profile,
    load_regions,
    profile_digest,
    thumbnail_path,
    verify,
    write_tables,
)
from explain_gate.records import ImageRow, Measurement, Rule

THRESHOLDS = projects.THRESHOLDS.replace("accuracy: {{at_least: 0.9}}", "accuracy: {{at_least: 0.9, max_drop: 0.1}}")


GIVEN = """
import torch


def given(labels, batch):
    answers = torch.tensor([[torch.nan, 1.0] if label == 0 else [0.0, torch.nan] for label in labels.tolist()])
    batch.note("evidence", answers, about=torch.tensor([[0, 1]] * len(labels)))
    return torch.zeros(len(labels))
"""
"""What each image did when it was given something of the other class."""


@pytest.fixture
def measured_folder(tmp_path, write_project, measured):
    """The output folder of a real run without a reference."""
    write_project(tmp_path / "project", thresholds=THRESHOLDS)
    session = measured(bootstrap=True)
    session.finish(session.conclude())
    return tmp_path / "out"


@pytest.fixture
def folder(tmp_path):
    """An output folder with every kind of file that measuring writes, without the measuring."""
    images = [
        ImageRow(
            image=f"{row}.png", label=0, class_name="a", accepted=(0,), digest=f"{row:064x}", predicted=0,
            probability=0.9, region_area=0.2, region_reason=None,
        )
        for row in range(2)
    ]  # fmt: skip
    scores = Measurement(
        check="performance.accuracy", method=None, rows=np.arange(2), values=np.ones(2), reasons=(None, None)
    )
    manifest = {
        "model": {"source": "shop:build", "digest": "ab" * 32},
        "dataset": {"classes": ["a"], "height": 4, "width": 5},
        "methods": {"grad_cam": {}},
    }
    with ProfileWriter(tmp_path / "out" / "profile", count=2, height=4, width=5) as writer:
        writer.maps("grad_cam")[:] = 0.5
        writer.regions()[:] = 255
        for row in range(2):
            writer.thumbnail(row).write_bytes(b"a picture")
        writer.finish(images, [scores], manifest, also=write_audit)
    return tmp_path / "out"


def to_zeros(profile):
    """Rewrite scores.parquet with every score zero, as somebody would who wants a reference that is easily met."""
    path = profile / "scores.parquet"
    table = pq.read_table(path)
    position = table.column_names.index("value")
    pq.write_table(table.set_column(position, "value", [np.zeros(len(table))]), path)


def without_digests(profile):
    """As an earlier version wrote it."""
    manifest = json.loads((profile / "manifest.json").read_text())
    del manifest["files"]
    manifest["schema_version"] = 1
    (profile / "manifest.json").write_text(json.dumps(manifest))


def test_every_file_is_listed_and_compared(folder):
    """Tables, maps, regions, pictures, audit log: a flipped bit, a missing and an added file are each told by name."""
    profile = load_profile(folder)
    verify(profile)
    files = {path.relative_to(profile.folder).as_posix() for path in profile.folder.rglob("*") if path.is_file()}
    assert set(profile.manifest["files"]) == files - {"manifest.json"}
    assert {"scores.parquet", "images.parquet", "audit.parquet", "regions.npy", "maps/grad_cam.npy"} <= files
    for name in sorted(files - {"manifest.json"}):
        path = profile.folder / name
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(ReferenceError, match="is not the file that was measured") as caught:
            verify(profile)
        assert str(path) in str(caught.value)
        path.unlink()
        with pytest.raises(ReferenceError, match="is missing"):
            verify(profile)
        path.write_bytes(content)
    verify(profile)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("scores.parquet", lambda profile: load_profile(profile.folder)),
        ("images.parquet", lambda profile: load_profile(profile.folder)),
        ("maps/grad_cam.npy", lambda profile: load_maps(profile, "grad_cam")),
        ("regions.npy", load_regions),
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


def test_a_file_that_was_added_is_not_read(folder):
    """Maps of a method that the manifest does not list were not measured with it."""
    maps = folder / "profile" / "maps"
    shutil.copy(maps / "grad_cam.npy", maps / "occlusion.npy")
    with pytest.raises(ReferenceError, match="does not list it"):
        load_maps(load_profile(folder), "occlusion")


def test_scores_rewritten_to_zeros_are_no_reference(measured_folder, measured):
    """With every score of the reference at zero nothing could drop; the run refuses it before it measures."""
    to_zeros(measured_folder / "profile")
    with pytest.raises(ReferenceError, match=r"scores\.parquet: is not the file that was measured"):
        measured(reference=str(measured_folder), output=str(measured_folder.parent / "next"))


def test_a_folder_without_digests_is_told_as_unverified_and_no_reference_unless_measured_again(
    measured_folder, measured
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


def test_the_manifests_own_digest_stands_for_all(folder):
    """Rewriting a file and its digest gives another digest of the manifest, which a recorded run holds."""
    before = profile_digest(folder)
    to_zeros(folder / "profile")
    manifest = json.loads((folder / "profile" / "manifest.json").read_text())
    scores = replace(load_profile_unchecked(folder), folder=None)
    assert scores.measurement("performance.accuracy", None).values.sum() == 0
    assert profile_digest(folder) == before
    manifest["files"]["scores.parquet"] = "0" * 64
    (folder / "profile" / "manifest.json").write_text(json.dumps(manifest))
    assert profile_digest(folder) != before
    assert profile_digest(folder.parent) is None


def load_profile_unchecked(folder):
    """The same tables as a folder of an earlier version."""
    copy = folder.parent / "copy"
    shutil.copytree(folder / "profile", copy)
    without_digests(copy)
    return load_profile(copy)


def test_a_rewrite_that_is_cut_off_leaves_nothing_that_looks_whole(folder, monkeypatch):
    """Killed between the tables and the manifest, as drift is added after measuring: no manifest, so no profile."""

    def killed(*_):
        raise KeyboardInterrupt

    profile = load_profile(folder)
    monkeypatch.setattr("explain_gate.profile.profile._digests", killed)
    with pytest.raises(KeyboardInterrupt):
        write_tables(profile, profile.folder)
    with pytest.raises(ReferenceError, match=r"manifest\.json is missing"):
        load_profile(folder)


def test_values_about_another_class_are_kept_and_judged_with_it(tmp_path, write_project, measured):
    """What green pictures did that were given something of red stands under red, in the profile as it is read again."""
    checks = 'checks:\n  other:\n    "giving:given": {{at_most: 1}}\n'
    path = write_project(tmp_path / "project", thresholds=projects.THRESHOLDS.replace("checks:\n", checks))
    path.with_name("giving.py").write_text(GIVEN, encoding="utf-8")
    for run in ("first", "from the cache"):
        session = measured(output=str(tmp_path / run))
        session.finish(session.conclude())
        profile = load_profile(tmp_path / run)
        noted = profile.measurement("other.giving:given@evidence", "grad_cam")
        colours = [profile.images[row].class_name for row in noted.rows.tolist()]
        seen = set(zip(colours, noted.about.tolist(), noted.values.tolist(), strict=True))
        assert seen == {("red", 1, 1.0), ("green", 0, 0.0)}
        rule = Rule(check="other.giving:given", method="grad_cam", class_name="red", better="lower")
        rows, values, _ = select(profile, noted, rule)
        assert {profile.images[row].class_name for row in rows} == {"green"}
        assert set(values.tolist()) == {0.0}
        assert profile.measurement("performance.accuracy", None).about is None


def test_a_profile_of_before_there_were_such_values_is_read(folder):
    """A table without the newer columns means that every value is about its own image's class."""
    profile = folder / "profile"
    table = pq.read_table(profile / "scores.parquet")
    pq.write_table(table.drop_columns(["about"]), profile / "scores.parquet")
    without_digests(profile)
    assert all(one.about is None for one in load_profile(profile).measurements)
