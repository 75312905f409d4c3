"""What people find, in numbers that can be worked out by hand."""

import pytest

from explain_gate.errors import NotMeasurable
from explain_gate.metrics.review import agreement, coverage, implausible

YES, NO, LABEL, UNSURE = "plausible", "not plausible", "label wrong", "unsure"


def coefficient(values):
    """The mean over the images that have a value."""
    numbers = [value for value in values if not isinstance(value, str)]
    return sum(numbers) / len(numbers)


def units(*columns, people="abcdef"):
    """Opinions by image, from one column of answers a person; None where there is none."""
    return [
        {who: one for who, one in zip(people, answers, strict=False) if one is not None}
        for answers in zip(*columns, strict=True)
    ]


def test_implausible_is_the_share_of_those_who_say():
    """Who is unsure, or speaks of the label, does not."""
    assert implausible({"anna": NO}) == 1
    assert implausible({"anna": NO, "ben": YES, "cem": UNSURE, "dora": LABEL}) == 0.5
    for nobody in ({}, {"anna": UNSURE}, {"anna": LABEL}):
        with pytest.raises(NotMeasurable, match="nobody has judged"):
            implausible(nobody)


def test_coverage_counts_who_answered():
    """One person is enough, unless the rule asks for more."""
    assert coverage({}) == coverage({"anna": UNSURE}) == 0
    assert coverage({"anna": LABEL}) == 1
    assert coverage({"anna": YES, "ben": UNSURE}, reviewers=2) == 0
    assert coverage({"anna": YES, "ben": NO}, reviewers=2) == 1


def test_agreement_of_two_is_cohens_kappa():
    """The grants of Wikipedia's article: 20 and 15 agreements, 5 and 10 disagreements, kappa 0.4."""
    first = [YES] * 25 + [NO] * 25
    second = [YES] * 20 + [NO] * 5 + [YES] * 10 + [NO] * 15
    values = agreement(units(first, second))
    assert coefficient(values) == pytest.approx(0.4)
    assert max(values) == 1


def test_agreement_of_two_does_not_depend_on_images_that_one_of_them_judged():
    """Nor on those that somebody is unsure about."""
    first, second = [YES, YES, NO, NO, YES, UNSURE, None], [YES, NO, NO, NO, None, YES, NO]
    values = agreement(units(first, second))
    assert coefficient(values[:4]) == pytest.approx(0.5)
    assert all("fewer than two people" in value for value in values[4:])


def test_chance_is_zero_and_its_opposite_is_negative():
    """And agreement of everybody about everything is one, though it shows nothing."""
    assert coefficient(agreement(units([YES, YES, NO, NO], [YES, NO, YES, NO]))) == pytest.approx(0)
    assert coefficient(agreement(units([YES, NO], [NO, YES]))) == pytest.approx(-1)
    assert agreement(units([YES, YES], [YES, YES])) == [1.0, 1.0]
    assert agreement(units([YES, YES], [None, None])) == ["fewer than two people have judged its map"] * 2
    assert agreement([]) == []


def test_agreement_of_more_is_krippendorffs_alpha():
    """Krippendorff's own example of nominal data, four observers and missing answers: alpha 0.743."""
    table = (
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    )
    columns = [[None if one == "." else one for one in line.split()] for line in table]
    values = agreement(units(*columns))
    assert coefficient(values) == pytest.approx(0.743, abs=5e-4)
    assert isinstance(values[-1], str)


def test_two_columns_by_alpha_stand_near_kappa():
    """A third person who judged one image alone with nobody changes nothing of how two agree."""
    first, second = [YES, YES, NO, NO, YES], [YES, NO, NO, NO, None]
    third = [None, None, None, None, NO]
    values = agreement(units(first, second, third))
    assert not any(isinstance(value, str) for value in values)
    assert -1 <= coefficient(values) <= 1
