"""Charts are well-formed, bounded in size, and never put an image on the wrong side of the bound."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explain_gate.publishing.pictures.charts import axis_range, colour_bar, distribution, interval_bar


def draw(values, bound=("at_least", 0.4), ends=(0.0, 1.0), **options):
    settings_ = {"name": "alignment.iou <b>", "key": "chart-1", "value": 0.31, "interval": (0.27, 0.35), **options}
    return ET.fromstring(distribution(np.asarray(values, float), bound=bound, ends=ends, **settings_))  # noqa: S314 - our own text


def test_a_chart_is_named_for_screen_readers():
    """Title and description are there, referred to, and escaped."""
    svg = draw([0.1, 0.2, 0.9])
    assert svg.get("aria-labelledby") == "chart-1-t chart-1-d"
    assert svg.find("title").text == "alignment.iou <b>"
    assert svg.find("desc").text == "3 images, 2 on the wrong side of the bound"


def test_a_chart_has_no_inline_style():
    """The page's policy forbids style attributes."""
    text = ET.tostring(draw(np.random.default_rng(0).random(5000)), encoding="unicode")
    assert "style=" not in text
    assert len(text) < 6_000


@settings(deadline=None, max_examples=50, derandomize=True)
@given(
    values=st.lists(st.floats(-2, 3), min_size=1, max_size=300),
    at=st.floats(0, 1),
    name=st.sampled_from(["at_least", "at_most"]),
)
def test_dots_and_bars_stay_on_their_side(values, at, name):
    """Whatever the values, marks of images that break the bound lie beyond it and the others do not."""
    svg = draw(values, bound=(name, at))
    line = float(next(item for item in svg if item.get("class") == "bound").get("x1"))
    for path in (item for item in svg if item.get("class", "").startswith(("dots", "bars"))):
        starts = [float(x) for x in re.findall(r"M(-?[\d.]+)", path.get("d"))]
        below = path.get("class").endswith("off") == (name == "at_least")
        assert all(x <= line + 0.6 for x in starts) if below else all(x >= line - 0.6 for x in starts)


def test_the_axis_shows_the_metrics_range_or_everything_that_counts():
    """A closed range is shown whole; an open one reaches to bound and values but not to a stray one."""
    values = np.append(np.full(999, 0.01), 50.0)
    assert axis_range(np.array([0.3]), [0.4], 0, 1) == (0, 1)
    low, high = axis_range(values, [0.05], 0, None)
    assert low == 0
    assert 0.05 < high < 1
    assert axis_range(np.empty(0), [], None, None)[1] > 0


@pytest.mark.parametrize("value", [None, 0.2, 7.0])
def test_a_bar_can_be_drawn_without_a_value(value):
    """The interval bar is well-formed with and without value and bound, and keeps inside its box."""
    for bound in (None, ("at_most", 0.5)):
        svg = ET.fromstring(interval_bar(value, None, bound, (0.0, 1.0)))  # noqa: S314 - our own text
        assert [float(c.get("cx")) <= 168 for c in svg.iter("circle")] == ([True] if value is not None else [])
    ET.fromstring(colour_bar("diverging"))  # noqa: S314 - our own text


@pytest.mark.parametrize(("bound", "side"), [(None, "same"), (("at_most", 0.1), "off"), (("at_most", 0.4), "on")])
def test_a_value_without_a_bound_takes_no_side(bound, side):
    """A row that counts images may have failed; its mean beside it is neither good nor bad."""
    marks = [item.get("class") for item in draw([0.1, 0.2, 0.9], bound) if "value" in item.get("class", "")]
    assert marks == [f"value {side}"]
