"""Every method once per image: maps on disk, and why an image has none."""

from __future__ import annotations

import numpy as np
import projects
import pytest

from explain_gate.errors import UserCodeError
from explain_gate.measuring.explain import FLAT, NOT_FINITE, SILENT, out_of_budget
from explain_gate.profile.profile import load_maps

OWN = """
import torch
from explain_gate.records import Attribution


def method(probe, images, targets, *, keys):
    maps = images.abs().mean(1)
    {change}
    return Attribution(method="own", kind="positive", maps=maps)
"""


@pytest.fixture
def explained(tmp_path, write_project, measured):
    """Measures with a team's own method that does something to its maps; gives profile and reasons by image."""

    def run(change="pass"):
        text = projects.THRESHOLDS.replace("grad_cam: {{layer: window}}", '"owncode:method": {{}}').replace(
            "iou: {{at_least: 0.6, per_class: true}}", 'iou: {{methods: ["owncode:method"], at_least: 0.6}}'
        )
        path = write_project(tmp_path / "project", thresholds=text)
        path.with_name("owncode.py").write_text(OWN.format(change=change))
        __import__("sys").modules.pop("owncode", None)
        profile = measured(cache=False).profile
        return profile, profile.measurement("alignment.iou", "owncode:method").reasons

    return run


def test_maps_are_kept_scaled_to_one_in_half_precision(explained):
    """As every metric and the report see them."""
    profile, reasons = explained("maps = maps * 1e6")
    maps = load_maps(profile, "owncode:method")
    assert maps.dtype == np.float16
    assert (maps.max(axis=(1, 2)) == 1).all()
    assert set(reasons) == {None}


@pytest.mark.parametrize(
    ("change", "reason"),
    [("maps[0, 3, 3] = float('nan')", NOT_FINITE), ("maps[0] = 0.7", FLAT)],
)
def test_a_broken_map_has_a_reason_and_is_not_a_number(explained, change, reason):
    """Its row on disk stays NaN; the images beside it in the batch are measured."""
    profile, reasons = explained(change)
    assert reasons[0] == reason
    assert set(reasons[1:]) == {None}
    assert np.isnan(load_maps(profile, "owncode:method")[0]).all()


def test_a_map_of_zeros_says_that_nothing_speaks_for_the_class(explained):
    """It lies nowhere, which is the worst place there is, and is not left out."""
    profile, reasons = explained("maps[0] = 0")
    assert reasons[0] is None
    assert profile.measurement("alignment.iou", "owncode:method").values[0] == 0.0
    assert SILENT != FLAT


def test_a_team_s_own_method_that_raises_is_told_with_its_line(explained):
    """It is no property of the image."""
    with pytest.raises(UserCodeError, match=r"owncode:method raised ZeroDivisionError.*owncode\.py:\d+, in method"):
        explained("1 / 0")


def test_who_ran_out_of_steps_is_told_how_many_it_takes():
    """Of details that say both; a method without steps has no budget."""
    details = {"steps": np.array([8.0, 64.0]), "steps_needed": np.array([8.0, 200.0])}
    assert out_of_budget(details) == {1: 200}
    assert out_of_budget({"cells": np.array([49.0])}) == {}


def test_only_images_that_a_rule_asks_for_are_explained(tmp_path, write_project, measured):
    """A rule that samples costs maps of its sample; the others have none, and their rules do not miss them."""
    text = projects.THRESHOLDS.replace("methods:\n", "methods:\n  gradient: {{}}\n").replace(
        "iou: {{at_least", "iou: {{methods: [grad_cam], at_least"
    )
    rule = "  stability:\n    rerun_correlation: {{methods: [gradient], at_least: 0.9, sample: 2}}\n"
    write_project(tmp_path / "project", thresholds=text + rule)
    profile = measured().profile
    with_maps = np.isfinite(load_maps(profile, "gradient")).all(axis=(1, 2))
    measurement = profile.measurement("stability.rerun_correlation", "gradient")
    assert with_maps.nonzero()[0].tolist() == measurement.rows.tolist()
    assert len(measurement.rows) == 2
    assert measurement.measured.all()
    assert np.isfinite(load_maps(profile, "grad_cam")).all()
