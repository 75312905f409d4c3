"""Whom a lesson concerns, and that an exclusion survives its way through JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from explain_gate.records import Excluded, Lesson


@pytest.mark.parametrize(
    ("about", "concerned"),
    [
        ({"rule": "alignment.iou"}, True),
        ({"rule": "alignment.iou[grad_cam-red]"}, True),
        ({"rule": "alignment.iou[lrp]"}, False),
        ({"rule": "alignment"}, False),
        ({"image": "a.png"}, True),
        ({"image": "z.png"}, False),
        ({}, False),
    ],
)
def test_a_lesson_concerns_runs_with_its_rule_or_its_image(about, concerned):
    """By key or by check; one about a version as a whole is told with that version alone."""
    lesson = Lesson(text="it read the watermark", at="2026-01-01T00:00:00Z", by="ada", version="7", **about)
    assert lesson.concerns(["alignment.iou[grad_cam-red]"], ["a.png"]) == concerned


def test_an_exclusion_survives_json():
    """verdict.json is read again."""
    excluded = Excluded(image="a.png", reason="label wrong", reviewers=("ada", "bob"), at="2026-01-01T00:00:00Z")
    assert Excluded.from_plain(json.loads(json.dumps(asdict(excluded)))) == excluded
