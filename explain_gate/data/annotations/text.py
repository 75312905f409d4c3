"""Text files of annotations in whatever encoding their tool wrote: UTF-8 and UTF-16 with or without mark, else said."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

from explain_gate.data.git_lfs import pointer_fault
from explain_gate.errors import DataError

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16's, which it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_text(path: Path) -> tuple[str, tuple[str, ...]]:
    """The text, and a note where its encoding had to be guessed.

    Raises:
        DataError: the file cannot be read, or is a Git LFS pointer.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if fault := pointer_fault(path):
        raise DataError(fault)
    for mark, name in _MARKS.items():
        if raw.startswith(mark):
            try:
                return raw.decode(name), ()
            except UnicodeDecodeError as error:
                raise DataError(f"{path}: begins like {name} and is not ({error})") from error
    try:
        return raw.decode("utf-8"), ()
    except UnicodeDecodeError as error:
        if b"\0" in raw:
            raise DataError(f"{path}: not a text file ({error})") from error
        note = (
            f"{path}: is not UTF-8 (byte {error.start}); read as Windows-1252. Where names look wrong, save it as UTF-8"
        )
        return raw.decode("cp1252", errors="replace"), (note,)


def read_json(path: Path) -> tuple[Any, tuple[str, ...]]:
    """The JSON value of a file, and a note where its encoding had to be guessed.

    Raises:
        DataError: the file cannot be read, or is not JSON.
    """
    text, notes = read_text(path)
    try:
        return json.loads(text), notes
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not a readable JSON file ({error})") from error
