"""Bytes by key in one SQLite file: what it says in SQL. Raises what SQLite raises; `store` decides what that costs."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_FILE = "measured.sqlite"
_AT_ONCE = 500  # keys of one question; SQLite allows 999 on old builds
_WAIT_SECONDS = 60.0

# Generations instead of times: a clock that jumps cannot make a fresh entry look old.
_TABLES = """
CREATE TABLE IF NOT EXISTS entries (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, used INTEGER NOT NULL, size INTEGER NOT NULL, checksum BLOB NOT NULL,
    content BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS by_use ON entries (used, size);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSize:
    """How much a cache holds of one kind ("maps", "scores", "logits", "pictures")."""

    kind: str
    entries: int
    size: int


class Entries:
    """The open table. `generation` is one more than any entry's when it was opened; `size` is that of all content.

    Args:
        folder: made if it is missing.

    Raises:
        sqlite3.Error, OSError: from here and from every method, whatever is wrong with folder or file.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(folder / _FILE, timeout=_WAIT_SECONDS)
        try:
            self._database.execute("PRAGMA auto_vacuum=INCREMENTAL")
            self._database.execute("PRAGMA journal_mode=WAL")
            # A power cut may lose the last batches, never the file; they are measured again.
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.executescript(_TABLES)
            newest = "SELECT COALESCE(MAX(used), 0) + 1 FROM entries"
            with self._database:
                self.generation = int(self._database.execute(newest).fetchone()[0])
            self.size = self.total()
        except BaseException:
            self.close()
            raise

    def read(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        """Key and content of those that there are; None where the checksum does not hold."""
        for part in _parts(keys):
            asked = f"SELECT key, checksum, content FROM entries WHERE key IN ({_marks(part)})"  # noqa: S608 - only question marks are put in
            for key, checksum, content in self._database.execute(asked, part):
                yield key, content if _checksum(key, content) == checksum else None

    def present(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys that there are."""
        present: set[str] = set()
        for part in _parts(keys):
            asked = f"SELECT key FROM entries WHERE key IN ({_marks(part)})"  # noqa: S608 - only question marks are put in
            present.update(key for (key,) in self._database.execute(asked, part))
        return present

    def everything(self) -> Iterator[tuple[str, str, bytes]]:
        """Kind, key and content of all."""
        yield from self._database.execute("SELECT kind, key, content FROM entries")

    def put(self, kind: str, contents: Mapping[str, bytes], generation: int) -> None:
        """Keep all of them or, when the process dies on the way, none."""
        rows = [
            (key, kind, generation, len(content), _checksum(key, content), content) for key, content in contents.items()
        ]
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?)", rows)
        self.size += sum(row[3] for row in rows)

    def mark_used(self, keys: Iterable[str], generation: int) -> None:
        """Say that a generation used them; a later one's word stands."""
        with self._database:
            self._database.executemany(
                "UPDATE entries SET used = ? WHERE key = ? AND used < ?",
                [(generation, key, generation) for key in keys],
            )

    def evict(self, most: int, left: int) -> None:
        """Where there are more than `most` bytes, drop the longest unused until at most `left` stay."""
        self.size = self.total()
        if self.size <= most:
            return
        doomed = []
        for rowid, size in self._database.execute("SELECT rowid, size FROM entries ORDER BY used, rowid"):
            if self.size <= left:
                break
            doomed.append((rowid,))
            self.size -= size
        with self._database:
            self._database.executemany("DELETE FROM entries WHERE rowid = ?", doomed)
        self._database.execute("PRAGMA incremental_vacuum").fetchall()

    def sizes(self) -> list[CacheSize]:
        """What there is, by kind."""
        asked = "SELECT kind, COUNT(*), SUM(size) FROM entries GROUP BY kind ORDER BY kind"
        return [
            CacheSize(kind=kind, entries=entries, size=size) for kind, entries, size in self._database.execute(asked)
        ]

    def total(self) -> int:
        """Bytes of all content."""
        return int(self._database.execute("SELECT COALESCE(SUM(size), 0) FROM entries").fetchone()[0])

    def close(self) -> None:
        """Let go of the file, in whatever state it is."""
        with contextlib.suppress(sqlite3.Error):
            self._database.close()


def clear(folder: Path) -> None:
    """Remove a cache's files."""
    for ending in ("", "-wal", "-shm", "-journal"):
        (folder / f"{_FILE}{ending}").unlink(missing_ok=True)


def is_damaged(error: Exception) -> bool:
    """Whether the file is no database any more."""
    name = getattr(error, "sqlite_errorname", "") or ""
    return isinstance(error, sqlite3.DatabaseError) and name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def _parts(keys: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), _AT_ONCE):
        yield list(keys[start : start + _AT_ONCE])


def _marks(keys: Sequence[str]) -> str:
    return ",".join("?" * len(keys))


def _checksum(key: str, content: bytes) -> bytes:
    # The key is part of it: an entry that slipped under another key is damaged too.
    return hashlib.blake2b(content, digest_size=16, key=key.encode()[:64]).digest()
