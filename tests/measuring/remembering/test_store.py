"""The cache alone: bytes in, the same bytes out, whatever happens to the file."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time

import pytest

from explain_gate.measuring.remembering.entries import clear
from explain_gate.measuring.remembering.store import Cache, closed, opened

WRITER = """
import sys
from pathlib import Path
from explain_gate.measuring.remembering.store import Cache, closed, opened
with Cache(Path(sys.argv[1])) as cache:
    for number in range(60):
        cache.put("maps", {f"{sys.argv[2]}-{number}": bytes([number]) * 5000, f"shared-{number}": bytes([number])})
"""


def test_what_was_kept_is_read_by_another_process(tmp_path):
    """Entries outlive the process that wrote them."""
    with Cache(tmp_path / "cache") as cache:
        cache.put("maps", {"a": b"1", "b": b""})
    with Cache(tmp_path / "cache") as cache:
        assert cache.get(["a", "b", "c"]) == {"a": b"1", "b": b""}
        assert (cache.read, cache.written) == (2, 0)


def test_without_a_folder_nothing_is_kept():
    """The cache of a run with --no-cache."""
    with Cache(None) as cache:
        cache.put("maps", {"a": b"1"})
        assert cache.get(["a"]) == {}
        assert cache.sizes() == []


def test_a_damaged_entry_is_not_found(tmp_path):
    """One flipped byte, or content under another key, is noticed by the checksum; the other entries stay."""
    with Cache(tmp_path) as cache:
        cache.put("maps", {"a": b"abc" * 100, "b": b"abd" * 100, "c": b"fine"})
    with sqlite3.connect(tmp_path / "measured.sqlite") as database:
        database.execute("UPDATE entries SET content = ? WHERE key = 'a'", (b"abC" * 100,))
        other = database.execute("SELECT checksum, content FROM entries WHERE key = 'c'").fetchone()
        database.execute("UPDATE entries SET checksum = ?, content = ? WHERE key = 'b'", other)
    database.close()
    with Cache(tmp_path) as cache:
        assert cache.get(["a", "b", "c"]) == {"c": b"fine"}
        cache.put("maps", {"a": b"again"})
        assert cache.get(["a"]) == {"a": b"again"}


@pytest.mark.parametrize("damage", ["text", "page", "truncated"])
def test_a_damaged_file_starts_anew(tmp_path, damage, caplog):
    """A file that is no database any more costs the entries, not the run."""
    with Cache(tmp_path) as cache:
        cache.put("maps", {str(number): bytes(3000) for number in range(50)})
    file = tmp_path / "measured.sqlite"
    content = bytearray(file.read_bytes())
    if damage == "text":
        content = bytearray(b"this is not a database" * 100)
    elif damage == "page":
        content[100:12_000] = b"\xab" * 11_900
    else:
        content = content[: len(content) // 3]
    file.write_bytes(content)
    with Cache(tmp_path) as cache:
        cache.get([str(number) for number in range(50)])
        cache.put("maps", {"new": b"1"})
    with Cache(tmp_path) as cache:
        assert cache.get(["new"]) == {"new": b"1"}
    assert "damaged" in caplog.text


def test_the_longest_unused_go_first(tmp_path, monkeypatch):
    """Size is bounded; what the last runs read stays, even when the clock went back a year."""
    with Cache(tmp_path, most_bytes=10_000) as cache:
        cache.put("maps", {f"old-{number}": bytes(1000) for number in range(8)})
    monkeypatch.setattr(time, "time", lambda: 0.0)
    with Cache(tmp_path, most_bytes=10_000) as cache:
        assert len(cache.get(["old-0", "old-1"])) == 2
    with Cache(tmp_path, most_bytes=10_000) as cache:
        cache.put("maps", {f"new-{number}": bytes(1000) for number in range(6)})
        assert sum(size.size for size in cache.sizes()) <= 10_000
        assert len(cache.get(["old-0", "old-1", "new-5"])) == 3
        assert len(cache.get([f"old-{number}" for number in range(2, 8)])) <= 1


def test_pruning_and_clearing(tmp_path):
    """Prune leaves at most the bytes that are asked for; clear leaves nothing."""
    with Cache(tmp_path) as cache:
        cache.put("maps", {str(number): bytes(1000) for number in range(10)})
        assert cache.prune(4000) == 6000
        assert [(size.kind, size.entries) for size in cache.sizes()] == [("maps", 4)]
    clear(tmp_path)
    with Cache(tmp_path) as cache:
        assert cache.sizes() == []


def test_many_processes_write_at_once(tmp_path):
    """Three writers lose nothing."""
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name], stderr=subprocess.PIPE, text=True)
        for name in "abc"
    ]
    assert [(writer.communicate(timeout=120)[1], writer.returncode) for writer in writers] == [("", 0)] * 3
    with Cache(tmp_path) as cache:
        for name in (*"abc", "shared"):
            assert len(cache.get([f"{name}-{number}" for number in range(60)])) == 60


def test_a_locked_database_is_waited_for_and_then_left(tmp_path, monkeypatch, caplog):
    """A process that hangs with the lock in its hands delays a run, and does not stop it."""
    monkeypatch.setattr("explain_gate.measuring.remembering.entries._WAIT_SECONDS", 0.05)
    with Cache(tmp_path) as cache:
        cache.put("maps", {"a": b"1"})
    holder = sqlite3.connect(tmp_path / "measured.sqlite", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with Cache(tmp_path) as cache:
        cache.put("maps", {"b": b"2"})
        cache.put("maps", {"c": b"2"})
    holder.close()
    assert caplog.text.count("cannot be used") == 1


def test_a_full_disk_ends_the_cache_and_nothing_else(tmp_path, caplog):
    """What does not fit is not kept; what was kept before can be read."""
    with Cache(tmp_path) as cache:
        cache.put("maps", {"a": b"1"})
        cache._entries._database.execute("PRAGMA max_page_count=8")
        cache.put("maps", {"b": bytes(1_000_000)})
        cache.put("maps", {"c": b"1"})
    assert "full" in caplog.text
    with Cache(tmp_path) as cache:
        assert cache.get(["a", "b"]) == {"a": b"1"}


@pytest.mark.parametrize("where", ["file/cache", "/proc/nowhere"])
def test_a_folder_that_cannot_be_made_is_said_once(tmp_path, where, caplog):
    """Read-only places measure everything."""
    (tmp_path / "file").write_text("")
    with Cache(tmp_path / where) as cache:
        cache.put("maps", {"a": b"1"})
        assert cache.get(["a"]) == {}
    assert caplog.text.count("cannot be used") == 1


def test_head_and_content_are_told_apart_whatever_the_content_is():
    """Pictures have line ends in them."""
    for content in (b"", b"\n\n", b'{"a": 1}\n'):
        assert opened(closed({"a": "line\nend", "b": 1}, content)) == ({"a": "line\nend", "b": 1}, content)
