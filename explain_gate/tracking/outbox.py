"""Runs that wait for the store: each a folder of its own, whole before it has its name, gone once it is delivered."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from explain_gate.errors import TrackingError
from explain_gate.tracking.alias import write_move
from explain_gate.tracking.delivery import PAGE, Delivered, send
from explain_gate.tracking.settings import TrackingSettings
from explain_gate.tracking.store import Store, connect
from explain_gate.tracking.submission import Submission

MOST_OF_PAGE = 20_000_000
_ENTRY = "entry.json"
_RUN = "run"
_WEIGHTS = "weights"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of one waiting run. `reason` says why it still waits; `delivered` is set where it does not."""

    entry: Path
    state: Literal["delivered", "waiting", "busy"]
    delivered: Delivered | None = None
    reason: str | None = None


def deliver(outbox: Path, settings: TrackingSettings) -> list[Delivery]:
    """Send every run that waits in `outbox`, oldest first. Safe to call again, to interrupt, and to call twice at once.

    `outbox` may also be the folder of one waiting run. Each run keeps the experiment and the alias it was judged for;
    only the store comes from `settings`. After the first run that the store does not take, the others are left alone.

    Raises:
        TrackingError: there is no such folder, or MLflow is missing.
    """
    entries = waiting(outbox)
    for gone in outbox.glob(".gone-*"):  # a removal that was interrupted
        shutil.rmtree(gone, ignore_errors=True)
    if not entries:
        return []
    results: list[Delivery] = []
    with connect(settings) as store:
        for entry in entries:
            if results and results[-1].state == "waiting":
                results.append(Delivery(entry=entry, state="waiting", reason="not tried after the failure before it"))
            else:
                results.append(deliver_entry(entry, store))
    return results


def waiting(outbox: Path) -> list[Path]:
    """The folders of the runs that wait in an outbox, oldest first.

    Raises:
        TrackingError: there is no such folder.
    """
    if (outbox / _ENTRY).is_file():
        return [outbox]
    if not outbox.is_dir():
        raise TrackingError(f"{outbox}: there is no such outbox; nothing has been waiting there")
    entries = [path for path in outbox.iterdir() if not path.name.startswith(".") and (path / _ENTRY).is_file()]
    return sorted(entries, key=lambda entry: ((entry / _ENTRY).stat().st_mtime_ns, entry.name))


def put(outbox: Path, submission: Submission, folder: Path, *, page: str = "") -> Path:
    """Keep a finished output folder (and the weights, where they may be registered) until it is delivered.

    The report's files, which are never written again, are linked where the file system can do that. Putting the same
    run again changes nothing. `page` is the report as one file, sent beside them where it is of at most `MOST_OF_PAGE`
    bytes: a store's viewer shows a page without what lies beside it.

    Raises:
        TrackingError: the outbox cannot be written.
    """
    entry = outbox / submission.key
    if (entry / _ENTRY).is_file():
        return entry
    try:
        outbox.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=outbox))
        try:
            shutil.copytree(folder, draft / _RUN, copy_function=_link_or_copy)
            content = page.encode("utf-8", "replace")
            if 0 < len(content) <= MOST_OF_PAGE:
                (draft / _RUN / PAGE).write_bytes(content)
            if submission.weights and submission.promote and submission.full_pass and not submission.registered:
                (draft / _WEIGHTS).mkdir()
                # A copy: training may write the next weights into the very same file.
                shutil.copy2(submission.weights, draft / _WEIGHTS)
            (draft / _ENTRY).write_text(submission.to_json() + "\n", encoding="utf-8")
            draft.rename(entry)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            if (entry / _ENTRY).is_file():  # somebody else put the same run first
                return entry
            raise
    except OSError as error:
        raise TrackingError(f"{outbox}: the outbox cannot be written: {error}") from error
    return entry


def remove(outbox: Path, key: str) -> None:
    """Remove one waiting run, if it is there.

    Raises:
        TrackingError: the outbox cannot be written.
    """
    entry = outbox / key
    try:
        if entry.is_dir():
            _remove(entry)
    except OSError as error:
        raise TrackingError(f"{outbox}: the outbox cannot be written: {error}") from error


def deliver_entry(entry: Path, store: Store) -> Delivery:
    """Send one waiting run and remove its folder; a run that another process is sending is left to it."""
    with _claimed(entry) as claimed:
        if not claimed:
            return Delivery(entry=entry, state="busy", reason="another process is delivering it")
        try:
            submission = Submission.from_json((entry / _ENTRY).read_text(encoding="utf-8"))
            weights = next(iter((entry / _WEIGHTS).glob("*")), None)
            delivered = send(store, submission, entry / _RUN, weights)
        except TrackingError as error:
            return Delivery(entry=entry, state="waiting", reason=str(error))
        delivered = _told_at_home(delivered, submission, entry / _RUN)
        _remove(entry)
        return Delivery(entry=entry, state="delivered", delivered=delivered)


def _told_at_home(delivered: Delivered, submission: Submission, sent: Path) -> Delivered:
    """A move of the alias in the output folder's verdict.json too; the record is whole without it: failing is told."""
    if delivered.move is None or not submission.output:
        return delivered
    try:
        write_move(Path(submission.output), delivered.move, like=sent)
    except TrackingError as error:
        return replace(delivered, kept=str(error))
    return delivered


@contextmanager
def _claimed(entry: Path) -> Iterator[bool]:
    """Hold the entry for this process. The lock is on the folder itself: it goes with it, and with a killed holder."""
    import fcntl

    try:
        descriptor = os.open(entry, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        # Whoever held the lock before may have delivered and removed it between open and lock.
        yield (entry / _ENTRY).is_file()
    finally:
        os.close(descriptor)


def _remove(entry: Path) -> None:
    """Take the entry out of sight in one step: a removal that is interrupted leaves nothing that looks waiting."""
    gone = entry.with_name(f".gone-{entry.name}")
    shutil.rmtree(gone, ignore_errors=True)
    entry.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _link_or_copy(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target
