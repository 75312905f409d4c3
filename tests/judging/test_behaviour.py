"""The package's own rules of behaviour: the scaffold's, asked of versions that are called good, and of their bounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import yaml

from explain_gate.commands.scaffold import packaged_thresholds, shipped_rules
from explain_gate.errors import OptionError
from explain_gate.judging.behaviour import limit_of, loosened, require_good
from explain_gate.judging.calibration import calibrate
from explain_gate.judging.evidence import fails_from
from explain_gate.judging.priors import BEHAVIOUR, prior_of
from explain_gate.records import Rule, Waiver
from tests.judging.test_calibration import CLASSES, PER_CLASS, answering, counting, rule_of

CHECK = "reliance.background_gap"


def test_the_table_is_what_init_writes():
    """The bounds that nobody may loosen unasked are those of the scaffold, rules that are off included."""
    shipped = {
        check: {name: value for name, value in rule.items() if name in ("at_most", "at_least", "must_catch")}
        for check, rule in shipped_rules().items()
        if check.startswith("reliance.") and rule.get("severity") != "warn"
    }
    assert shipped == BEHAVIOUR


def test_a_version_that_breaks_a_shipped_rule_is_none_to_calibrate_by():
    """A cheat cannot calibrate itself in, whatever its file asks for, and whatever reason comes with it."""
    cheat = answering({"dog": 12}, digest="cheat")
    loose = [replace(rule, at_most=0.9, must_catch=0.95) for rule in counting(*CLASSES, None)]
    by_value = [rule_of(CHECK, at_most=0.9)]
    for rules in (loose, by_value):
        with pytest.raises(OptionError, match=r"cheat\.pt is no version to calibrate by.*12 of 20 images of dog are"):
            calibrate([answering({}, digest="good"), cheat], rules, accept_looser="it is good, I say")


def test_what_chance_explains_is_not_held_against_a_version():
    """A few images that say yes are no evidence, nor is a rule that the file does not ask for."""
    require_good([answering({"dog": 4})], counting(*CLASSES, None))
    require_good([answering({"dog": 20}, check="reliance.style_follow")], counting(*CLASSES, None))


def test_a_waived_row_is_not_held_against_a_version():
    """Who may break a rule until a date may be calibrated by until then."""
    waiver = Waiver(
        check=CHECK, method=None, class_name=None, reason="r", owner="o", ticket=None, expires="2030-01-31", line=1
    )
    cheat, rules = answering({"dog": 12}), counting(*CLASSES, None)
    require_good([cheat], rules, waivers=[waiver], today="2030-01-01")
    with pytest.raises(OptionError, match="waive the rule with an owner"):
        require_good([cheat], rules, waivers=[waiver], today="2030-02-01")


@pytest.mark.parametrize(("class_name", "images"), [("dog", 20), (None, 60)])
def test_a_limit_is_where_the_row_fails_on_this_set(class_name, images):
    """From so many images that say yes: a bound just below that share is allowed, that share itself is not.

    What holds for a class holds for all of them together, so that the sharper row of all counts.
    """
    rule = replace(counting(class_name)[0], decide="value")
    limit = limit_of([answering({})], rule)
    share = min(fails_from(n, 0.10, 0.005 / 4) / n for n in {images, 3 * PER_CLASS})
    assert limit.value == pytest.approx(share)
    assert not limit.allows(rule, share)
    assert limit.allows(rule, limit.loosest)
    assert limit.change == pytest.approx(share)


def test_where_higher_is_better_what_remains_is_bounded():
    """Images that were wrong to begin with have nothing to lose: the limit starts from those that were right."""
    check = "reliance.object_only"
    right = np.where(np.arange(60) % PER_CLASS < 2, 0.0, 1.0)  # two of each class were wrong as they are
    rule = rule_of(check)
    limit = limit_of([answering({}, check=check, value=right)], rule)
    lost = fails_from(60, 0.05, 0.005 / 4) / 60
    assert limit.value == pytest.approx(0.9 - lost)
    assert limit.allows(rule, 0.9 - lost + 0.01)
    assert not limit.allows(rule, 0.9 - lost)


@pytest.mark.parametrize(
    ("statistic", "bound", "allowed"),
    [("mean", 0.24, True), ("mean", 0.26, False), ("max", 0.24, True), ("median", 0.0, False), ("p95", 0.1, True),
     ("p95", 0.24, False), ("min", 0.0, False)],
)  # fmt: skip
def test_another_statistic_is_compared_by_the_worst_mean_that_it_lets_pass(statistic, bound, allowed):
    """Of a median of 0 half of the images may be at their worst: a mean of 0.5. The row of all fails from 0.25."""
    rule = replace(rule_of(CHECK, at_most=0.5), statistic=statistic)
    assert limit_of([answering({})], rule).allows(rule, bound) == allowed


def test_what_is_no_behaviour_has_no_limit():
    """Maps, and metrics that the package bounds by nobody's choice but the team's."""
    for check in ("alignment.iou", "reliance.texture_share", "reliance.made_up"):
        assert limit_of([answering({}, check=check)], rule_of(check)) is None


def test_a_larger_share_than_the_packages_is_loosened():
    """The file's share against the package's; a rule of values has none."""
    assert loosened(counting(None, at_most=0.3)[0]) == 0.10
    assert loosened(counting(None, at_most=0.05)[0]) is None
    assert loosened(Rule(check="alignment.iou", method=None, class_name=None, better="higher", at_least=0.4)) is None


def test_every_rule_of_maps_and_behaviour_that_init_writes_has_a_prior():
    """So that one version calibrates it; a spread narrows with more images, down to what moves whole classes."""
    on = yaml.safe_load(packaged_thresholds())["checks"]
    asked = [f"{family}.{name}" for family in ("alignment", "reliance") for name in on[family]]
    assert len(asked) >= 12
    for check in asked:
        few, many = (prior_of(check, images, 0.4, one_class=True) for images in (20, 100_000))
        assert 0 < many.shift <= many.spread < few.spread
        assert few.freedom > 2
        assert prior_of(check, 60, 0.4, one_class=False).spread > 0
    assert prior_of("reliance.made_up", 20, 0.4, one_class=True) is None


def test_a_named_rule_has_the_prior_of_its_metric():
    """`iou/strict` is the same metric; what has its own line in the table keeps it."""
    assert prior_of("alignment.iou/strict", 20, 0.1, one_class=True) == prior_of(
        "alignment.iou", 20, 0.1, one_class=True
    )
