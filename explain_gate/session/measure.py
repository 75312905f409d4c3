"""The first step of a run: the reference is looked up, the candidate measured, then what compares the two."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from explain_gate.errors import OptionError, ReferenceError
from explain_gate.measuring.job import Compute, Version
from explain_gate.records import Decision, ModelUnderTest, Profile, Rule

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
    from explain_gate.measuring.reviewed import with_reviews
    from explain_gate.profile.profile import load_profile
    from explain_gate.profile.writer import write_tables

    given = resolve_reference(session)
    decisions = decisions_of(session)
    _candidate(session, progress)
    alone = load_profile(session.work / "profile")
    candidate = with_reviews(alone, decisions, session.rules)
    if given is None:
        if candidate is not alone:
            write_tables(candidate, session.work / "profile")
        return None
    from explain_gate.measuring.drift import with_drift
    from explain_gate.measuring.reference import prepare_reference

    reference = prepare_reference(
        given,
        candidate=candidate,
        job=lambda: session.job,
        remeasure=session.options.reference_mismatch == "remeasure",
        measured=lambda job: _measured(session, job, "reference", progress),
    )
    write_tables(with_drift(candidate, reference, session.rules), session.work / "profile")
    return reference


def _candidate(session: GateSession, progress: Progress) -> None:
    """Write the candidate's profile: as it was measured before where nothing has changed, else measured now.

    Where its files are all of the model it is not even built for that, and torch is not loaded.
    """
    key = _key(session, None)
    if key is not None and _recalled(session, key, progress):
        return
    if key is None:
        key = _key(session, session.job.model)
        if key is not None and _recalled(session, key, progress):
            return
    _measured(session, session.job, "profile", progress, whole=key)


def _key(session: GateSession, built: ModelUnderTest | None) -> str | None:
    """The key of the whole profile; None where nothing is kept or, with no model built, where only building it tells.

    What cannot be read has no key either: whoever measures it tells.
    """
    from explain_gate.measuring.remembering.whole_key import device_here, key_of, model_files

    options = session.options
    if not options.cache or session.selection.name == "only":
        return None
    try:
        if built is None:
            model, device = model_files(session.config, version_of(options)), device_here(options.device)
        else:
            from explain_gate.measuring.device import pick_device
            from explain_gate.measuring.remembering.keys import built_model

            model, device = built_model(built), pick_device(options.device).type
        if model is None or device is None:
            return None
        compute = Compute(device=device, dtype=options.dtype)
        return key_of(session.config, session.rules, session.entries, model=model, compute=compute)
    except OSError:
        return None


def _recalled(session: GateSession, key: str, progress: Progress) -> bool:
    from explain_gate.measuring.provenance import describe_provenance
    from explain_gate.measuring.remembering.whole import recall_whole
    from explain_gate.plan import demands_of

    told = {
        "config_digest": session.config.digest,
        "selection": session.selection.name,
        "demands": demands_of(session.config, session.rules),
        "environment": describe_provenance(session.config.path.parent),
    }
    with _cache(session) as cache:
        known = recall_whole(cache, key, session.work / "profile", told=told)
    if known:
        count = len(session.entries.entries)
        progress.advance("recall", count, count)
    return known


def _measured(session: GateSession, job: Job, name: str, progress: Progress, whole: str | None = None) -> Profile:
    from explain_gate.measuring.workers.crew import Crew, measure_with

    options = session.options
    crew = Crew(engine=options.engine, count=options.workers, address=options.ray_address)
    return measure_with(crew, job, session.work / name, cache=_cache(session), progress=progress, whole=whole)


def version_of(options: RunOptions) -> Version:
    """Which model version a run asks for."""
    return Version(
        source=options.source,
        checkpoint=options.checkpoint,
        tracking_uri=options.tracking_uri,
        allow_pickle=options.allow_pickle,
    )


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
