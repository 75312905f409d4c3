"""Which images a rule looks at: all, so many, so many of each class, or the one that is looked at alone."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest

from explain_gate.measuring.rows import answering, rows_asked, rows_of_behaviour, sampled
from explain_gate.records import Rule
from explain_gate.seeds import lowest, lowest_of_each


class Pictures:
    """A regression set of twenty red pictures and ten green ones; draws are seeded as the real one's."""

    def __init__(self):
        self.entries = [SimpleNamespace(label=int(row >= 20), image=f"{row:02d}.png") for row in range(30)]

    def __len__(self):
        return len(self.entries)

    def stratified(self, limit, *, seed, purpose):
        """So many rows, spread over the classes."""
        drawn = {"digest": str, "name": str, "seed": seed, "purpose": purpose}
        return lowest_of_each(range(30), limit, group=lambda row: str(self.entries[row].label), **drawn)

    def lowest(self, rows, count, *, seed, purpose):
        """So many of these rows."""
        return lowest(rows, count, digest=str, name=str, seed=seed, purpose=purpose)


def rule(check="complexity.gini", method="grad_cam", **fields) -> Rule:
    """A rule about maps."""
    return Rule(check=check, method=method, class_name=None, better="higher", **fields)


def job(*rules: Rule, part: bool = False):
    """What is measured with these rules."""
    return SimpleNamespace(rules=rules, data=Pictures(), seed=0, part=part)


def labels(rows) -> Counter:
    """How many rows of each class."""
    return Counter(int(row >= 20) for row in rows)


def test_a_sample_is_spread_over_the_classes_and_one_by_class_is_so_many_of_each():
    """Seeded: the same for every run."""
    assert sampled(Pictures(), rule(), 0) == list(range(30))
    assert labels(sampled(Pictures(), rule(sample=10), 0)) == {0: 5, 1: 5}
    by_class = sampled(Pictures(), rule(sample=10, sample_each=True), 0)
    assert labels(by_class) == {0: 10, 1: 10}
    assert by_class == sampled(Pictures(), rule(sample=10, sample_each=True), 0)


def test_an_image_looked_at_alone_is_asked_alone_also_where_no_sample_holds_it():
    """`run --only RULE --image ID`."""
    assert answering(Pictures(), rule(image="07.png"), [1, 2]) == [7]
    assert answering(Pictures(), rule(), [1, 2]) == [1, 2]


@pytest.mark.parametrize(
    "rules",
    [
        [rule()],
        [rule(sample=2), rule()],
        [rule(sample=2, decide="evidence")],
        [rule("other.shop:own", sample=2)],
        [rule("drift.map_correlation", sample=2)],
        [rule("alignment.iou", sample=2)],
    ],
)
def test_all_maps_are_made_where_one_rule_may_ask_for_any(rules):
    """Rules without a sample, rules that compare with other images' maps, and a team's own."""
    assert rows_asked(job(*rules), "grad_cam") is None


def test_only_the_maps_that_samples_hold_are_made():
    """A sample that does not save a map would be worth nothing."""
    rows = rows_asked(job(rule(sample=4), rule("complexity.entropy", sample=6)), "grad_cam")
    assert rows is not None
    assert 6 <= len(rows) <= 10
    assert rows_asked(job(rule(sample=4), part=True), "grad_cam") == []
    assert rows_asked(job(rule("agreement.correlation", "lrp+grad_cam", sample=4)), "grad_cam") == rows_asked(
        job(rule(sample=4)), "grad_cam"
    )


def test_rows_of_behaviour_are_those_of_rules_without_a_method():
    """They are shared out to workers."""
    behaviour = rule("reliance.background_gap", None, sample=4)
    assert rows_of_behaviour(job(rule(), behaviour)) == sampled(Pictures(), behaviour, 0)
    assert rows_of_behaviour(job(rule())) == []
