"""What people put on record before this run and its verdict has to tell: lessons, and approvals that end soon."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from explain_gate.errors import ExplainGateError
from explain_gate.judging.waivers import TOLD_BEFORE
from explain_gate.records import Lesson, Verdict

if TYPE_CHECKING:
    from explain_gate.session.run import GateSession
    from explain_gate.tracking.store import Store


def with_standing(session: GateSession, verdict: Verdict) -> Verdict:
    """The verdict with the lessons about its rules and images, and a message for each approval that ends soon.

    They decide nothing: what cannot be read is told.
    """
    from explain_gate.tracking.lessons import FILE, in_order, lessons_in_file, lessons_in_store
    from explain_gate.tracking.store import connect

    lessons: tuple[Lesson, ...] = ()
    told: list[str] = []
    try:
        lessons = lessons_in_file(session.config.path.parent / FILE)
    except ExplainGateError as error:
        told.append(f"Lessons are not shown: {error}")
    if session.options.tracking and _holds_something(session.tracking.uri):
        promote = session.tracking.promote
        try:
            with connect(session.tracking) as store:
                name = str(verdict.model.get("name") or "")
                lessons += lessons_in_store(store, registered=promote[0] if promote else None, name=name)
                told += approvals_ending(store, promote, session.today) if promote else []
        except Exception as error:  # noqa: BLE001 - the store's client may raise anything; the verdict stands
            told.append(f"Lessons and approvals on record are not shown: {error}")
    images = {row.image for row in session.profile.images}
    about = tuple(lesson for lesson in in_order(lessons) if lesson.concerns(verdict.planned, images))
    return replace(verdict, lessons=about, messages=(*verdict.messages, *told))


def _holds_something(uri: str) -> bool:
    """False for a SQLite file that is not there yet: reading must not make it."""
    path = uri.removeprefix("sqlite:///")
    return path == uri or Path(path).exists()


def approvals_ending(store: Store, promote: tuple[str, str], today: str) -> list[str]:
    """A sentence for each approval of the alias's holder that has expired or ends within two weeks.

    Args:
        store: where.
        promote: (registered model, alias).
        today: ISO date.

    Raises:
        TrackingError: the store is away.
    """
    from explain_gate.tracking.approvals import approvals_of

    model, alias = promote
    holder = store.find(store.client.get_model_version_by_alias, model, alias)
    if holder is None:
        return []
    latest = {one.by.casefold(): one for one in approvals_of(holder.tags) if one.alias == alias}
    sentences = []
    for one in latest.values():
        left = (dt.date.fromisoformat(one.expires) - dt.date.fromisoformat(today)).days if one.expires else None
        if left is None or left > TOLD_BEFORE:
            continue
        when = f"expired on {one.expires}" if left < 0 else f"ends on {one.expires}, {left} days from now"
        sentences.append(
            f"The approval of version {one.version} for {alias} by {one.by} {when}; approve it again, or another: "
            f"explain-gate approve models:/{model}/{one.version} --by NAME --reason TEXT"
        )
    return sentences
