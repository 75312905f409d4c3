"""What the records of measuring answer: whether a model is right, whether two versions differ."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explain_gate.records import ImageRow, Measurement, Profile, Sample


def row(**known) -> ImageRow:
    """An image of which only what matters is known."""
    unknown = dict.fromkeys(("predicted", "probability", "region_area", "region_reason"))
    return ImageRow(
        **{"image": "a.png", "label": 0, "class_name": "red", "accepted": (0,), "digest": "d", **unknown, **known}
    )


def test_truth_compares_with_all_that_is_drawn():
    """Also where maps are not compared with it, because it fills the frame."""
    drawn = torch.ones(2, 2, dtype=torch.bool)
    sample = Sample(
        index=0,
        image="a.png",
        label=1,
        class_name="red",
        accepted=(1, 2),
        digest="d",
        pixels=torch.zeros(3, 2, 2),
        region=None,
        region_reason="fills the frame",
        value=0.5,
        drawn=drawn,
    )
    assert sample.truth.region is drawn
    assert (sample.truth.label, sample.truth.accepted, sample.truth.value) == (1, (1, 2), 0.5)


def test_a_model_is_right_by_its_task_and_by_any_accepted_class_where_a_profile_does_not_say():
    """Profiles of earlier versions hold the prediction alone."""
    assert row(predicted=2, accepted=(0, 2)).correct
    assert not row(predicted=1, accepted=(0, 2)).correct
    assert not row(predicted=2, accepted=(0, 2), right=False).correct
    assert row(right=True).correct


def test_an_image_is_answered_by_a_class_a_list_of_classes_or_a_value():
    """A multi-label model that says no class has answered."""
    assert not row().answered
    assert row(predicted=0).answered
    assert row(said=()).answered
    assert row(value=0.0).answered


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ({"predicted": 0}, {"predicted": 1}, True),
        ({"predicted": 0, "said": (0,)}, {"predicted": 0, "said": (0, 1)}, True),
        ({"value": 1.0}, {"value": 1.05}, False),
        ({"value": 1.0}, {"value": 1.2}, True),
    ],
)
def test_two_versions_differ_by_classes_or_by_more_than_the_tolerance(one, other, differ):
    """Values are never the same to the last digit."""
    assert row(**one).differs(row(**other), tolerance=0.1) == differ


def test_a_profile_tells_every_score_in_long_form():
    """One a value, with the reason in place of it where there is none."""
    measurement = Measurement(
        check="alignment.iou",
        method="grad_cam",
        rows=np.array([1, 0]),
        values=np.array([0.25, np.nan]),
        reasons=(None, "no region"),
    )
    images = (row(image="a.png"), row(image="b.png", label=1, predicted=1))
    manifest = {"dataset": {"classes": ["red", "green"]}, "task_parameters": {"tolerance": 2}}
    profile = Profile(manifest=manifest, images=images, measurements=(measurement,))
    assert [(score.image, score.value, score.reason) for score in profile.scores()] == [
        ("b.png", 0.25, None),
        ("a.png", None, "no region"),
    ]
    assert measurement.measured.tolist() == [True, False]
    assert profile.measurement("alignment.iou", "grad_cam") is measurement
    assert profile.measurement("alignment.iou", None) is None
    assert (profile.classes, profile.bare, profile.tolerance) == (("red", "green"), (), 2.0)
