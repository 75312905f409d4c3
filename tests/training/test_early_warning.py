"""What a training begins to rely on is told at its onset, once, and nothing else is."""

import pytest

from explain_gate.records import Finding
from explain_gate.training.early_warning import FIRST, alarms_of


def row(value, *, status="passed", check="reliance.background_follow", spread=0.05):
    """One epoch of one row."""
    return (
        Finding(
            check=check, method=None, class_name=None, statistic="mean", value=value,
            interval=(value - spread, value + spread), bound={"at_most": 0.5}, status=status, images=9, unmeasured=0,
            worst=(), message="too much", line=1,
        ),
    )  # fmt: skip


def told(*epochs):
    """The causes of alarms of each epoch in turn."""
    return [tuple(alarm.cause for alarm in alarms_of(now, epochs[:at])) for at, now in enumerate(epochs)]


def test_a_bound_that_breaks_is_told_when_it_breaks():
    """Once while it stays broken, again when it breaks again; unmeasured is not broken."""
    bad, good = row(0.9, status="failed"), row(0.0)
    assert told(good, bad, bad, good, bad) == [(), ("bound",), (), (), ("bound",)]
    assert told(bad) == [("bound",)]
    assert told(row(0.0, status="unmeasured")) == [()]


def test_a_rise_beyond_the_first_epochs_is_told_once():
    """Its interval lies above all of theirs; what overlaps with one of them does not count."""
    first = [row(0.1), row(0.2), row(0.1)]
    assert len(first) == FIRST
    assert told(*first, row(0.29), row(0.31), row(0.4), row(0.2), row(0.5))[FIRST:] == [
        (),
        ("rise",),
        (),
        (),
        ("rise",),
    ]
    (alarm,) = alarms_of(row(0.4), first)
    assert alarm.key == "reliance.background_follow[all]"
    assert "0.40 (0.35 to 0.45), beyond the first 3 measured epochs (0.10, 0.20, 0.10)" in alarm.message


def test_nothing_is_compared_before_the_first_epochs_are_over():
    """Two epochs are no beginning."""
    assert told(row(0.1), row(0.9), row(0.1)) == [(), (), ()]


def test_worse_is_the_metrics_own_direction():
    """Where higher is better, a fall is told and a rise is not."""
    first = [row(0.5, check="reliance.core_sensitivity")] * FIRST
    assert told(*first, row(0.1, check="reliance.core_sensitivity"))[-1] == ("rise",)
    assert told(*first, row(0.9, check="reliance.core_sensitivity"))[-1] == ()


@pytest.mark.parametrize("check", ["alignment.iou", "performance.accuracy"])
def test_other_families_give_no_alarm(check):
    """They break while a model learns nothing but slowly."""
    assert told(row(0.9, check=check), row(0.0, check=check, status="failed")) == [(), ()]
