"""The line of one row: lengths equal numbers, every mark has its number in the table, what is no number is absent."""

import math
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from explain_gate.publishing.pictures.row_chart import (
    MARGIN,
    WIDTH,
    RowNumbers,
    numbers_of,
    place,
    row_chart,
    row_ends,
    row_table,
)
from explain_gate.records import Control, Evidence

PLOT = WIDTH - 2 * MARGIN


def drawn(numbers, ends=(0.0, 1.0)):
    """The parts of the line by class."""
    svg = ET.fromstring(row_chart(numbers, ends))  # noqa: S314 - our own text
    return {part.get("class", "").split()[0]: part for part in svg}


@pytest.mark.parametrize(
    ("value", "ends"), [(0.31, (0, 1)), (1.0, (0, 1)), (-0.4, (-1, 1)), (2.5, (0, 5)), (-3.0, (-4, 0)), (0.2, (-1, 1))]
)
def test_a_bars_length_is_its_number(value, ends):
    """In parts of the axis, from zero to the value, to either side."""
    bar = drawn(RowNumbers(value=value), ends)["length"]
    length = float(bar.get("width")) / PLOT * (ends[1] - ends[0])
    assert length == pytest.approx(abs(value), abs=1e-3)
    assert float(bar.get("x")) == min(place(0.0, ends), place(value, ends))


def test_zero_has_no_length_and_still_a_number():
    """A bar of no width, and the number in the table."""
    numbers = RowNumbers(value=0.0)
    assert float(drawn(numbers)["length"].get("width")) == 0
    assert row_table(numbers) == [("length", "this version", "0.00")]


@pytest.mark.parametrize("missing", [None, math.nan, math.inf])
def test_what_is_no_number_is_absent(missing):
    """Neither drawn nor listed, whichever of the numbers it is, and never an axis without ends."""
    numbers = RowNumbers(
        value=missing,
        reference=missing,
        honest=missing,
        finds=missing,
        controls={} if missing is None else {"a": missing},
    )
    assert set(drawn(numbers)) == {"axis", "label"}
    assert row_table(numbers) == []
    assert row_ends(numbers, "shop:own", counted=False) == (0.0, pytest.approx(1.04))


def test_one_value_alone_has_an_axis():
    """An open range reaches from zero to the value and a little further."""
    low, high = row_ends(RowNumbers(value=3.0), "shop:own", counted=False)
    assert low == 0
    assert 3 < high < 3.5


def test_values_beyond_the_axis_stay_inside_the_picture():
    """A stray value is drawn at the end."""
    assert place(7.0, (0, 1)) == WIDTH - MARGIN
    assert place(-7.0, (0, 1)) == MARGIN


def test_the_forbidden_side_is_the_bounds():
    """Below a floor, beyond a ceiling."""
    below = drawn(RowNumbers(value=0.3, bound=("at_least", 0.4)))
    assert float(below["forbidden"].get("width")) == pytest.approx(0.4 * PLOT, abs=0.02)
    assert below["length"].get("class") == "length off"
    above = drawn(RowNumbers(value=0.3, bound=("at_most", 0.4)))
    assert float(above["forbidden"].get("width")) == pytest.approx(0.6 * PLOT, abs=0.02)
    assert above["length"].get("class") == "length on"


def test_a_row_that_counts_images_shows_its_power_and_the_honest_spread(run):
    """Shares of its images on one axis: what it saw, from where it breaks, what honest versions show, what it finds."""
    evidence = Evidence(
        question="turn", yes=17, images=40, bound=0.05, must_catch=0.5, part=0.01, fails_from=8, finds=0.25,
        needed=12, limits=(0.27, 0.59), upper=0.57,
    )  # fmt: skip
    finding = replace(run.verdict.findings[2], evidence=evidence)
    control = Control(
        check=finding.check, method=None, class_name=None, control="random map", expected="failed", value=0.9,
        ok=True, message="",
    )  # fmt: skip
    numbers = numbers_of(finding, None, [control])
    assert numbers.value == pytest.approx(17 / 40)
    told = {what: value for _, what, value in row_table(numbers)}
    assert told == {
        "this version": "0.42",
        "95 % interval": "0.27\u20130.59",
        "breaks from": "0.20",
        "honest versions, at most": "0.05",
        "power: what these images find, 4 of 5 times": "0.25",
        "what the rule must catch": "0.50",
        "control: random map": "0.90",
    }
    parts = drawn(numbers)
    assert {"length", "reach", "bound", "honest", "finds", "control"} <= set(parts)
    assert float(parts["honest"].get("width")) == pytest.approx(0.05 * PLOT, abs=0.02)


def test_a_count_at_which_it_breaks_is_on_the_wrong_side():
    """`fails_from` itself breaks the row; a bound on a value does not."""
    assert drawn(RowNumbers(value=0.2, bound=("at_most", 0.2), honest=0.05))["length"].get("class") == "length off"
    assert drawn(RowNumbers(value=0.2, bound=("at_most", 0.2)))["length"].get("class") == "length on"


def test_no_style_attributes():
    """The page's policy forbids them."""
    assert "style=" not in row_chart(RowNumbers(value=0.3, interval=(0.2, 0.4), controls={"a": 0.1}), (0, 1))
