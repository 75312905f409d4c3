"""`explain-gate cache`: what is kept is told, pruned and removed."""

from __future__ import annotations

import pytest

from explain_gate.commands.cache import cache
from explain_gate.measuring.remembering.store import Cache
from explain_gate.options import RunOptions


@pytest.fixture
def told(tmp_path):
    """Does an action on the cache below `tmp_path / cache` and returns the lines."""

    def do(action, most_bytes=0):
        lines = []
        options = RunOptions(config=str(tmp_path / "thresholds.yaml"), cache_dir=str(tmp_path / "cache"))
        cache(action, options, most_bytes=most_bytes, say=lines.append)
        return lines

    return do


def fill(tmp_path):
    with Cache(tmp_path / "cache") as kept:
        kept.put("maps", {str(number): bytes(1000) for number in range(5)})
        kept.put("scores", {"a": b"1"})


def test_show_says_how_much_of_each_kind(tmp_path, told):
    """Entries and bytes."""
    fill(tmp_path)
    assert [line.split() for line in told("show")] == [
        ["maps", "5", "entries", "5,000", "bytes"],
        ["scores", "1", "entries", "1", "bytes"],
    ]


def test_prune_leaves_at_most_so_much_and_clear_nothing(tmp_path, told):
    """What goes is said."""
    fill(tmp_path)
    assert told("prune", most_bytes=2500)[0].endswith("3,000 bytes dropped")
    assert told("clear") == [f"{tmp_path / 'cache'}: cleared"]
    assert told("show") == []


def test_a_project_that_measured_nothing_has_no_cache(tmp_path, told):
    """And none is made by asking."""
    assert told("show") == [f"{tmp_path / 'cache'}: no cache"]
    assert not (tmp_path / "cache").exists()


def test_a_project_keeps_it_beside_its_file(tmp_path):
    """The folder of a run with the same options."""
    lines = []
    cache("show", RunOptions(config=str(tmp_path / "thresholds.yaml")), most_bytes=0, say=lines.append)
    assert lines == [f"{tmp_path / '.explain-gate' / 'cache'}: no cache"]
