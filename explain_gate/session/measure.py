"""The first step of a run: the reference is looked up, the candidate measured, then what compares the two."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from explain_gate.errors import OptionError, ReferenceError
from explain_gate.records import Decision, Profile, Rule

if TYPE_CHECKING:
    from explain_gate.measuring.job import Job
    from explain_gate.measuring.progress import Progress
    from explain_gate.measuring.remembering.store import Cache
    from explain_gate.options import RunOptions
    from explain_gate.session.run import GateSession
    from explain_gate.tracking.references import CheckpointReference


def measure_run(session: GateSession, progress: Progress) -> Profile | None:
    """Measure the candidate into the working folder; returns the reference's profile, None where the run has none.

    Raises:
        ReferenceError: a rule needs a reference that is not given, missing, or not comparable.
        DataError: a file in reviews/ is no decision.
    """
    from explain_gate.measuring.drift import with_drift
    from explain_gate.measuring.reference import prepare_reference
    from explain_gate.measuring.reviewed import with_reviews
    from explain_gate.measuring.workers.crew import Crew, measure_with
    from explain_gate.profile.profile import load_profile
    from explain_gate.profile.writer import write_tables

    options = session.options
    crew = Crew(engine=options.engine, count=options.workers, address=options.ray_address)

    def measured(job: Job, name: str) -> Profile:
        return measure_with(crew, job, session.work / name, cache=_cache(session), progress=progress)

    given = resolve_reference(session)
    decisions = decisions_of(session)
    measured(session.job, "profile")
    alone = load_profile(session.work / "profile")
    candidate = with_reviews(alone, decisions, session.rules)
    if given is None:
        if candidate is not alone:
            write_tables(candidate, session.work / "profile")
        return None
    reference = prepare_reference(
        given,
        candidate=candidate,
        job=session.job,
        remeasure=options.reference_mismatch == "remeasure",
        measured=lambda job: measured(job, "reference"),
    )
    write_tables(with_drift(candidate, reference, session.rules), session.work / "profile")
    return reference


def decisions_of(session: GateSession) -> tuple[Decision, ...]:
    """What people found of maps, in `reviews/` beside thresholds.yaml.

    Raises:
        DataError: a file there is no decision.
    """
    from explain_gate.decisions.files import FOLDER, read_decisions

    return read_decisions(session.config.path.parent / FOLDER)


def resolve_reference(session: GateSession) -> Profile | CheckpointReference | None:
    """Read the reference before hours of measuring; one that is needed and not there is an error now.

    Raises:
        ReferenceError: a rule needs one that is not given, or it is missing.
        OptionError: --no-weaker has nothing to compare with.
    """
    options = session.options
    if options.reference is None and options.no_weaker:
        raise OptionError("--no-weaker compares with what the reference was asked for: give one with --reference")
    if options.reference is None:
        needed = rules_that_compare(session.rules)
        if needed and not options.bootstrap:
            raise ReferenceError(
                f"{session.config.path}:{needed[0].line}: {needed[0].check} compares with a reference, but none is "
                "given. Give one with --reference (a run's folder, run:ID, models:/NAME@ALIAS or a checkpoint), "
                "or start without one: explain-gate run --bootstrap"
            )
        return None
    from explain_gate.tracking.references import resolve

    given = resolve(options.reference, session.tracking)
    if options.no_weaker and isinstance(given, Profile) and given.manifest.get("demands") is None:
        raise ReferenceError(
            f"--no-weaker: reference {options.reference} was recorded without what it was asked for, by an earlier "
            "version; gate it once more"
        )
    return given


def rules_that_compare(rules: Sequence[Rule]) -> list[Rule]:
    """The rules that compare with a reference."""
    return [
        rule
        for rule in rules
        if rule.max_drop is not None or rule.max_rise is not None or rule.check.startswith("drift.")
    ]


def require_engine(options: RunOptions) -> None:
    """Say before hours of work that Ray is not there.

    Raises:
        OptionError: it is asked for and not installed.
    """
    if options.engine == "ray" and importlib.util.find_spec("ray") is None:
        raise OptionError("--engine ray needs Ray: pip install 'explain-gate[ray]'")


def _cache(session: GateSession) -> Cache:
    """What was measured before, to be entered; beside thresholds.yaml, so that CI finds it at a stable place."""
    from explain_gate.measuring.remembering.store import MOST_BYTES, Cache, default_folder

    options = session.options
    folder = Path(options.cache_dir) if options.cache_dir else default_folder(session.config.path)
    return Cache(folder if options.cache else None, most_bytes=options.cache_size or MOST_BYTES)
