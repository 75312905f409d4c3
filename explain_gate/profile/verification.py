"""Whether every file of a run's folder is the one that the run left there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explain_gate.errors import OptionError
from explain_gate.profile.sums import SUMS, file_digest, manifest_digests, read_sums

VERDICT = "verdict.json"
MANIFEST = "profile/manifest.json"
_UNSIGNED = frozenset({SUMS, ".written"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of comparing files with their digests.

    `held` counts files that are as they were left, `differs` says of each other one what is wrong, `unlisted` are files
    that no list names and `unchecked` those of the run whose digest nobody wrote down.
    """

    held: int
    differs: tuple[str, ...]
    unlisted: tuple[str, ...]
    unchecked: tuple[str, ...]


def check_files(folder: Path) -> Checked:
    """Compare every file with SHA256SUMS, and those of the profile with its manifest as well.

    Raises:
        OptionError: the folder is no run's.
    """
    read_verdict(folder)
    sums = read_sums(folder)
    expected = {
        **(sums or {}),
        **{f"profile/{name}": one for name, one in manifest_digests(folder / "profile").items()},
    }
    differs, held = [], 0
    for name, digest in sorted(expected.items()):
        told = _difference(folder, name, digest)
        differs += [told] if told else []
        held += not told
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    rest = sorted(there - set(expected) - _UNSIGNED)
    known = tuple(name for name in rest if sums is None and (name in (VERDICT, MANIFEST) or "/" not in name))
    unlisted = tuple(name for name in rest if name not in known)
    return Checked(held=held, differs=tuple(differs), unlisted=unlisted, unchecked=known)


def read_verdict(folder: Path) -> dict[str, Any]:
    """verdict.json of a run's folder as JSON.

    Raises:
        OptionError: there is none, or it is damaged.
    """
    path = folder / VERDICT
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise OptionError(f"{folder}: must be a run's output folder, but there is no {VERDICT} in it") from error
    except (OSError, ValueError) as error:
        raise OptionError(f"{path}: is damaged: {error}") from error
    if not isinstance(document, dict) or "verdict" not in document:
        raise OptionError(f"{path}: is no verdict of explain-gate")
    return document


def _difference(folder: Path, name: str, digest: str) -> str:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        return f"{name}: leads out of the folder"
    try:
        now = file_digest(path)
    except OSError:
        return f"{name}: is missing"
    return "" if now == digest else f"{name}: is not the file of this run: SHA-256 {now[:12]}..., not {digest[:12]}..."
