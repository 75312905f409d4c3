"""What exporters leave is counted by kind, with names."""

from __future__ import annotations

from explain_gate.data.annotations.annotated import Leftovers, first


def test_each_kind_is_a_sentence_with_its_first_names():
    """Nothing is dropped unseen, and a thousand do not fill the report."""
    left = Leftovers()
    for number in range(7):
        left.add("boxes without an area dropped", f"a.txt line {number}")
    left.add("empty polygons dropped", 3)
    boxes, polygons = left.notes("labels")
    assert boxes.startswith("labels: 7 boxes without an area dropped (a.txt line 0, a.txt line 1, ")
    assert boxes.endswith("a.txt line 4 and 2 more)")
    assert polygons == "labels: 1 empty polygons dropped (3)"
    assert Leftovers().notes("labels") == ()
    assert first(["a", "b", "c"], 2) == "a, b and 1 more"
