"""What `validate` says of a set before anything is measured: images that do not count, rows with too few."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from explain_gate.commands.power import judged_on
from explain_gate.errors import DataError
from explain_gate.records import Rule


class Pictures:
    """A regression set of so many pictures a class; the first few of the first class have no region."""

    def __init__(self, *sizes: int, without: int = 0):
        self.classes = {str(number): number for number in range(len(sizes))}
        self.entries = [
            SimpleNamespace(class_name=str(number)) for number, size in enumerate(sizes) for _ in range(size)
        ]
        self._without = without

    def __len__(self) -> int:
        return len(self.entries)

    def sample(self, row: int):
        """One picture."""
        if row == len(self) - 1:
            raise DataError("cannot be read")  # told by whoever looks at every picture
        return SimpleNamespace(region_reason="nothing is drawn" if row < self._without else None)


def rule(check: str = "reliance.background_gap", *, class_name: str | None = None, **fields) -> Rule:
    """A rule that counts images."""
    counts = {"decide": "evidence", "at_most": 0.05, "must_catch": 0.5, "part": 0.003}
    return Rule(**{"check": check, "method": None, "class_name": class_name, "better": "lower", **counts, **fields})


def test_a_set_that_is_large_enough_needs_no_word():
    """Nothing is lacking."""
    assert judged_on(Pictures(30, 30, 30), [rule()]) == []


def test_images_without_a_region_do_not_count_where_one_is_asked_for():
    """How many, why, and what is left."""
    (line,) = judged_on(Pictures(30, 30, 30, without=2), [rule()])
    assert line.startswith("note: 2 of 90 images do not count where regions are asked for, as nothing is drawn:")
    assert line.endswith("judged on 88")


def test_a_row_with_too_few_images_says_how_many_would_do():
    """And how many more of each class the set needs for all rows."""
    lines = judged_on(Pictures(6, 6, 6), [rule(class_name=name) for name in "012"])
    assert len(lines) == 4
    assert all(line.startswith("warning: too few images: ") for line in lines[:3])
    assert lines[-1].startswith("warning: about ")
    assert "more images of each class would do for all of them" in lines[-1]


def test_rules_of_the_value_count_no_images():
    """Their number has an interval instead."""
    assert judged_on(Pictures(3, 3), [rule(decide="value", must_catch=None)]) == []


@pytest.mark.parametrize("count", [13, 20])
def test_a_long_list_is_cut_and_said_to_be(count):
    """Nobody reads sixty rows."""
    lines = judged_on(Pictures(*[3] * count), [rule(class_name=str(number)) for number in range(count)])
    assert sum(line.startswith("warning: too few images") for line in lines) == 12
    assert f"warning: {count - 12} more rows have too few images" in lines
