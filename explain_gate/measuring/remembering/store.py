"""What was measured before: bytes by the digest of everything they depend on, in one SQLite file. Knows no tensors.

Safe for many processes at once and for a kill at any moment: each batch is one transaction. An entry whose checksum
does not hold is dropped; a file that is no database any more is set aside. A cache that cannot be used (read-only,
full disk, removed folder) is said so once and then does nothing: it saves time and must never cost a verdict.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_LOG = logging.getLogger(__name__)
_FILE = "measured.sqlite"
_AT_ONCE = 500  # keys of one question; SQLite allows 999 on old builds
_WAIT_SECONDS = 60.0
_KEEP = 0.9  # share of the bound that is left after an eviction, so that not every batch evicts
MOST_BYTES = 4 << 30
"""Default bound of one cache."""

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


class Cache:
    """Bytes by key. Use in a `with`; reading marks entries as used, the longest unused go first when it is full.

    Args:
        folder: made if it is missing; None for a cache that keeps nothing.
        most_bytes: bound of the content; the file is a few per cent larger.
    """

    def __init__(self, folder: Path | None, *, most_bytes: int = MOST_BYTES) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        self.found = 0
        self.kept = 0
        self._database: sqlite3.Connection | None = None
        self._generation = 0
        self._size = 0
        self._held = False
        self._read: set[str] = set()

    def __enter__(self) -> Self:
        if self.folder is not None:
            try:
                self._open(self.folder)
            except sqlite3.DatabaseError as error:
                if not _is_damaged(error):
                    self._give_up(error)
                else:
                    self._start_anew(error)
            except OSError as error:
                self._give_up(error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._careful() as database:
            if database is not None:
                self._mark_used(database)
                self._evict(database)
        self._close()

    def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The entries that there are and whose checksum holds."""
        found: dict[str, bytes] = {}
        with self._careful() as database:
            for start in range(0, len(keys) if database is not None else 0, _AT_ONCE):
                part = list(keys[start : start + _AT_ONCE])
                asked = f"SELECT key, checksum, content FROM entries WHERE key IN ({_marks(part)})"  # noqa: S608 - only question marks are put in
                for key, checksum, content in database.execute(asked, part):  # type: ignore[union-attr]
                    if _checksum(key, content) == checksum:
                        found[key] = content
                    else:
                        _LOG.warning("a damaged entry of the cache %s is measured again", self.folder)
        self._read.update(found)
        self.found += len(found)
        return found

    def has(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys that there are. They count as used, just before what this run reads or keeps."""
        found: set[str] = set()
        with self._careful() as database:
            for start in range(0, len(keys) if database is not None else 0, _AT_ONCE):
                part = list(keys[start : start + _AT_ONCE])
                asked = f"SELECT key FROM entries WHERE key IN ({_marks(part)})"  # noqa: S608 - only question marks are put in
                found.update(key for (key,) in database.execute(asked, part))  # type: ignore[union-attr]
            if database is not None:
                self._renew(database, found, self._generation - 1)
        return found

    def everything(self) -> list[tuple[str, dict[str, bytes]]]:
        """All entries by kind, for another cache to put."""
        found: dict[str, dict[str, bytes]] = {}
        with self._careful() as database:
            if database is not None:
                for kind, key, content in database.execute("SELECT kind, key, content FROM entries"):
                    found.setdefault(kind, {})[key] = content
        return list(found.items())

    def hold(self) -> None:
        """Evict nothing before the end: a run reads what others put here for it, be it more than the bound."""
        self._held = True

    @property
    def usable(self) -> bool:
        """Whether it is open, and so far nothing went wrong."""
        return self._database is not None

    def put(self, kind: str, entries: Mapping[str, bytes], *, fleeting: bool = False) -> None:
        """Keep entries: all of them or, when the process dies on the way, none. Fleeting ones are evicted first."""
        if not entries:
            return
        with self._careful() as database:
            if database is None:
                return
            rows = [
                (key, kind, self._generation - fleeting, len(content), _checksum(key, content), content)
                for key, content in entries.items()
            ]
            with database:
                database.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?)", rows)
            self.kept += len(rows)
            self._size += sum(row[3] for row in rows)
            if self._size > self.most_bytes and not self._held:
                self._mark_used(database)
                self._evict(database)

    def sizes(self) -> list[CacheSize]:
        """What there is, by kind."""
        with self._careful() as database:
            if database is not None:
                rows = database.execute("SELECT kind, COUNT(*), SUM(size) FROM entries GROUP BY kind ORDER BY kind")
                return [CacheSize(kind=kind, entries=entries, size=size) for kind, entries, size in rows]
        return []

    def prune(self, most_bytes: int) -> int:
        """Drop the longest unused entries until at most so many bytes are left; returns the bytes dropped."""
        before = self._total()
        with self._careful() as database:
            if database is not None:
                self._evict(database, most_bytes)
        return before - self._total()

    def _open(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(folder / _FILE, timeout=_WAIT_SECONDS)
        self._database = database
        database.execute("PRAGMA auto_vacuum=INCREMENTAL")
        database.execute("PRAGMA journal_mode=WAL")
        # A power cut may lose the last batches, never the file; they are measured again.
        database.execute("PRAGMA synchronous=NORMAL")
        database.executescript(_TABLES)
        with database:
            self._generation = database.execute("SELECT COALESCE(MAX(used), 0) + 1 FROM entries").fetchone()[0]
        self._size = self._total()

    def _total(self) -> int:
        with self._careful() as database:
            if database is not None:
                return int(database.execute("SELECT COALESCE(SUM(size), 0) FROM entries").fetchone()[0])
        return 0

    def _mark_used(self, database: sqlite3.Connection) -> None:
        self._renew(database, self._read, self._generation)
        self._read.clear()

    @staticmethod
    def _renew(database: sqlite3.Connection, keys: Iterable[str], generation: int) -> None:
        with database:
            database.executemany(
                "UPDATE entries SET used = ? WHERE key = ? AND used < ?",
                [(generation, key, generation) for key in keys],
            )

    def _evict(self, database: sqlite3.Connection, most: int | None = None) -> None:
        bound = self.most_bytes if most is None else most
        self._size = int(database.execute("SELECT COALESCE(SUM(size), 0) FROM entries").fetchone()[0])
        if self._size <= bound:
            return
        target = int(bound * _KEEP) if most is None else bound
        doomed = []
        for rowid, size in database.execute("SELECT rowid, size FROM entries ORDER BY used, rowid"):
            if self._size <= target:
                break
            doomed.append((rowid,))
            self._size -= size
        with database:
            database.executemany("DELETE FROM entries WHERE rowid = ?", doomed)
        database.execute("PRAGMA incremental_vacuum").fetchall()

    @contextlib.contextmanager
    def _careful(self) -> Iterator[sqlite3.Connection | None]:
        """The database, or None; whatever goes wrong with it ends the cache, not the run."""
        try:
            yield self._database
        except sqlite3.DatabaseError as error:
            if _is_damaged(error):
                self._start_anew(error)
            else:
                self._give_up(error)
        except OSError as error:
            self._give_up(error)

    def _start_anew(self, error: Exception) -> None:
        _LOG.warning("the cache %s is damaged (%s) and starts anew", self.folder, error)
        self._close()
        if self.folder is None:
            return
        try:
            clear(self.folder)
            self._open(self.folder)
        except (sqlite3.Error, OSError) as again:
            self._give_up(again)

    def _give_up(self, error: Exception) -> None:
        _LOG.warning("the cache %s cannot be used (%s); everything is measured", self.folder, error)
        self._close()

    def _close(self) -> None:
        if self._database is not None:
            with contextlib.suppress(sqlite3.Error):
                self._database.close()
        self._database = None


def default_folder(config: Path) -> Path:
    """Where the cache of a thresholds.yaml lies unless it is said otherwise."""
    return config.absolute().parent / ".explain-gate" / "cache"


def clear(folder: Path) -> None:
    """Remove a cache's files."""
    for ending in ("", "-wal", "-shm", "-journal"):
        (folder / f"{_FILE}{ending}").unlink(missing_ok=True)


def _is_damaged(error: sqlite3.Error) -> bool:
    name = getattr(error, "sqlite_errorname", "") or ""
    return name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def _marks(keys: Sequence[str]) -> str:
    return ",".join("?" * len(keys))


def _checksum(key: str, content: bytes) -> bytes:
    # The key is part of it: an entry that slipped under another key is damaged too.
    return hashlib.blake2b(content, digest_size=16, key=key.encode()[:64]).digest()
