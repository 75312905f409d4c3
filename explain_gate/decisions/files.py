"""The files of decisions: one each, named by what it is about, so that two branches that are reviewed merge in git.

Two people write different files, and so does one person about two maps. Only one person who decides twice about one map
writes one file twice, and git then asks which holds.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from explain_gate.decisions.likeness import cells_of
from explain_gate.errors import DataError, OptionError
from explain_gate.profile.files import write_whole
from explain_gate.records import Decision, Opinion

FOLDER = "reviews"
LONGEST_NOTE = 2000
_REVIEWER = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,39}")
_MOST_BYTES = 32_768
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def read_decisions(folder: Path) -> tuple[Decision, ...]:
    """Every decision of a folder, oldest first; none where there is no folder.

    Hidden files and README.md are nobody's decision and are left alone.

    Raises:
        DataError: a file cannot be read, is damaged, holds something that no decision holds, or has the name of another
            one. Every such file is named.
    """
    decisions, faults = [], []
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in paths:
        if path.name.startswith(".") or path.name == "README.md":
            continue
        try:
            decisions.append(read_decision(path))
        except DataError as error:
            faults.append(str(error))
    if faults:
        raise DataError("\n".join(faults))
    return in_order(decisions)


def read_decision(path: Path) -> Decision:
    """One decision.

    Raises:
        DataError: as `read_decisions`.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path}: must be a decision of at most {_MOST_BYTES} bytes")
        decision = _from_text(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the file"
        raise DataError(f"{path}: is no decision of explain-gate review: {key}: {first['msg']}") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    if path.name != file_name(decision):
        raise DataError(f"{path}: must be called {file_name(decision)}, after what it is about and who decided")
    return decision


def write_decision(decision: Decision, folder: Path) -> Path:
    """Write a decision whole or not at all, in place of what its reviewer decided about this map before.

    Raises:
        OptionError: the folder cannot be written.
    """
    path = folder / file_name(decision)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, text_of(decision).encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise OptionError(f"{path}: cannot be written: {error.strerror}") from error
    return path


def take_decisions(file: Path, folder: Path) -> tuple[int, int]:
    """Put the decisions of a saved page into their files; one that its reviewer has decided again since stays.

    Returns:
        How many were taken, and how many the file holds.

    Raises:
        DataError: the file cannot be read or holds something that no decision holds; then none is taken.
        OptionError: the folder cannot be written.
    """
    try:
        saved = _Saved.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the file"
        raise DataError(f"{file}: is no file of a saved review: {key}: {first['msg']}") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: cannot be read: {error}") from error
    known = {file_name(one): one for one in read_decisions(folder)}
    taken = 0
    for decision in in_order(Decision(**one.model_dump()) for one in saved.decisions):
        before = known.get(file_name(decision))
        if before is None or _moment(before) < _moment(decision):
            write_decision(decision, folder)
            taken += 1
    return taken, len(saved.decisions)


def remove_decision(decision: Decision, folder: Path) -> None:
    """Take a decision back.

    Raises:
        OptionError: the folder cannot be written.
    """
    try:
        (folder / file_name(decision)).unlink(missing_ok=True)
    except OSError as error:
        raise OptionError(f"{folder / file_name(decision)}: cannot be removed: {error.strerror}") from error


def text_of(decision: Decision) -> str:
    """The file's content."""
    return json.dumps(asdict(decision), indent=2, ensure_ascii=False) + "\n"


def file_name(decision: Decision) -> str:
    """`cat_017.png--grad_cam--7c0b1f6e2d8a9b34--anna.json`: unique by image, annotation, method, map and reviewer."""
    return f"{name_of_map(decision)}--{decision.reviewer}.json"


def name_of_map(decision: Decision) -> str:
    """A file's name without its reviewer."""
    about = (decision.image, decision.image_digest, decision.annotation_digest, decision.method, decision.map_digest)
    key = hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]
    image, method = (re.sub(r"[^A-Za-z0-9._]+", "_", name)[-60:].lstrip(".") for name in about[::3])
    return f"{image}--{method}--{key}"


def reviewer_of(name: str) -> str:
    """A reviewer's name as files hold it, in small letters.

    Raises:
        OptionError: it cannot be part of a file's name.
    """
    plain = name.strip().lower()
    if not _REVIEWER.fullmatch(plain):
        raise OptionError(
            f"a reviewer's name must be 1 to 40 letters without accents, digits or . _ @ + -, such as a login, got "
            f"{name!r}"
        )
    return plain


def in_order(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Oldest first, by the moment, whatever its zone."""
    return tuple(sorted(decisions, key=lambda one: (_moment(one), file_name(one))))


def _moment(decision: Decision) -> dt.datetime:
    return dt.datetime.fromisoformat(decision.at)


class _File(BaseModel):
    """What a file holds, key by key."""

    model_config = ConfigDict(extra="forbid", strict=True)

    opinion: Opinion
    note: Annotated[str, Field(max_length=LONGEST_NOTE)]
    reviewer: Annotated[str, Field(pattern=f"^{_REVIEWER.pattern}$")]
    at: str
    image: Annotated[str, Field(min_length=1)]
    method: Annotated[str, Field(min_length=1)]
    image_digest: _Digest
    annotation_digest: _Digest
    map_digest: _Digest
    sketch: str
    version: Annotated[str, Field(max_length=200)]

    @field_validator("at")
    @classmethod
    def _with_zone(cls, value: str) -> str:
        if dt.datetime.fromisoformat(value).tzinfo is None:
            raise ValueError("must say its zone, such as 2027-01-31T09:30:00+01:00")
        return value

    @field_validator("sketch")
    @classmethod
    def _of_a_map(cls, value: str) -> str:
        cells_of(value)
        return value


class _Saved(BaseModel):
    """What a page without a server saves."""

    model_config = ConfigDict(extra="forbid", strict=True)

    decisions: list[_File]


def _from_text(content: bytes) -> Decision:
    return Decision(**_File.model_validate_json(content).model_dump())
