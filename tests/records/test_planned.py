"""How a rule is named, and which bounds it has."""

from __future__ import annotations

import pytest

from explain_gate.records import Rule, Waiver


def rule(**fields) -> Rule:
    """A rule about IoU."""
    return Rule(**{"check": "alignment.iou", "method": None, "class_name": None, "better": "higher", **fields})


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({}, "alignment.iou[all]"),
        ({"method": "grad_cam"}, "alignment.iou[grad_cam]"),
        ({"class_name": "red"}, "alignment.iou[red]"),
        ({"check": "alignment.iou/low", "method": "lrp", "class_name": "red"}, "alignment.iou/low[lrp-red]"),
    ],
)
def test_a_rule_is_named_by_check_method_and_class(fields, key):
    """The same on every machine: waivers, reports and pytest's ids rest on it."""
    assert rule(**fields).key == key
    assert rule(**fields).metric == "alignment.iou"


def test_the_bounds_are_those_that_are_set():
    """Zero is one."""
    assert rule(at_least=0.0, max_drop=0.03).bound == {"at_least": 0.0, "max_drop": 0.03}
    assert rule().bound == {}


def test_a_rule_of_evidence_has_two_shares():
    """The worst honest one, and the one that must be found."""
    assert rule(at_most=0.05, must_catch=0.5).shares == (0.05, 0.5)
    with pytest.raises(ValueError, match=r"alignment\.iou\[all\] counts images, so it must say at_most and must_catch"):
        _ = rule(at_most=0.05).shares


def test_a_place_is_a_file_and_a_line():
    """It can be clicked; a rule that stands in no file has no line."""
    assert rule(file="gate/thresholds.yaml", line=21).place == "gate/thresholds.yaml:21"
    assert rule().place == "thresholds.yaml"
    waiver = Waiver(check="a.b", method=None, class_name=None, reason="", owner="", ticket=None, expires="", line=30)
    assert waiver.place == "thresholds.yaml:30"
