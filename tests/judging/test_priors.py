"""What is known before a team has measured anything: bounds that can be met, spreads that shrink with images."""

from __future__ import annotations

import math

import pytest

from explain_gate.judging.priors import BEHAVIOUR, SPREADS, prior_of
from explain_gate.metrics import METRICS


@pytest.mark.parametrize("check", BEHAVIOUR)
def test_a_shipped_bound_of_behaviour_is_one_of_a_metric_that_can_be_counted(check):
    """What it must catch lies above what honest versions show."""
    metric, bounds = METRICS[check.partition("/")[0]], BEHAVIOUR[check]
    if "must_catch" in bounds:
        assert metric.question
        assert 0 <= bounds["at_most"] < bounds["must_catch"] <= 1
    else:
        assert set(bounds) == ({"at_least"} if metric.better == "higher" else {"at_most"})


def test_a_spread_shrinks_with_images_but_for_the_part_that_versions_share():
    """The mean of N images varies by the root of shift^2 + jitter^2 / N, in units of what images differ by."""
    own = SPREADS["alignment.iou"][0]
    few, many = (prior_of("alignment.iou", images, 0.2, one_class=True) for images in (20, 10**9))
    assert few.spread == pytest.approx(0.2 * math.sqrt(own.shift**2 + own.jitter**2 / 20))
    assert few.spread > many.spread == pytest.approx(few.shift, rel=1e-3)


def test_a_named_rule_has_the_spread_of_its_metric_and_an_unknown_one_none():
    """A team's own metric starts with two versions."""
    assert prior_of("alignment.iou/strict", 20, 0.2, one_class=False) == prior_of(
        "alignment.iou", 20, 0.2, one_class=False
    )
    assert prior_of("other.shop:own", 20, 0.2, one_class=False) is None


def test_every_spread_is_of_a_metric_that_there_is():
    """Renaming one must not lose what is known of it."""
    assert {check.partition("/")[0] for check in SPREADS} <= set(METRICS)
