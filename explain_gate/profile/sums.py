"""SHA256SUMS of an output folder: the digest of every file that a run left, as `sha256sum -c SHA256SUMS` reads them.

Files of a profile are not read again: their digests are those of its manifest.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from explain_gate.profile.manifest import FILES

SUMS = "SHA256SUMS"
_PROFILES = ("profile", "reference")
_MANIFEST = "manifest.json"


def write_sums(folder: Path, names: Iterable[str]) -> None:
    """Write the digests of these files of a folder, paths inside it; what is no file any more is left out.

    Raises:
        OSError: a file cannot be read, or the list cannot be written.
    """
    known = {f"{part}/{name}": digest for part in _PROFILES for name, digest in manifest_digests(folder / part).items()}
    listed = sorted(set(names) - {SUMS})
    sums = {name: known.get(name) or file_digest(folder / name) for name in listed if (folder / name).is_file()}
    _write(folder, sums)


def renew(folder: Path, names: Iterable[str]) -> None:
    """Put the digests that these files have now into the list, where there is one; the others keep theirs.

    Raises:
        OSError: a file cannot be read, or the list cannot be written.
    """
    sums = read_sums(folder)
    if sums is None:
        return
    again = set(names) - {SUMS}
    kept = {name: digest for name, digest in sums.items() if name not in again}
    _write(folder, kept | {name: file_digest(folder / name) for name in again if (folder / name).is_file()})


def read_sums(folder: Path) -> dict[str, str] | None:
    """Digest by path inside the folder; None where the run left no list, as earlier versions did."""
    try:
        text = (folder / SUMS).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    return dict(_entry(line) for line in text.split("\n") if line)


def manifest_digests(profile: Path) -> dict[str, str]:
    """Digest by path inside a profile's folder, from its manifest; empty where there is none or it lists none."""
    try:
        files = json.loads((profile / _MANIFEST).read_text(encoding="utf-8")).get(FILES)
    except (OSError, ValueError, AttributeError):
        return {}
    return dict(files) if isinstance(files, Mapping) else {}


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(folder: Path, sums: Mapping[str, str]) -> None:
    draft = folder / f".{SUMS}.{os.getpid()}"
    text = "".join(_line(name, digest) for name, digest in sorted(sums.items()))
    draft.write_text(text, encoding="utf-8", errors="surrogateescape")
    draft.replace(folder / SUMS)


def _line(name: str, digest: str) -> str:
    """One line; as coreutils write it, a backslash in front says that the name's own and line breaks are escaped."""
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n")
    return f"{'' if escaped == name else chr(92)}{digest}  {escaped}\n"


def _entry(line: str) -> tuple[str, str]:
    escaped = line.startswith("\\")
    digest, _, name = line.removeprefix("\\").partition("  ")
    return (name.replace("\\n", "\n").replace("\\\\", "\\") if escaped else name), digest
