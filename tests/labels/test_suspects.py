"""Lists are ranked by number and then by name."""

from explain_gate.labels.suspects import AuditRecord, Suspect, SuspectList, ranked


def suspect(row, number, image="a"):
    """A line."""
    return Suspect(row=row, image=image, class_name="c", number=number, why="")


def test_equal_numbers_stand_by_name():
    """So that the order of what was read does not matter."""
    lines = [suspect(0, 1.0, "b"), suspect(1, 2.0, "c"), suspect(2, 1.0, "a")]
    assert [one.row for one in ranked(lines, lowest=True)] == [2, 0, 1]
    assert [one.row for one in ranked(lines[::-1], lowest=False)] == [1, 2, 0]


def test_a_sample_on_two_lists_is_named_once():
    """In the order of the lists."""
    lists = tuple(
        SuspectList(name="doubted", measure="", suspects=(suspect(row, 0.0), suspect(3, 0.0))) for row in (7, 1)
    )
    record = AuditRecord(task="t", versions=(), model="m", images=9, left_out=0, seed=0, lists=lists)
    assert record.named() == (7, 3, 1)
