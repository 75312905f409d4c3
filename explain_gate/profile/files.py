"""The files of a profile's folder: their names, and that each is the one that was measured."""

from __future__ import annotations

import functools
import hashlib
import os
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from explain_gate.errors import ReferenceError

MANIFEST = "manifest.json"
REGIONS_FILE = "regions.npy"
STRENGTHS_FILE = "strengths.npy"
_SETTLED = 2.0
"""Seconds after which a file's time of change tells its content apart; clocks of file systems are coarse."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step, on disk when this returns: whoever reads it sees the old one or the new one, no part.

    Raises:
        OSError: it cannot be written; an earlier one is as it was.
    """
    draft = path.with_name(f".draft-{uuid.uuid4().hex}")  # of this call alone: two may write the same file
    try:
        with draft.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def maps_file(method: str) -> str:
    """Where the maps of a method lie inside the folder."""
    return f"maps/{method.replace(':', '.')}.npy"


def thumbnail_file(row: int) -> str:
    """Where the picture of a row lies inside the folder."""
    return f"thumbnails/{row:06d}.jpg"


def digests_of(folder: Path) -> dict[str, str]:
    """Of every file but the manifest and hidden ones, which are scratch."""
    names = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    listed = sorted(name for name in names if not any(part.startswith(".") for part in name.parts))
    return {name.as_posix(): file_digest(folder / name) for name in listed if name != Path(MANIFEST)}


def verify_file(folder: Path, name: str, digests: Mapping[str, str] | None) -> None:
    """Nothing is checked where there are no digests: such a profile is unverified, and says so."""
    if digests is None:
        return
    path = folder / name
    if name not in digests:
        if not path.exists():
            return  # never measured: whoever opens it finds nothing there
        raise ReferenceError(f"{path}: is no file of this profile: its manifest does not list it")
    try:
        stat = path.stat()
        settled = not 0 <= time.time() - stat.st_mtime <= _SETTLED
        content = _known_digest(path, stat.st_size, stat.st_mtime_ns, stat.st_ino) if settled else file_digest(path)
    except FileNotFoundError as error:
        raise ReferenceError(f"{path}: not a whole profile folder: {path} is missing") from error
    if content != digests[name]:
        raise ReferenceError(
            f"{path}: is not the file that was measured: its SHA-256 must be {digests[name][:12]}..., is "
            f"{content[:12]}.... Nothing of this profile counts; measure the version again"
        )


@functools.lru_cache(maxsize=100_000)
def _known_digest(path: Path, size: int, changed: int, inode: int) -> str:  # noqa: ARG001 - they tell contents apart
    return file_digest(path)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
