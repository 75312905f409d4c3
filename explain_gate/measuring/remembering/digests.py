"""Digests of JSON values and of files. Knows no tensors, so that what is remembered can be found without torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def digest(*parts: Any) -> str:
    """SHA-256 of JSON values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def files_in(value: Any, folder: Path) -> Any:
    """Options as JSON; a text that names a file (relative to `folder`), or a folder of files, becomes their digests."""
    if isinstance(value, Mapping):
        return {str(key): files_in(part, folder) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [files_in(part, folder) for part in value]
    if isinstance(value, str) and value.strip("./"):
        try:
            path = folder / value
            if path.is_file():
                return file_digest(path)
            if path.is_dir():
                return [
                    [str(file.relative_to(path)), file_digest(file)]
                    for file in sorted(path.rglob("*"))
                    if file.is_file()
                ]
        except (OSError, ValueError):
            return value
    return value if isinstance(value, int | float | str | None) else repr(value)
