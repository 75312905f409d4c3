"""A person's approval of a version: on record first, then, with as many names as the file asks for, the alias moves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from explain_gate.errors import OptionError
from explain_gate.redact import redact
from explain_gate.tracking.alias import MOVE, Move, moves_of
from explain_gate.tracking.attested import attested
from explain_gate.tracking.registry import RUN_ID, register
from explain_gate.tracking.settings import TrackingSettings
from explain_gate.tracking.store import Store, connect
from explain_gate.tracking.submission import EVIDENCE
from explain_gate.tracking.versions import RecordedVersion, last_run, recorded_version, verdict_of

APPROVAL = "explain_gate.approval"
"""Tags of a model version that record approvals: `explain_gate.approval.<alias>.<milliseconds>.<digest>`, so that two
people who write at once write two tags."""
_LONGEST = {"--by": 100, "--reason": 1000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One person's word for a version. `at` is ISO 8601 in UTC, `expires` its last day, None for none.

    `despite` says what spoke against the version when it was approved, empty where nothing did. `recorded_by` is the
    account that ran the command, which nobody typed. `attested` is what vouches for the run, empty where nothing does.
    """

    model: str
    alias: str
    version: str
    by: str
    at: str
    why: str
    despite: str = ""
    expires: str | None = None
    recorded_by: str = ""
    attested: str = ""

    @classmethod
    def from_json(cls, text: str) -> Approval | None:
        """One from a tag; None for what is none."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """What became of an approval. `move` is the alias's, None where it waits or stays; `told` says it in a line."""

    approval: Approval
    move: Move | None
    told: str


def approve(
    ref: str,
    settings: TrackingSettings,
    *,
    by: str,
    reason: str,
    despite: bool = False,
    expires: str | None = None,
    recorded_by: str = "",
    now: datetime | None = None,
) -> Approved:
    """Record that a person approves the version behind REF, and move `settings.promote`'s alias to it, also back.

    With `settings.four_eyes` it moves with the second name; with `settings.require_attestation` nothing is recorded but
    for a run's folder whose statement holds, whatever `despite` says. The record comes first and the alias last, so
    that no move is without its record; what an interruption left is completed by the next call. The run's own files
    stay as they are: verdict.json is the gate's word.

    Args:
        ref: a run's folder, `run:ID`, `models:/NAME@ALIAS`, `models:/NAME/VERSION` or a checkpoint file.
        settings: where, and which alias.
        by: the person's name, as they give it.
        reason: why.
        despite: approve although the version did not pass in full; the record then says what spoke against it.
        expires: the approval's last day, ISO date.
        recorded_by: the account that runs this.
        now: the time; default: the clock's.

    Raises:
        OptionError: the file names no alias, the version did not pass in full and `despite` is not given, this name
            has approved it already, its weights cannot be registered from here, or the attestation that is demanded
            does not hold.
        ReferenceError: nothing of REF is recorded.
        TrackingError: the store is away or refuses.
    """
    model, alias = _moved(settings)
    by, reason = _given("--by", by), _given("--reason", reason)
    now = now or datetime.now(UTC)
    if expires is not None and expires < now.date().isoformat():
        raise OptionError(f"--expires must be today or later, got {expires}")
    with connect(settings) as store:
        version = recorded_version(store, ref, model=model)
        if version.name != model:
            raise OptionError(
                f"{ref} is {version.named}, and the alias {alias} belongs to {model}; name one of {model}"
            )
        against = _against(store, version)
        if against and not despite:
            raise OptionError(f"{ref} {'; '.join(against)}. To approve it all the same, say so: --despite")
        on_record = verdict_of(store, version.run) if version.run is not None else {}
        vouched = attested(ref, settings, on_record) if settings.require_attestation else ""
        number = version.number or _registered_now(store, version, model)
        approval = Approval(
            model=model,
            alias=alias,
            version=number,
            by=by,
            at=now.isoformat(timespec="milliseconds"),
            why=reason,
            despite="; ".join(against),
            expires=expires,
            recorded_by=recorded_by,
            attested=vouched,
        )
        return _settle(store, approval, settings)


def _moved(settings: TrackingSettings) -> tuple[str, str]:
    """Model and alias that approvals move."""
    if settings.promote is None:
        raise OptionError(
            "thresholds.yaml names no alias to move; write tracking: {promote: {model: NAME, alias: ALIAS}}"
        )
    return settings.promote


def approvals_of(tags: Mapping[str, str]) -> tuple[Approval, ...]:
    """The approvals that a model version's tags record, oldest first."""
    every = [Approval.from_json(value) for name, value in tags.items() if name.startswith(f"{APPROVAL}.")]
    return tuple(sorted((one for one in every if one is not None), key=lambda one: (one.at, one.by)))


def objections(document: Mapping[str, Any]) -> list[str]:
    """What speaks against approving a version by its verdict.json, of any schema version; empty for a full pass."""
    if not document:
        return ["has no verdict.json on record"]
    told = []
    broken = [row for row in document.get("findings", ()) if row.get("status") in ("failed", "unmeasured")]
    if document.get("verdict") != "passed":
        named = ", ".join(f"{row.get('check')} {row['status']}" for row in broken[:3])
        more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
        word = "was blocked" if document.get("verdict") == "failed" else "has no verdict"
        told.append(f"{word}: {named}{more}" if named else word)
    selection = document.get("selection") or "full"
    if selection != "full":
        told.append(f"was judged by a part of the rules only ({selection})")
    left = set(document.get("planned", ())) - set(document.get("judged", ()))
    if left and document.get("verdict") == "passed":
        told.append(f"lacks results of planned rules: {', '.join(sorted(left)[:3])}")
    return told


def _given(option: str, text: str) -> str:
    plain = " ".join(redact(text).split())
    if not plain or len(plain) > _LONGEST[option]:
        raise OptionError(f"{option} must have 1 to {_LONGEST[option]} characters, got {len(plain)}")
    return plain


def _against(store: Store, version: RecordedVersion) -> list[str]:
    """What speaks against it: in its run, and in the last one of the same version where that is another."""
    if version.run is None:
        return ["was never gated"]
    told = objections(verdict_of(store, version.run))
    last = last_run(store, version)
    if last is not None and last.info.run_id != version.run.info.run_id:
        told += [f"in its later run {last.info.run_id} {one}" for one in objections(verdict_of(store, last))]
    return told


def _registered_now(store: Store, version: RecordedVersion, model: str) -> str:
    """Register the model of a run, as the gate does with what it promotes; returns the version's number."""
    run = version.run
    inputs = run.inputs.model_inputs if run is not None and run.inputs is not None else []
    if run is None or not inputs or not version.digest:
        raise OptionError(
            f"{version.named} is not registered in {model} and cannot be from here; register it, gate it as "
            f"models:/{model}/VERSION, and approve that"
        )
    tags = run.data.tags
    evidence = {name: tags[name] for name in EVIDENCE if name in tags} | {RUN_ID: run.info.run_id}
    weights = _weights(store, version)
    return register(store, model, str(inputs[0].model_id), version.digest, evidence, weights)


def _weights(store: Store, version: RecordedVersion) -> Path | None:
    """The file that the run judged, where it judged one: what REF names, or what lies where the run found it."""
    told = verdict_of(store, version.run).get("model") or {} if version.run is not None else {}
    named = told.get("checkpoint")
    if not named:
        return None
    candidates = [path for path in (version.weights, Path(str(named))) if path is not None and path.is_file()]
    for path in candidates:
        with path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() == told.get("weights_sha256"):
                return path
    raise OptionError(
        f"{version.named} is not registered in {version.name} yet, and its weights ({redact(str(named))}) are not here "
        "as they were judged; approve the checkpoint file itself: explain-gate approve FILE --by NAME --reason TEXT"
    )


def _settle(store: Store, approval: Approval, settings: TrackingSettings) -> Approved:
    """Put the approval on the version, then move the alias where enough people approve."""
    client, model, alias, number = store.client, approval.model, approval.alias, approval.version
    version = store.call(client.get_model_version, model, number)
    holder = store.find(client.get_model_version_by_alias, model, alias)
    held = str(holder.version) if holder is not None else None
    names = {_key(one.by) for one in _standing(version.tags, holder, approval, settings)}
    if settings.four_eyes and held != number and names == {_key(approval.by)}:
        raise OptionError(
            f"{approval.by} has approved version {number} already; {alias} moves when a second person approves it "
            "(tracking.promote.four_eyes)"
        )
    store.call(client.set_model_version_tag, model, number, _tag(approval), json.dumps(asdict(approval)))
    if held == number:
        return Approved(approval=approval, move=None, told=f"{alias} is on version {number} already; it is on record")
    # Read again: somebody else may have approved meanwhile, and both then write the same move.
    standing = _standing(store.call(client.get_model_version, model, number).tags, holder, approval, settings)
    if settings.four_eyes and len({_key(one.by) for one in standing}) < 2:
        told = f"{approval.by} approves version {number}; {alias} moves when a second person approves it"
        return Approved(approval=approval, move=None, told=told)
    counted = standing if settings.four_eyes else (approval,)
    move = _move(counted, held)
    at = int(datetime.fromisoformat(move.at).timestamp() * 1000)
    store.call(client.set_model_version_tag, model, number, f"{MOVE}.{alias}.{at}", json.dumps(move.to_plain()))
    store.call(client.set_registered_model_alias, model, alias, number)
    before = f"from version {held} " if held else ""
    return Approved(approval=approval, move=move, told=f"{alias} moved {before}to version {number}: {move.why}")


def _standing(tags: Mapping[str, str], holder: Any, now: Approval, settings: TrackingSettings) -> tuple[Approval, ...]:
    """The approvals of a version that count now: for this alias, not expired, and later than the alias's last move.

    Where an attestation is demanded, those of before it was do not count.
    """
    moves = [move for move in moves_of(holder.tags) if move.alias == now.alias] if holder is not None else []
    since = datetime.fromisoformat(moves[-1].at) if moves else None
    return tuple(
        one
        for one in approvals_of(tags)
        if one.alias == now.alias
        and (one.expires is None or one.expires >= now.at[:10])
        and (since is None or datetime.fromisoformat(one.at) > since)
        and (bool(one.attested) or not settings.require_attestation)
    )


def _move(approvals: Sequence[Approval], held: str | None) -> Move:
    """The move that these approvals make, the same whoever of them writes it."""
    last = approvals[-1]
    first_of = {_key(one.by): one for one in reversed(approvals)}
    people = sorted(first_of.values(), key=lambda one: (one.at, one.by))
    against = next((one.despite for one in reversed(approvals) if one.despite), "")
    why = people[0].why if len(people) == 1 else "; ".join(f"{one.by}: {one.why}" for one in people)
    return Move(
        model=last.model,
        alias=last.alias,
        before=held,
        after=last.version,
        by=" and ".join(one.by for one in people),
        at=last.at,
        why=f"approved by a person{f' although it {against}' if against else ''}: {why}"
        + (f" (attested: {last.attested})" if last.attested else ""),
    )


def _tag(approval: Approval) -> str:
    at = int(datetime.fromisoformat(approval.at).timestamp() * 1000)
    content = hashlib.sha256(json.dumps(asdict(approval)).encode()).hexdigest()
    return f"{APPROVAL}.{approval.alias}.{at}.{content[:8]}"


def _key(name: str) -> str:
    """Names that differ in case or space are one person's."""
    return " ".join(name.split()).casefold()
