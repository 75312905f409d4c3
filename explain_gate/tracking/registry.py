"""The model registry after a gate run: evidence onto the version, and the alias to it, last and only on a full pass."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from explain_gate.tracking.alias import Promotion, is_newer, promote
from explain_gate.tracking.store import Store
from explain_gate.tracking.submission import Submission

MODEL_DIGEST = "explain_gate.model_digest"
MODEL_ID = "explain_gate.model_id"
RUN_ID = "explain_gate.run_id"
_TOLD = "**explain-gate:**"
_DESCRIPTION = 5_000
"""Characters of a description that every store takes."""
_NOT_PASSED = "the gate did not pass in full"
_MAY_HIDE = "a row is inconclusive that cannot tell this version from one that it must catch: "


def settle(
    store: Store,
    model_id: str | None,
    submission: Submission,
    evidence: Mapping[str, str],
    weights: Path | None,
    *,
    page: str,
) -> Promotion:
    """Put the evidence on the registered version, as tags and in its description, then promote it.

    `page` is where the description leads to.

    A model that did not come from the registry is registered when it is promoted, with its checkpoint as artifact.
    Evidence of a later gate run is never undone: what waited in an outbox must not take an alias back.

    Raises:
        TrackingError: the store is away or refuses.
    """
    alias = submission.promote if submission.full_pass else None
    why = _MAY_HIDE + submission.held_back if submission.held_back else _NOT_PASSED
    kept = Promotion(kept=why if submission.promote else None)
    registered = submission.registered
    if registered is None and alias is not None and model_id is not None:
        registered = (alias[0], register(store, alias[0], model_id, submission.model_digest, evidence, weights))
    if registered is None:
        return kept
    refusal = _tag(store, registered, evidence, submission)
    if refusal is not None:
        return Promotion(kept=refusal)
    _describe(store, registered, submission.sentence, page)
    if alias is None:
        return kept
    if submission.by_people:
        return Promotion(kept=f"{alias[1]} stays: {submission.by_people}. {_by_a_person(registered, submission)}")
    return promote(store, registered, alias, submission)


def _by_a_person(registered: tuple[str, str], submission: Submission) -> str:
    """What a person does so that the alias moves."""
    ref = (submission.output or "DIR") if submission.attested else f"models:/{'/'.join(registered)}"
    approves = f"A person approves: explain-gate approve {ref} --by NAME --reason TEXT"
    return (
        f"Attest it: explain-gate attest {ref}; sign {ref}/attestation.json. {approves}"
        if submission.attested
        else approves
    )


def register(
    store: Store, name: str, model_id: str, digest: str, evidence: Mapping[str, str], weights: Path | None
) -> str:
    """The version of `name` with this digest, made where there is none; the lowest, where a lost answer led to two.

    Args:
        store: where.
        name: the registered model, made where it is missing.
        model_id: the LoggedModel behind the version.
        digest: of the model.
        evidence: the version's tags.
        weights: the file that the version holds.

    Raises:
        TrackingError: the store is away or refuses.
    """
    client = store.client
    store.create(client.create_registered_model, name)

    versions = numbers_of(store, name, digest)
    if not versions:
        if weights is not None:
            store.transfer(client.log_model_artifact, model_id, str(weights))
        store.call(
            client.create_model_version,
            name,
            # Not models:/ID: MLflow looks that up in the process's own store, whatever the client's is.
            store.call(client.get_logged_model, model_id).artifact_location,
            evidence[RUN_ID],
            {**evidence, MODEL_DIGEST: digest, MODEL_ID: model_id},
            await_creation_for=0,
            model_id=model_id,
        )
        versions = numbers_of(store, name, digest)
        for twin in versions[1:]:
            store.find(client.delete_model_version, name, str(twin))
    return str(versions[0])


def numbers_of(store: Store, name: str, digest: str) -> list[int]:
    """The versions of a registered model that have a model's digest, lowest first.

    Raises:
        TrackingError: the store is away or refuses.
    """
    filter_string = f"name = {quoted(name)} AND tags.`{MODEL_DIGEST}` = {quoted(digest)}"
    versions = store.call(store.client.search_model_versions, filter_string)
    return sorted(int(version.version) for version in versions)


def model_id_of(version: Any) -> str | None:
    """The LoggedModel behind a registered version, where there is one."""
    from_source = re.fullmatch(r"models:/(m-[0-9a-f]+)", str(version.source))
    return version.model_id or version.tags.get(MODEL_ID) or (from_source[1] if from_source else None)


def quoted(value: str) -> str:
    """A value for MLflow's search filters, which know two kinds of quotes and no escapes."""
    return f'"{value}"' if "'" in value else f"'{value}'"


def described(before: str, sentence: str, page: str) -> str:
    """A version's description with the verdict as its last paragraph; what people wrote before it stays.

    Args:
        before: the description as it is, which may end with an earlier verdict's paragraph.
        sentence: the verdict in one, as Markdown.
        page: the report's address; one that is no http address is told and not linked.
    """
    own = before.partition(_TOLD)[0].rstrip()
    report = f"[Report](<{page}>)" if page.startswith(("http://", "https://")) else f"Report: `{page}`"
    told = f"{_TOLD} {sentence}. {report}"
    room = _DESCRIPTION - len(told) - 2
    return f"{own[:room]}\n\n{told}" if own else told


def _describe(store: Store, registered: tuple[str, str], sentence: str, page: str) -> None:
    if not sentence:
        return
    held = store.find(store.client.get_model_version, *registered)
    before = (held.description or "") if held is not None else ""
    text = described(before, sentence, page)
    if held is not None and text != before:
        store.call(store.client.update_model_version, *registered, text)


def _tag(store: Store, registered: tuple[str, str], evidence: Mapping[str, str], submission: Submission) -> str | None:
    """Put the evidence on the version; a reason where it does not belong there."""
    held = store.find(store.client.get_model_version, *registered)
    if held is None:
        return f"models:/{'/'.join(registered)} is not in this registry"
    if is_newer(held, submission):
        return f"models:/{'/'.join(registered)} has been judged again since"
    for key, value in evidence.items():
        if held.tags.get(key) != value:
            store.call(store.client.set_model_version_tag, *registered, key, value)
    return None
