"""The gate's test of itself on a real run: what must fail fails, and every rule on maps says so."""

from __future__ import annotations

import pytest


def controls(session, check):
    verdict = session.conclude()
    return {control.control: control for control in verdict.controls if control.check == check}


def test_every_rule_on_placement_has_its_controls(tmp_path, write_project, measured):
    """The region itself passes, a random map and the map of a re-initialised model do not."""
    write_project(tmp_path / "project")
    made = controls(measured(), "alignment.iou")
    assert set(made) == {"random map", "region itself", "randomized model"}
    assert made["region itself"].value == pytest.approx(1.0)
    assert made["random map"].value < 0.6
