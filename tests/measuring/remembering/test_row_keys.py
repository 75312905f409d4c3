"""A row's keys follow from what it holds, not from its place or name; those of a search from the rows it looked at."""

from __future__ import annotations

from types import SimpleNamespace

from explain_gate.measuring.remembering.row_keys import RowKeys

TABLE = SimpleNamespace(check="alignment.iou", method="grad_cam", values={0: 0.5, 1: 0.5, 2: 0.5})


def test_a_picture_has_its_keys_wherever_it_stands(facts, pictures):
    """A set in another order, or with one more picture, is measured again nowhere."""
    keys, moved = RowKeys(facts, pictures("abc")), RowKeys(facts, pictures("xcba"))
    of_a_row = (
        lambda of, row: of.logits(row),
        lambda of, row: of.picture(row),
        lambda of, row: of.map("grad_cam", row),
        lambda of, row: of.score(TABLE, row),
    )
    for key in of_a_row:
        assert key(keys, 0) == key(moved, 3)
        assert key(keys, 0) != key(keys, 1)


def test_a_search_is_of_the_rows_that_it_looked_at(facts, pictures):
    """The same pictures, the same search; another picture, class or half, another one."""
    keys, longer = RowKeys(facts, pictures("abc")), RowKeys(facts, pictures("abcd"))
    assert keys.marks([0, 1]) == longer.marks([0, 1]) != keys.marks([0, 2])
    assert keys.signature(0, [0, 1]) == longer.signature(0, [0, 1]) != keys.signature(1, [0, 1])
    assert keys.cue(0, "inside", [0]) == longer.cue(0, "inside", [0]) != keys.cue(0, "outside", [0])
    assert keys.confounds([0, 1]) == longer.confounds([0, 1])
    assert keys.operation(0, 10, True) != keys.operation(0, 10, False)
    assert keys.operation(0, 10, True) != longer.operation(0, 10, True)


def test_pictures_of_evidence_are_of_the_whole_set_in_any_order_and_of_the_value(facts, pictures):
    """Donors come from anywhere in it."""
    keys, turned, longer = (RowKeys(facts, pictures(letters)) for letters in ("abc", "cba", "abcd"))
    assert keys.evidence(TABLE, 0) == turned.evidence(TABLE, 2)
    assert keys.evidence(TABLE, 0) != longer.evidence(TABLE, 0)
    other = SimpleNamespace(check="alignment.iou", method="grad_cam", values={0: 0.25})
    assert keys.evidence(TABLE, 0) != keys.evidence(other, 0)


def test_a_file_is_read_once(facts, pictures):
    """Its digest is part of every key."""
    data = pictures("abc")
    keys = RowKeys(facts, data)
    for _ in range(3):
        keys.logits(0)
        keys.picture(0)
    assert data.asked == 1
