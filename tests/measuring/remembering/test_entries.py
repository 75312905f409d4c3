"""The table of a cache: what it holds, what it drops first, and what a damaged file raises."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from explain_gate.measuring.remembering.entries import Entries, clear, is_damaged


@pytest.fixture
def entries(tmp_path):
    """An open, empty table."""
    with contextlib.closing(Entries(tmp_path)) as opened:
        yield opened


def test_more_keys_are_asked_for_than_one_question_takes(entries):
    """SQLite allows 999 values in one statement on old builds."""
    keys = [str(number) for number in range(1200)]
    entries.put("scores", {key: key.encode() for key in keys}, entries.generation)
    assert dict(entries.read(keys)) == {key: key.encode() for key in keys}
    assert entries.present([*keys, "none"]) == set(keys)
    assert [(one.kind, one.entries) for one in entries.sizes()] == [("scores", 1200)]


def test_the_least_used_go_first_and_only_as_many_as_needed(entries):
    """Ten bytes of room for four entries of five."""
    for generation, key in enumerate("abcd", start=1):
        entries.put("maps", {key: b"12345"}, generation)
    entries.mark_used(["a"], 9)
    entries.mark_used(["a"], 2)
    entries.evict(15, 10)
    assert entries.present("abcd") == {"a", "d"}
    assert entries.size == entries.total() == 10


def test_nothing_goes_while_there_is_room(entries):
    """An entry exactly as large as the bound stays."""
    entries.put("maps", {"a": b"12345"}, 1)
    entries.evict(5, 0)
    assert entries.present(["a"]) == {"a"}


def test_a_later_opening_is_a_later_generation(tmp_path):
    """So that what an earlier run used is older, whatever the clock says."""
    with contextlib.closing(Entries(tmp_path)) as first:
        first.put("maps", {"a": b"1"}, first.generation)
        began = first.generation
    with contextlib.closing(Entries(tmp_path)) as second:
        assert second.generation == began + 1


def test_a_file_that_is_no_database_is_told_as_damaged(tmp_path):
    """And is gone after `clear`; a folder that is a file is another fault."""
    (tmp_path / "measured.sqlite").write_bytes(b"this is not a database" * 100)
    with pytest.raises(sqlite3.DatabaseError) as caught:
        Entries(tmp_path)
    assert is_damaged(caught.value)
    clear(tmp_path)
    Entries(tmp_path).close()
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file") as caught:
        Entries(tmp_path / "file")
    assert not is_damaged(caught.value)
