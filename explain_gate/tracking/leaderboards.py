"""Which attribution method was best on a version: beside the version in the store, where its history finds it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from explain_gate.records import Leader, Leaderboard
from explain_gate.tracking.settings import TrackingSettings
from explain_gate.tracking.store import connect
from explain_gate.tracking.versions import recorded_version

METHODS = "explain_gate.methods"
"""Tag of a model version, or of the run of a model that is not registered; a later study takes its place."""
FOLDER = "study-methods"
"""Where the record and the page lie among the run's artifacts."""


def keep_leaderboard(board: Leaderboard, ref: str, files: tuple[Path, ...], settings: TrackingSettings) -> str:
    """Put a leaderboard beside the version behind REF, and its files to its run.

    Args:
        board: what the study came to.
        ref: a run's folder, as a person wrote it, or another name of the version.
        files: the study's record and page.
        settings: where.

    Returns:
        Where it is kept.

    Raises:
        ReferenceError: nothing of REF is recorded.
        TrackingError: the store is away or refuses.
    """
    with connect(settings) as store:
        version = recorded_version(store, ref, model=settings.promote[0] if settings.promote else None)
        client, text = store.client, json.dumps(asdict(board))
        if version.run is not None:
            for file in files:
                store.transfer(client.log_artifact, version.run.info.run_id, str(file), FOLDER)
        # The tag last: whoever reads it finds the files.
        if version.number is not None:
            store.call(client.set_model_version_tag, str(version.name), version.number, METHODS, text)
            return f"models:/{version.name}/{version.number}"
        if version.run is not None:
            store.call(client.set_tag, version.run.info.run_id, METHODS, text)
        return version.named


def leaderboard_of(tags: Mapping[str, str]) -> Leaderboard | None:
    """The leaderboard that a version's or a run's tags hold; None where there is none, or it is none of ours."""
    try:
        plain = json.loads(tags[METHODS])
        leaders = [Leader(**{**one, "methods": tuple(one["methods"])}) for one in plain["leaders"]]
        return Leaderboard(at=str(plain["at"]), leaders=tuple(leaders))
    except (KeyError, ValueError, TypeError):
        return None
