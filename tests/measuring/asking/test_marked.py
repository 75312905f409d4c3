"""Whose pictures show which operation's mark, and which operation is whose control."""

from dataclasses import replace

from explain_gate.measuring.asking.marked import Marks, named
from explain_gate.metrics.operations import tried

COUNT = len(tried())


def _marks(areas, change=None, doses=None):
    values = [0.5] * COUNT
    for one, area in areas.items():
        values[one] = area
    return Marks(
        change=change or [0.1] * COUNT,
        areas={7: values},
        p_values={7: [0.001] * COUNT},
        doses={7: doses or [1.0] * COUNT},
    )


def test_the_clearest_marks_of_a_class_come_first_and_unclear_ones_are_none():
    """A class that was never looked at has none."""
    marks = _marks({4: 0.8, 10: 0.9, 20: 0.69})
    assert marks.of(7) == [10, 4]
    assert marks.of(8) == []


def test_a_mark_by_chance_is_none():
    """However large its area."""
    clear = _marks({4: 0.9})
    assert replace(clear, p_values={7: [0.5] * COUNT}).of(7) == []


def test_an_operation_far_beyond_what_the_pictures_carry_is_not_asked_about():
    """A trace of what haze does on a black ground is no reason to ask what haze over all of it does."""
    beyond = [1.0] * COUNT
    beyond[10] = 38.0
    assert _marks({4: 0.8, 10: 0.9}, doses=beyond).of(7) == [4]


def test_the_control_changes_as_much_and_leaves_no_mark_in_the_class():
    """Among those that are not marked, only the ones of about the same size are drawn; the same every time."""
    change = [10.0] * COUNT
    change[4], change[10], change[20] = 0.1, 0.11, 0.1
    marks = _marks({4: 0.9, 20: 0.8}, change)
    assert marks.control(4, 7, seed=0) == 10
    assert _marks({4: 0.9}).control(4, 7, seed=0) == _marks({4: 0.9}).control(4, 7, seed=0) != 4


def test_names_tell_strengths_of_one_operation_apart():
    """Seeds depend on them."""
    assert len({named(one) for one in range(COUNT)}) == COUNT
