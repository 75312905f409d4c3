"""What was measured of each image, written to tables and read back."""

from dataclasses import replace

import numpy as np
import projects
import pyarrow.parquet as pq

from explain_gate.judging.findings import select
from explain_gate.profile.profile import load_profile
from explain_gate.profile.tables import images_table, read_images, read_scores, scores_table
from explain_gate.records import Measurement, Rule

GIVEN = """
import torch


def given(labels, batch):
    answers = torch.tensor([[torch.nan, 1.0] if label == 0 else [0.0, torch.nan] for label in labels.tolist()])
    batch.note("evidence", answers, about=torch.tensor([[0, 1]] * len(labels)))
    return torch.zeros(len(labels))
"""
"""What each image did when it was given something of the other class."""


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


def test_a_profile_of_before_there_were_such_values_is_read(folder, without_digests):
    """A table without the newer columns means that every value is about its own image's class."""
    profile = folder / "profile"
    table = pq.read_table(profile / "scores.parquet")
    pq.write_table(table.drop_columns(["about"]), profile / "scores.parquet")
    without_digests(profile)
    assert all(one.about is None for one in load_profile(profile).measurements)


def test_tables_give_back_what_was_measured_to_the_bit(tmp_path, folder):
    """Values, reasons, what was not applicable and what a value is about; nothing is rounded."""
    images = load_profile(folder).images
    written = [
        Measurement(
            check="alignment.iou",
            method="grad_cam",
            rows=np.array([1, 0]),
            values=np.array([1 / 3, np.nan]),
            reasons=(None, "the region fills the frame"),
            not_applicable=np.array([False, True]),
        ),
        Measurement(
            check="reliance.follow",
            method=None,
            rows=np.array([0, 1]),
            values=np.array([1e-300, 1.0]),
            reasons=(None, None),
            about=np.array([1, 0]),
        ),
    ]
    profile = replace(load_profile(folder), measurements=tuple(written))
    pq.write_table(scores_table(profile), tmp_path / "scores.parquet")
    pq.write_table(images_table(images), tmp_path / "images.parquet")
    assert read_images(tmp_path / "images.parquet") == images
    for was, now in zip(written, read_scores(tmp_path / "scores.parquet", images), strict=True):
        assert (was.check, was.method, was.reasons) == (now.check, now.method, now.reasons)
        for name in ("rows", "values", "about", "not_applicable"):
            np.testing.assert_array_equal(getattr(was, name), getattr(now, name))


def test_nothing_measured_is_a_table_without_rows(tmp_path, folder):
    """Not a missing file, and not an error."""
    profile = replace(load_profile(folder), measurements=())
    pq.write_table(scores_table(profile), tmp_path / "scores.parquet")
    assert read_scores(tmp_path / "scores.parquet", profile.images) == ()
