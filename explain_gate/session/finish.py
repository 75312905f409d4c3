"""The last steps of a run: publish its verdict, record it, and tell beside it what could not be recorded."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from explain_gate.errors import ExplainGateError, TrackingError
from explain_gate.records import BLOCKING, Verdict
from explain_gate.redact import redacted
from explain_gate.session import output as output_folder
from explain_gate.session.destination import from_here
from explain_gate.session.standing import with_standing

if TYPE_CHECKING:
    from explain_gate.session.run import GateSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A run that is published: its verdict as the files hold it, their folder, and a line about its record."""

    verdict: Verdict
    output: Path
    recorded: str | None


def finish_run(session: GateSession, verdict: Verdict) -> Finished:
    """Publish a verdict, then record it; what cannot be recorded is told beside the verdict.

    With `on_unreachable: fail` a run that is not recorded has no verdict, in its files as well.

    Raises:
        ExplainGateError: verdict.json cannot be written, so there is no verdict.
    """
    output, verdict = _publish(session, verdict)
    try:
        return Finished(verdict=verdict, output=output, recorded=_record(session, verdict, output))
    except KeyboardInterrupt:
        reason = "not recorded: interrupted. Once it waits in the outbox, `explain-gate publish` sends it"
    except TrackingError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - the store's client may raise anything; the verdict stands
        reason = f"not recorded: {type(error).__name__}: {error}"
    if session.tracking.on_unreachable == "fail":
        verdict = _publish_as_error(session, verdict, output, reason)
    else:
        verdict = replace(verdict, not_published=(*verdict.not_published, reason))
        with contextlib.suppress(OSError):  # told in the terminal, where there is no room on the disk
            _rewrite(verdict, output)
    return Finished(verdict=verdict, output=output, recorded=reason)


def _publish(session: GateSession, verdict: Verdict) -> tuple[Path, Verdict]:
    """Write every file and move the folder to its place whole.

    Returns the output folder, and the verdict with what could not be published beside it.
    """
    from explain_gate.publishing.publish import publish

    output = session.destination.path_for(verdict)
    verdict = redacted(with_standing(session, verdict))
    try:
        _withhold(session, verdict)
        verdict = publish(
            verdict,
            session.profile,
            session.work,
            config_text=session.config.text,
            reference=session.reference,
            location=from_here(output),
        )
        session.forget_handed_on()
        return session.destination.place(output), verdict
    except OSError as error:
        raise ExplainGateError(f"verdict.json cannot be written to {output}: {error}") from error


def _withhold(session: GateSession, verdict: Verdict) -> None:
    """Take out of the run's folder the pictures that thresholds.yaml does not let be shown."""
    shown = session.config.sections.publish.pictures
    if shown == "all":
        return
    from explain_gate.profile.withheld import withhold_pictures

    broken = [finding for finding in verdict.findings if finding.status in BLOCKING]
    keep = {image for finding in broken for image in finding.worst} if shown == "failed" else set()
    session.replace_profile(withhold_pictures(session.profile, session.work / "profile", keep))
    beside = session.reference.folder if session.reference is not None else None
    if session.reference is not None and beside is not None and beside.is_relative_to(session.work):
        withhold_pictures(session.reference, beside, keep)


def _record(session: GateSession, verdict: Verdict, output: Path) -> str | None:
    """Record the finished run where thresholds.yaml says; returns a line for the terminal, None without tracking.

    Raises:
        TrackingError: the run could not be recorded and `on_unreachable` is `fail`.
    """
    if not session.options.tracking or session.selection.name == "only":
        return None
    from explain_gate.publishing.pages.single_file import single_file
    from explain_gate.publishing.text.summary import escape
    from explain_gate.publishing.words.headline import headline
    from explain_gate.tracking.recorder import Told, record

    index = output / "index.html"
    page = single_file(index.read_text(encoding="utf-8"), output) if index.is_file() else ""
    told = Told(sentence=escape(headline(verdict), 600), page=page)
    return record(verdict, session.profile, output, session.tracking, told=told).message


def _publish_as_error(session: GateSession, verdict: Verdict, output: Path, reason: str) -> Verdict:
    """Write the files again as those of a run without a verdict, and keep no other one for the store."""
    from explain_gate.profile.profile import load_profile
    from explain_gate.publishing.publish import publish
    from explain_gate.tracking.recorder import keep, withdraw

    error = replace(verdict, verdict="error", exit_code=3, messages=(reason, *verdict.messages))
    with contextlib.suppress(TrackingError):
        withdraw(verdict, output, session.tracking)
    try:
        profile = load_profile(output / "profile")
        error = publish(error, profile, output, config_text=session.config.text, location=from_here(output))
        output_folder.note_rewritten(output)
    except OSError as full:
        # Nothing may say any more that the run passed.
        names = ("verdict.json", "junit.xml", "metrics.txt", "summary.md", "results.sarif", "audit.html", "index.html")
        for name in names:
            (output / name).unlink(missing_ok=True)
        raise ExplainGateError(f"verdict.json cannot be written to {output}: {full}. {reason}") from full
    with contextlib.suppress(TrackingError):
        keep(error, session.profile, output, session.tracking)
    return error


def _rewrite(verdict: Verdict, output: Path) -> None:
    from explain_gate.publishing.publish import write_verdict

    write_verdict(verdict, output)
    output_folder.note_rewritten(output)
