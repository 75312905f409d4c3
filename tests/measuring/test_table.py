"""The scores of one rule's check while they come in: every row has a value or a reason, and none is NaN in silence."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from explain_gate.measuring.explain import FLAT, SILENT
from explain_gate.measuring.table import Table
from explain_gate.metrics import METRICS
from explain_gate.records import Rule


def own(relevance, region, *, strength=1.0):
    """A team's metric."""


def table(check="alignment.iou", function=None, rows=range(4), **more):
    method = None if check.startswith("performance") else "grad_cam"
    rule = Rule(check=check, method=method, class_name=None, better="higher", at_least=0.5, **more)
    return Table(check, method, rule, function or METRICS[check].load(), rows)


def predictions(reasons=(), region_reasons=()):
    return SimpleNamespace(reasons=dict(reasons), region_reasons=dict(region_reasons))


def test_a_row_that_nobody_filled_is_unmeasured():
    """Never a value, never left out."""
    scores = table()
    scores.values = {0: 0.5, 2: 0.7}
    scores.reasons = {1: "raised"}
    made = scores.measurement()
    np.testing.assert_array_equal(made.values, [0.5, np.nan, 0.7, np.nan])
    assert made.reasons == (None, "raised", None, "it was not measured")
    assert made.not_applicable is None


def test_rows_that_cannot_be_measured_are_not_decoded():
    """A broken prediction or map is the model's doing; a missing region is the annotation's and is counted apart."""
    scores = table("other.shop:own", own)
    still = scores.open({1: FLAT}, predictions(reasons={2: "NaN logits"}, region_reasons={3: "fills the frame"}))
    assert still == [0]
    made = scores.measurement()
    assert made.reasons[1:] == (FLAT, "NaN logits", "fills the frame")
    assert made.not_applicable.tolist() == [False, False, False, True]


def test_a_map_that_lies_nowhere_has_the_worst_place_there_is():
    """It must not fall out of a rule on placement, which counts it as a yes, nor count as unlike an untrained one's."""
    scores = table("alignment.iou")
    assert scores.open({0: SILENT}, predictions()) == [0, 1, 2, 3]
    scores.silent(0)
    assert scores.values[0] == METRICS["alignment.iou"].worst
    learned = table("randomization.correlation")
    assert learned.open({0: SILENT}, predictions()) == [0, 1, 2, 3]
    learned.silent(0)
    assert learned.values[0] == 1
    again = table("stability.rerun_correlation")
    assert again.open({0: SILENT}, predictions()) == [0, 1, 2, 3]
    assert again.measures_silence
    assert not learned.measures_silence
    other = table("complexity.gini")
    assert other.open({0: SILENT}, predictions()) == [1, 2, 3]
    other.silent(0)
    assert other.reasons[0] == SILENT


def test_what_a_metric_notes_is_a_measurement_of_its_own():
    """Under its own name, finite numbers alone, with the class that each is about."""
    scores = table()
    scores.notes = {"evidence": {0: [(1.0, 1), (float("nan"), 0)], 2: [(0.0, 0)]}}
    (noted,) = scores.noted()
    assert noted.check == "alignment.iou@evidence"
    assert (noted.rows.tolist(), noted.values.tolist(), noted.about.tolist()) == ([0, 2], [1.0, 0.0], [1, 0])


def test_needs_are_the_positional_parameters_and_a_team_s_metric_declares_nothing():
    """So that it may ask what it likes, and is called with its own parameters alone."""
    scores = table("other.shop:own", own, parameters={"strength": 2.0})
    assert scores.needs == ("relevance", "region")
    assert scores.declared is None
    assert scores.arguments() == {"strength": 2.0}
    assert table("alignment.iou").declared is not None


@pytest.mark.parametrize(("decide", "peers"), [("value", None), ("evidence", "grad_cam")])
def test_only_rules_that_count_images_compare_with_other_maps(decide, peers):
    """It costs time and ties a score to the set."""
    assert table(decide=decide).peers == peers
