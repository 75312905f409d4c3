"""A finished gate run into MLflow: the way from the verdict to the tracking store, or to the outbox."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from explain_gate.errors import TrackingError
from explain_gate.records import Profile, Verdict
from explain_gate.tracking.alias import Move
from explain_gate.tracking.outbox import deliver_entry, put, remove
from explain_gate.tracking.settings import TrackingSettings
from explain_gate.tracking.store import connect
from explain_gate.tracking.submission import describe, run_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of the record of a gate run.

    Either `run_id` and `link` are set, or `waiting` is the outbox folder and `reason` says why. `move` is the alias's;
    where promotion was asked for and did not happen, `kept` says why.
    """

    uri: str
    run_id: str | None = None
    link: str | None = None
    move: Move | None = None
    kept: str | None = None
    waiting: Path | None = None
    reason: str | None = None

    @property
    def message(self) -> str:
        """One line for the terminal."""
        if self.run_id is None:
            return f"not recorded ({self.reason}); it waits: explain-gate publish {self.waiting}"
        told = [f"recorded as run {self.run_id} in {self.uri}"]
        if self.move is not None:
            before = f"from version {self.move.before} " if self.move.before else ""
            told.append(f"{self.move.alias} moved {before}to version {self.move.after}, {self.move.why}")
        return "; ".join([*told, *([self.kept] if self.kept else [])])

    @property
    def promoted(self) -> str | None:
        """The version that took the alias; None where none did."""
        return self.move.after if self.move else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a store's own pages show: the verdict in one sentence, as Markdown, and the report as one file of HTML."""

    sentence: str = ""
    page: str = ""


def record(
    verdict: Verdict,
    profile: Profile | None,
    folder: Path,
    settings: TrackingSettings,
    *,
    report: str | None = None,
    told: Told | None = None,
) -> Recorded:
    """Record a gate run whose output folder is finished. The same folder recorded again is still one MLflow run.

    The run goes to the outbox first and leaves it once the store has it whole, so that nothing is lost by a store that
    is away, a process that is killed, or an interrupt. A store that is away costs at most half a minute.
    `report` is the address where people find the report; it defaults to the CI job, or to the run's own artifact.
    `told` is what the store's own pages show of the run; None: its numbers and files alone.

    Raises:
        TrackingError: the store did not take the run and `on_unreachable` is `fail`, or the outbox cannot be written.
    """
    ended = time.time_ns() // 1_000_000
    told = told or Told()
    submission = describe(verdict, profile, folder, settings, ended=ended, report=report, sentence=told.sentence)
    entry = put(settings.outbox, submission, folder, page=told.page)
    try:
        with connect(settings) as store:
            result = deliver_entry(entry, store)
    except TrackingError as error:
        return _not_recorded(entry, str(error), settings)
    if result.delivered is None:
        return _not_recorded(entry, result.reason or result.state, settings)
    sent = result.delivered
    return Recorded(uri=settings.shown_uri, run_id=sent.run_id, link=sent.link, move=sent.move, kept=sent.kept)


def withdraw(verdict: Verdict, folder: Path, settings: TrackingSettings) -> None:
    """Take a verdict that does not stand any more out of the outbox, so that nobody sends it."""
    remove(settings.outbox, run_key(verdict, folder))


def keep(verdict: Verdict, profile: Profile | None, folder: Path, settings: TrackingSettings) -> None:
    """Put a gate run into the outbox without sending it.

    Raises:
        TrackingError: the outbox cannot be written.
    """
    put(settings.outbox, describe(verdict, profile, folder, settings, ended=time.time_ns() // 1_000_000), folder)


def _not_recorded(entry: Path, reason: str, settings: TrackingSettings) -> Recorded:
    if settings.on_unreachable == "fail":
        raise TrackingError(
            f"not recorded, and tracking.on_unreachable is fail, so there is no verdict: {reason}. Run the gate again "
            f"when the store can be reached; to record that this run had none: explain-gate publish {settings.outbox}"
        )
    return Recorded(uri=settings.shown_uri, waiting=entry, reason=reason)
