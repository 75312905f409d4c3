"""The audit log says, per image and method, what went in, what came out, and of which model."""

import datetime as dt
import hashlib
import json

import numpy as np
import pytest

from explain_gate.errors import ReferenceError
from explain_gate.profile.audit import SCHEMA, map_digest, read_audit, write_audit
from explain_gate.profile.profile import load_profile
from explain_gate.profile.writer import ProfileWriter, write_tables
from explain_gate.records import ImageRow, Measurement, Profile


@pytest.fixture
def profile(tmp_path):
    """Three images by one method; the second has no map."""
    images = [
        ImageRow(
            image=f"{row}.png", label=row % 2, class_name="ab"[row % 2], accepted=(row % 2,), digest=f"{row:064x}",
            predicted=0, probability=0.9, region_area=0.2, region_reason=None,
        )
        for row in range(3)
    ]  # fmt: skip
    scores = Measurement(
        check="alignment.iou", method="occlusion", rows=np.arange(3), values=np.array([0.5, np.nan, 0.5]),
        reasons=(None, "the map is flat", None),
    )  # fmt: skip
    manifest = {
        "model": {"source": "shop:build", "digest": "ab" * 32, "version": "14"},
        "dataset": {"classes": ["a", "b"], "height": 4, "width": 5},
        "methods": {"occlusion": {"window": 3, "stride": 1}},
    }
    with ProfileWriter(tmp_path, count=3, height=4, width=5) as writer:
        maps = writer.maps("occlusion")
        maps[0] = np.linspace(-0.5, 1, 20).reshape(4, 5)
        maps[2] = 0.25
        maps[2, 1, 3] = 1
        return writer.finish(images, [scores], manifest)


def test_one_row_per_image_and_method(profile):
    """Every column of the schema is filled, and comes back as it was written."""
    write_audit(profile)
    write_tables(profile, profile.folder)
    table = read_audit(load_profile(profile.folder))
    assert table.schema.equals(SCHEMA)
    first, second, third = table.to_pylist()
    assert (first["image"], first["input_digest"]) == ("0.png", f"{0:064x}")
    assert json.loads(first["settings"]) == {"stride": 1, "window": 3}
    assert (second["target"], second["target_class"], second["predicted"]) == (1, "b", 0)
    assert {row["model_digest"] for row in (first, second, third)} == {"ab" * 32}
    assert first["model_version"] == "14"
    assert abs(first["time"] - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
    assert (third["peak_row"], third["peak_column"]) == (1, 3)
    assert first["map_minimum"] == pytest.approx(-0.5)
    assert 0 < first["map_positive_share"] < 1 == third["map_positive_share"]


def test_a_map_that_is_missing_has_a_reason_and_no_numbers(profile):
    """What could not be measured is on the record too."""
    write_audit(profile)
    row = read_audit(write_tables(profile, profile.folder)).to_pylist()[1]
    assert row["reason"] == "the map is flat"
    assert row["map_digest"] is None
    assert row["map_maximum"] is None


def test_the_digest_is_that_of_the_kept_bytes(profile):
    """An auditor can repeat it with nothing but the map's file; one bit changes it."""
    kept = np.load(profile.folder / "maps" / "occlusion.npy")[0]
    by_hand = hashlib.sha256((4).to_bytes(8, "little") + (5).to_bytes(8, "little") + kept.tobytes()).hexdigest()
    assert map_digest(kept) == by_hand
    kept.view(np.uint16)[0, 0] ^= 1
    assert map_digest(kept) != by_hand


def test_a_profile_without_methods_has_an_empty_log(profile):
    """A gate on behaviour alone leaves a log without rows."""
    bare = Profile(manifest={**profile.manifest, "methods": {}}, images=profile.images, measurements=(),
                   folder=profile.folder)  # fmt: skip
    write_audit(bare)
    assert read_audit(write_tables(bare, profile.folder)).num_rows == 0


def test_a_missing_log_is_told(profile):
    """Profiles of earlier versions have none."""
    with pytest.raises(ReferenceError, match=r"audit\.parquet: missing or damaged"):
        read_audit(profile)


def test_measuring_leaves_a_log(tmp_path, write_project):
    """A measured profile holds one row per image and method."""
    from explain_gate.measuring.job import measure

    found = measure(write_project(tmp_path / "p"), folder=tmp_path / "profile")
    rows = read_audit(found).to_pylist()
    assert len(rows) == len(found.images)
    assert {row["method"] for row in rows} == {"grad_cam"}
    assert all(row["map_digest"] for row in rows)
    assert rows[0]["input_digest"] == found.images[0].digest
