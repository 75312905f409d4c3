"""What changed between two versions on the same images, and why some image has no value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from explain_gate.measuring.drift import with_drift
from explain_gate.profile.writer import ProfileWriter
from explain_gate.records import ImageRow, Rule

SIDE = 6
RAMP = np.linspace(0, 1, SIDE * SIDE).reshape(SIDE, SIDE)


@pytest.fixture
def version(tmp_path):
    """A recorded version: a map and a predicted class by image."""

    def write(name, maps, predicted):
        images = [
            ImageRow(
                image=image, label=0, class_name="a", accepted=(0,), digest="0" * 64, predicted=predicted[image],
                probability=0.9, region_area=0.2, region_reason=None,
            )
            for image in maps
        ]  # fmt: skip
        manifest = {
            "model": {"source": "shop:build", "digest": "ab" * 32},
            "dataset": {"classes": ["a"], "height": SIDE, "width": SIDE},
            "methods": {"grad_cam": {}},
        }
        with ProfileWriter(tmp_path / name, count=len(maps), height=SIDE, width=SIDE) as writer:
            for row, one in enumerate(maps.values()):
                if one is not None:
                    writer.maps("grad_cam")[row] = one
            writer.regions()[:] = 0
            return writer.finish(images, [], manifest)

    return write


def rule(check, method="grad_cam", **more):
    return Rule(check=check, method=method, class_name=None, better="higher", at_least=0.5, **more)


def test_images_are_compared_by_name_and_not_by_position(version):
    """The same maps in another order have not changed; a turned one has."""
    before = version("before", {"x": RAMP, "y": RAMP.T, "z": RAMP}, {"x": 0, "y": 0, "z": 0})
    after = version("after", {"z": 1 - RAMP, "y": RAMP.T, "x": RAMP}, {"x": 0, "y": 1, "z": 0})
    drifted = with_drift(after, before, [rule("drift.map_correlation"), rule("drift.changed_prediction", None)])
    correlation, changed = drifted.measurements
    np.testing.assert_allclose(correlation.values, [-1, 1, 1], atol=1e-3)
    assert changed.values.tolist() == [0, 1, 0]


def test_an_image_that_one_version_lacks_has_a_reason(version):
    """Whose it is, is said."""
    before = version("before", {"x": None, "y": RAMP}, {"x": None, "y": 0})
    after = version("after", {"x": RAMP, "y": None, "new": RAMP}, {"x": 0, "y": None, "new": 0})
    correlation, changed = with_drift(
        after, before, [rule("drift.map_correlation"), rule("drift.changed_prediction", None)]
    ).measurements
    assert correlation.reasons == (
        "the reference has no usable map",
        "the candidate has no usable map",
        "the reference has no usable map",
    )
    assert changed.reasons == (
        "the reference has no prediction",
        "the candidate has no prediction",
        "the reference has no prediction",
    )


def test_what_was_measured_stays_and_other_rules_add_nothing(version):
    """Only rules on drift are computed from two versions."""
    one = version("one", {"x": RAMP}, {"x": 0})
    assert with_drift(one, one, [rule("alignment.iou")]).measurements == ()
    twice = with_drift(replace(one), one, [rule("drift.map_correlation"), rule("drift.map_correlation")])
    assert len(twice.measurements) == 1
