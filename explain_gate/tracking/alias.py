"""The registry alias: it moves forward by the gate, back only where a person says so, and every move is on record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from explain_gate.errors import TrackingError
from explain_gate.profile.files import write_whole
from explain_gate.profile.sums import renew
from explain_gate.tracking.store import Store
from explain_gate.tracking.submission import Submission

JUDGED_AT = "explain_gate.judged_at"
MOVE = "explain_gate.alias"
"""Tags of a model version that record its moves: `explain_gate.alias.<alias>.<milliseconds since 1970>`."""

_FULL_PASS = "full pass of the gate"  # noqa: S105 - a pass, not a password
_VERDICT = "verdict.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One move of an alias. `before` is the version that held it, None for none; `at` is ISO 8601 in UTC."""

    model: str
    alias: str
    before: str | None
    after: str
    by: str
    at: str
    why: str

    def to_plain(self) -> dict[str, str | None]:
        """As JSON on the model version, the run and in verdict.json."""
        return {
            "model": self.model,
            "alias": self.alias,
            "from": self.before,
            "to": self.after,
            "by": self.by,
            "at": self.at,
            "why": self.why,
        }

    @classmethod
    def from_json(cls, text: str) -> Move | None:
        """The inverse; None for what is no move."""
        try:
            plain = json.loads(text)
            return cls(**{{"from": "before", "to": "after"}.get(name, name): plain[name] for name in plain})
        except (ValueError, TypeError, AttributeError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """What became of an alias: its move, or `kept` says why it stayed; both are None where none was asked for."""

    move: Move | None = None
    kept: str | None = None


def promote(store: Store, registered: tuple[str, str], alias: tuple[str, str], submission: Submission) -> Promotion:
    """Give `alias`, a (model, alias) pair, to a version that passed in full, if that is forward or allowed.

    Forward is a higher version than the holder's. The tag comes first and the alias last, so that no move is without
    its record; what an interruption left is completed by the next call.

    Raises:
        TrackingError: the store is away or refuses.
    """
    (name, version), (model, label) = registered, alias
    if name != model:
        return Promotion(kept=f"the model is {name}, the alias belongs to {model}")
    holder = store.find(store.client.get_model_version_by_alias, model, label)
    held = str(holder.version) if holder is not None else None
    key = f"{MOVE}.{label}.{submission.ended}"
    if holder is not None and held == version:
        own = Move.from_json(holder.tags.get(key, ""))
        return Promotion(move=own) if own else Promotion(kept=f"{label} is on version {version} already")
    if holder is not None and is_newer(holder, submission):
        return Promotion(kept=f"{label} has moved to version {held}, which was judged later")
    back = held is not None and int(held) > int(version)
    if back and submission.alias_back is None:
        return Promotion(
            kept=f"{label} stays on version {held}: {version} is an earlier version, and the gate moves an alias "
            'forward only. A person moves it back: explain-gate run --allow-alias-back "the reason"'
        )
    taken = _taken_from(holder, label, int(version))
    if taken is not None:
        return Promotion(
            kept=f"{label} stays on version {held}: {taken.by} moved it back from version {taken.before} on "
            f"{taken.at[:10]} ({taken.why}). A person moves it there again: explain-gate approve "
            f"models:/{name}/{version} --by NAME --reason TEXT"
        )
    move = Move(
        model=model,
        alias=label,
        before=held,
        after=version,
        by=submission.started_by or "unknown",
        at=datetime.fromtimestamp(submission.ended / 1000, UTC).isoformat(timespec="seconds"),
        why=f"moved back by a person: {submission.alias_back}" if back else _FULL_PASS,
    )
    store.call(store.client.set_model_version_tag, model, version, key, json.dumps(move.to_plain()))
    store.call(store.client.set_registered_model_alias, model, label, version)
    return Promotion(move=move)


def _taken_from(holder: Any, label: str, version: int) -> Move | None:
    """The move by which a person took the alias back from this version or a later one; the gate does not undo it."""
    moves = [move for move in moves_of(holder.tags) if move.alias == label] if holder is not None else []
    last = moves[-1] if moves else None
    if last is None or last.before is None or not int(last.after) < version <= int(last.before):
        return None
    return last


def is_newer(version: Any, submission: Submission) -> bool:
    """Whether a registered version was judged after this submission."""
    return int(version.tags.get(JUDGED_AT, "0")) > submission.ended


def moves_of(tags: Mapping[str, str]) -> tuple[Move, ...]:
    """The moves that a model version's tags record, oldest first."""
    moves = [Move.from_json(value) for name, value in tags.items() if name.startswith(f"{MOVE}.")]
    return tuple(sorted((move for move in moves if move is not None), key=lambda move: move.at))


def write_move(folder: Path, move: Move, *, like: Path | None = None) -> Path | None:
    """Give the move its line in the verdict.json of a folder; returns the file, None where there is none.

    The file is replaced whole: it may be linked from elsewhere. With `like`, another folder of the same run, a
    verdict.json that is not this run's is left alone.

    Raises:
        TrackingError: it cannot be written.
    """
    path = folder / _VERDICT
    document, other = _read(path), _read(like / _VERDICT) if like else None
    if document is None or (other is not None and _run_of(other) != _run_of(document)):
        return None
    text = json.dumps({**document, "promotion": move.to_plain()}, indent=2, allow_nan=False, ensure_ascii=False)
    try:
        write_whole(path, (text + "\n").encode("utf-8", "backslashreplace"))
        renew(folder, [_VERDICT])
    except OSError as error:
        raise TrackingError(f"{path}: the move of {move.alias} cannot be written into it: {error}") from error
    return path


def _run_of(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "promotion"}


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None
