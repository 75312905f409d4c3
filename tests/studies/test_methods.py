"""Ranks of methods of which it is known who is better, and who is not."""

import numpy as np
import pytest

from explain_gate.errors import OptionError
from explain_gate.studies.methods import leaders_of, most_faithful, study_methods

RNG = np.random.default_rng(0)
IOU, AUC = "alignment.iou", "faithfulness.deletion_auc"
PLAIN = RNG.uniform(0.3, 0.5, 40)


def first(record, check, class_name=None):
    """Methods of rank 1 in one table."""
    (table,) = (one for one in record.tables if (one.check, one.class_name) == (check, class_name))
    return table.first


def test_the_better_one_is_first_in_the_direction_of_its_metric(make_profile):
    """Higher overlap, lower area under deletion; what differs by chance alone ties."""
    noise = RNG.normal(0, 0.1, 40)
    values = {
        (IOU, "good"): PLAIN + 0.2, (IOU, "bad"): PLAIN, (IOU, "like_bad"): PLAIN + noise - noise.mean(),
        (AUC, "good"): PLAIN - 0.1, (AUC, "bad"): PLAIN,
    }  # fmt: skip
    record = study_methods(make_profile(values))
    assert first(record, IOU) == first(record, AUC) == ("good",)
    (table,) = (one for one in record.tables if (one.check, one.class_name) == (IOU, None))
    assert {one.method: one.rank for one in table.standings} == {"good": 1, "bad": 2, "like_bad": 2}
    assert [pair.tie for pair in table.pairs if "good" not in (pair.better, pair.worse)] == [True]
    (pair,) = (one for one in table.pairs if (one.better, one.worse) == ("good", "bad"))
    assert pair.difference == pytest.approx(0.2)
    assert table.standings[0].mean == pytest.approx(PLAIN.mean() + 0.2)
    assert record.tables[0].check == AUC  # faithfulness is told first


def test_a_class_may_say_otherwise(make_profile):
    """Cats are explained by one, dogs by the other; over both they tie."""
    other = PLAIN + np.where(np.arange(40) % 2 == 0, 0.2, -0.2)
    record = study_methods(make_profile({(IOU, "a"): PLAIN, (IOU, "b"): other}))
    assert first(record, IOU, "cat") == ("b",)
    assert first(record, IOU, "dog") == ("a",)
    assert set(first(record, IOU)) == {"a", "b"}


def test_methods_are_compared_on_the_images_that_all_have(make_profile):
    """One that was not measured on the hard images does not gain by it."""
    hard = np.array([0.1] * 20 + [0.8] * 20)
    skips = ["no value"] * 20 + [0.8] * 20
    record = study_methods(make_profile({(IOU, "asked"): hard, (IOU, "skips"): skips}))
    table = record.tables[0]
    assert table.images == 20
    assert set(table.first) == {"asked", "skips"}


def test_what_one_method_alone_has_is_told_and_not_ranked(make_profile):
    """And a profile without any comparison is refused, with what to write."""
    values = {(IOU, "a"): PLAIN, (IOU, "b"): PLAIN, (AUC, "a"): PLAIN}
    assert study_methods(make_profile(values)).silent == (AUC,)
    with pytest.raises(OptionError, match="name them under methods in thresholds"):
        study_methods(make_profile({(IOU, "a"): PLAIN}))


def test_a_control_is_no_method(make_profile):
    """A random map does not stand in the table, nor does a method without any value."""
    flat = ["the map is flat"] * 40
    values = {(IOU, "a"): PLAIN, (IOU, "b"): PLAIN, (IOU, "c"): flat, (IOU, "control.random"): PLAIN + 1}
    (table, *_) = study_methods(make_profile(values)).tables
    assert {one.method for one in table.standings} == {"a", "b"}


def test_the_leaders_are_of_all_images_and_the_most_faithful_of_every_metric(make_profile):
    """A method that is first by one metric of faithfulness alone is not chosen."""
    insertion = "faithfulness.insertion_auc"
    values = {
        (AUC, "a"): PLAIN - 0.1, (AUC, "b"): PLAIN, (insertion, "a"): PLAIN + 0.1, (insertion, "b"): PLAIN,
        (IOU, "a"): PLAIN, (IOU, "b"): PLAIN + 0.2,
    }  # fmt: skip
    record = study_methods(make_profile(values))
    assert {one.check: one.methods for one in leaders_of(record)} == {AUC: ("a",), insertion: ("a",), IOU: ("b",)}
    assert most_faithful(record) == ("a",)
    divided = {**values, (insertion, "a"): PLAIN - 0.1}
    assert most_faithful(study_methods(make_profile(divided))) == ()
    assert most_faithful(study_methods(make_profile({(IOU, "a"): PLAIN, (IOU, "b"): PLAIN}))) == ()
