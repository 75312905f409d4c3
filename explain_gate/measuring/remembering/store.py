"""What was measured before: bytes by the digest of everything they depend on, in one SQLite file. Knows no tensors.

Safe for many processes at once and for a kill at any moment: each batch is one transaction. An entry whose checksum
does not hold is dropped; a file that is no database any more is set aside. A cache that cannot be used (read-only,
full disk, removed folder) is said so once and then does nothing: it saves time and must never cost a verdict.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from explain_gate.measuring.remembering.entries import CacheSize, Entries, clear, is_damaged

_LOG = logging.getLogger(__name__)
_KEEP = 0.9  # share of the bound that is left after an eviction, so that not every batch evicts
MOST_BYTES = 4 << 30
"""Default bound of one cache."""


class Cache:
    """Bytes by key. Use in a `with`; reading marks entries as used, the longest unused go first when it is full.

    Args:
        folder: made if it is missing; None for a cache that keeps nothing.
        most_bytes: bound of the content; the file is a few per cent larger.
    """

    def __init__(self, folder: Path | None, *, most_bytes: int = MOST_BYTES) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        self.read = 0
        self.written = 0
        self._entries: Entries | None = None
        self._held = False
        self._used: set[str] = set()

    def __enter__(self) -> Self:
        if self.folder is not None:
            try:
                self._entries = Entries(self.folder)
            except (sqlite3.DatabaseError, OSError) as error:
                self._go_wrong(error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._careful() as entries:
            if entries is not None:
                self._make_room(entries)
        if self._entries is not None:
            self._entries.close()
        self._entries = None

    def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The entries that there are and whose checksum holds."""
        contents: dict[str, bytes] = {}
        with self._careful() as entries:
            for key, content in entries.read(keys) if entries is not None else ():
                if content is not None:
                    contents[key] = content
                else:
                    _LOG.warning("a damaged entry of the cache %s is measured again", self.folder)
        self._used.update(contents)
        self.read += len(contents)
        return contents

    def has(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys that there are. They count as used, just before what this run reads or keeps."""
        present: set[str] = set()
        with self._careful() as entries:
            if entries is not None:
                present = entries.present(keys)
                entries.mark_used(present, entries.generation - 1)
        return present

    def everything(self, kinds: Collection[str] | None = None) -> list[tuple[str, dict[str, bytes]]]:
        """All entries by kind, or those of some kinds, for another cache to put."""
        by_kind: dict[str, dict[str, bytes]] = {}
        with self._careful() as entries:
            for kind, key, content in entries.everything() if entries is not None else ():
                if kinds is None or kind in kinds:
                    by_kind.setdefault(kind, {})[key] = content
        return list(by_kind.items())

    def hold(self) -> None:
        """Evict nothing before the end: a run reads what others put here for it, be it more than the bound."""
        self._held = True

    @property
    def usable(self) -> bool:
        """Whether it is open, and so far nothing went wrong."""
        return self._entries is not None

    def put(self, kind: str, contents: Mapping[str, bytes], *, fleeting: bool = False) -> None:
        """Keep entries: all of them or, when the process dies on the way, none. Fleeting ones are evicted first."""
        if not contents:
            return
        with self._careful() as entries:
            if entries is None:
                return
            entries.put(kind, contents, entries.generation - fleeting)
            self.written += len(contents)
            if entries.size > self.most_bytes and not self._held:
                self._make_room(entries)

    def sizes(self) -> list[CacheSize]:
        """What there is, by kind."""
        with self._careful() as entries:
            if entries is not None:
                return entries.sizes()
        return []

    def prune(self, most_bytes: int) -> int:
        """Drop the longest unused entries until at most so many bytes are left; returns the bytes dropped."""
        with self._careful() as entries:
            if entries is not None:
                before = entries.total()
                entries.evict(most_bytes, most_bytes)
                return before - entries.size
        return 0

    def _make_room(self, entries: Entries) -> None:
        """Say what this run used, then drop what it used least."""
        entries.mark_used(self._used, entries.generation)
        self._used.clear()
        entries.evict(self.most_bytes, int(self.most_bytes * _KEEP))

    @contextlib.contextmanager
    def _careful(self) -> Iterator[Entries | None]:
        """The open entries, or None; whatever goes wrong with them ends the cache, not the run."""
        try:
            yield self._entries
        except (sqlite3.DatabaseError, OSError) as error:
            self._go_wrong(error)

    def _go_wrong(self, error: Exception) -> None:
        """Start a damaged file anew; for anything else, and where that fails too, do without."""
        if self._entries is not None:
            self._entries.close()
        self._entries = None
        if self.folder is not None and is_damaged(error):
            _LOG.warning("the cache %s is damaged (%s) and starts anew", self.folder, error)
            try:
                clear(self.folder)
                self._entries = Entries(self.folder)
            except (sqlite3.Error, OSError) as again:
                error = again
            else:
                return
        _LOG.warning("the cache %s cannot be used (%s); everything is measured", self.folder, error)


def default_folder(config: Path) -> Path:
    """Where the cache of a thresholds.yaml lies unless it is said otherwise."""
    return config.absolute().parent / ".explain-gate" / "cache"


def closed(head: Mapping[str, Any], content: bytes) -> bytes:
    """A head, as JSON, and what it describes in one entry."""
    return json.dumps(dict(head)).encode() + b"\n" + content


def opened(entry: bytes) -> tuple[dict[str, Any], bytes]:
    """The head and the content of an entry."""
    head, _, rest = entry.partition(b"\n")
    facts: dict[str, Any] = json.loads(head)
    return facts, rest
