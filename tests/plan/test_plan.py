"""The plan: one row a rule, method and class, and what no metric answers is told."""

from __future__ import annotations

import projects
import pytest

from explain_gate.errors import ConfigError, NothingPlanned
from explain_gate.plan import plan, waivers_of

GOOD = projects.THRESHOLDS.format(corner="false")


def test_a_rule_becomes_one_row_per_method_and_class(load):
    """Keys are unique and readable."""
    rules = plan(load(GOOD), ["red", "green"])
    assert [rule.key for rule in rules] == [
        "performance.accuracy[all]",
        "alignment.iou[grad_cam-red]",
        "alignment.iou[grad_cam-green]",
        "reliance.background_gap[all]",
    ]
    assert rules[1].line == 13


def test_one_metric_may_have_several_named_rules(load):
    """`iou/strict` is a second rule over iou with its own name."""
    text = GOOD.replace("    iou:", "    iou/strict: {at_least: 0.8, severity: warn}\n    iou:")
    keys = {rule.key: rule.metric for rule in plan(load(text), ["red", "green"])}
    assert keys["alignment.iou/strict[grad_cam]"] == "alignment.iou"


def test_a_rule_of_evidence_that_does_not_say_what_it_must_catch_is_decided_by_value(load):
    """Without must_catch nobody can say what images are worth: its number has a bound, in the metric's direction."""
    for wish in ("decide: evidence", "decide: evidence, per_class: true"):
        rows = plan(load(GOOD.replace("{at_most: 0.3}", f"{{at_most: 0.3, {wish}}}")), ["red", "green"])
        asked = [(rule.decide, rule.at_most, rule.class_name) for rule in rows if rule.check.startswith("reliance")]
        assert asked == [("value", 0.3, name) for name in (["red", "green"] if "per_class" in wish else [None])]
    with pytest.raises(ConfigError, match="the bound must be at_least"):
        plan(load(GOOD.replace("{at_least: 0.9}", "{at_most: 0.1, decide: evidence}")), ["red", "green"])


def test_nothing_planned_is_its_own_error(load):
    """An empty gate is exit code 5."""
    with pytest.raises(NothingPlanned):
        plan(load(GOOD[: GOOD.index("checks:")] + "checks: {}\n"), ["red"])


def test_waivers_are_read_with_their_line(load):
    """A waiver names rule, class, owner, reason and last day."""
    waiver = "waivers:\n  - {check: alignment.iou, class: red, reason: masks, owner: me, expires: 2027-01-31}\n"
    (found,) = waivers_of(load(GOOD + waiver), "2026-11-26")
    assert (found.class_name, found.expires) == ("red", "2027-01-31")
    assert found.line == GOOD.count("\n") + 2


@pytest.mark.parametrize(
    ("expires", "most", "told"),
    [
        ("2027-02-24", "", None),
        ("2027-02-25", "", "at most 90 days ahead, on 2027-02-24, got 2027-02-25; write an earlier day, or raise"),
        ("2027-02-25", "waivers_max_days: 91\n", None),
        ("2020-01-01", "", None),
    ],
)
def test_a_waiver_ends_at_most_90_days_ahead(load, expires, most, told):
    """A waiver is a delay; the file may say how long one may be, and an expired one is told by the verdict."""
    waiver = f"waivers:\n  - {{check: alignment.iou, reason: masks, owner: me, expires: {expires}}}\n"
    config = load(GOOD + waiver + most)
    if told is None:
        assert waivers_of(config, "2026-11-26")[0].expires == expires
    else:
        with pytest.raises(ConfigError, match=told) as error:
            waivers_of(config, "2026-11-26")
        assert f"thresholds.yaml:{GOOD.count(chr(10)) + 2}: waivers.0.expires" in str(error.value)
