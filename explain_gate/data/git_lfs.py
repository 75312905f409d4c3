"""Git LFS pointers: small texts in a working tree that stand for large files nobody has fetched yet."""

from __future__ import annotations

from pathlib import Path

_START = b"version https://git-lfs.github.com/spec/"


def pointer_fault(path: Path) -> str | None:
    """What to do where a file is a pointer instead of its content; None for every other file, and for none at all."""
    try:
        with path.open("rb") as stream:
            start = stream.read(len(_START))
    except OSError:
        return None
    if start != _START:
        return None
    return (
        f"{path}: is a Git LFS pointer, not the file itself. Fetch it with `git lfs pull`; in GitHub Actions write "
        "`lfs: true` under actions/checkout"
    )
