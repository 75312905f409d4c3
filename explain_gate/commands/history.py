"""`explain-gate history`: the recorded versions of a model, or a folder of checkpoints, over time."""

from __future__ import annotations

import glob
import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from explain_gate.comparing.terms import SEED
from explain_gate.comparing.timeline import timeline_lines
from explain_gate.comparing.versions import Event, Run, Version
from explain_gate.config import load_config
from explain_gate.errors import OptionError, ReferenceError
from explain_gate.measuring.job import tracking_settings
from explain_gate.measuring.progress import Lines, Progress
from explain_gate.options import RunOptions
from explain_gate.publishing.pages.history import render_history
from explain_gate.publishing.pictures.film import FRAMES, Strip, film_strips
from explain_gate.publishing.text.verdict_json import finding_from_json
from explain_gate.records import Lesson, Profile
from explain_gate.session.run import GateSession
from explain_gate.tracking.alias import Move
from explain_gate.tracking.history import RecordedRun, history
from explain_gate.tracking.lessons import FILE, lessons_in_file
from explain_gate.tracking.references import resolve
from explain_gate.tracking.settings import TrackingSettings


def draw_history(
    model: str | None,
    checkpoints: str | None,
    output: Path,
    options: RunOptions,
    *,
    pictures: bool,
    say: Callable[[str], None],
) -> None:
    """Write the page of a recorded model's versions, or of the checkpoints that a pattern matches.

    Args:
        model: a recorded model, by its own name or its name in the registry.
        checkpoints: a pattern of files to measure in order instead.
        output: the page to write.
        options: thresholds.yaml, the tracking store and the device.
        pictures: whether to fetch what recorded versions measured, to show where each looked.
        say: is told a line for each version.

    Raises:
        OptionError: not exactly one of `model` and `checkpoints` is given.
    """
    if (model is None) == (checkpoints is None):
        raise OptionError("history needs exactly one of --model NAME and --checkpoints GLOB")
    if checkpoints is not None:
        files = [Path(name) for name in sorted(glob.glob(checkpoints, recursive=True))]  # noqa: PTH207 - may be absolute
        page = history_of_checkpoints(options.config, files, device=options.device, progress=Lines(), tell=say)
    else:
        config = load_config(options.config)
        settings = tracking_settings(config, options.tracking_uri)
        recorded = recorded_history(str(model), settings)
        versions = _with_lessons(recorded, lessons_in_file(config.path.parent / FILE))
        for line in timeline_lines(versions):
            say(line)
        page = render_history(
            str(model), versions, strips=recorded_strips(versions, settings, say=say) if pictures else ()
        )
    output.write_text(page, encoding="utf-8")
    say(f"page: {output}")


def recorded_history(model: str, settings: TrackingSettings) -> list[Version]:
    """Every recorded version of a model with its gate runs, oldest first; a version is its weights.

    Raises:
        ReferenceError: none is recorded.
        TrackingError: the store is away.
    """
    return versions_of(history(model, settings))


def recorded_strips(
    versions: Sequence[Version], settings: TrackingSettings, *, say: Callable[[str], None]
) -> tuple[Strip, ...]:
    """The images whose maps changed most, under recorded versions, oldest first: 12 at most, evenly among all.

    What such a version measured is fetched from the store; one that holds nothing whole is left out, and said.
    """
    recorded = [version for version in versions if version.latest.run_id]
    places = {round(at * (len(recorded) - 1) / (FRAMES - 1)) for at in range(FRAMES)} if recorded else set()
    profiles, labels = [], []
    for place in sorted(places):
        version = recorded[place]
        try:
            profile = resolve(f"run:{version.latest.run_id}", settings)
        except ReferenceError as error:
            say(f"{version.label} is shown without maps: {error}")
            continue
        if isinstance(profile, Profile):
            profiles.append(profile)
            labels.append(version.label)
    return film_strips(profiles, labels)


def versions_of(recorded: Sequence[RecordedRun]) -> list[Version]:
    """Recorded runs, oldest first, by the weights that they judged, in the order of their first runs.

    A run that ended before it had weights is no version and is left out, unless there is nothing else.
    """
    grouped: dict[str, list[RecordedRun]] = {}
    for run in recorded:
        grouped.setdefault(run.model_digest, []).append(run)
    if len(grouped) > 1:
        grouped.pop("", None)
    return [_version(digest, runs) for digest, runs in grouped.items()]


def history_of_checkpoints(
    config: str, checkpoints: Sequence[Path], *, device: str, progress: Progress, tell: Callable[[str], None]
) -> str:
    """Measure checkpoints in order and render their history, with the images whose maps changed most.

    Raises:
        OptionError: there is no checkpoint.
    """
    if not checkpoints:
        raise OptionError("--checkpoints must match at least one file, matched none")
    versions, profiles, labels = [], [], []
    with tempfile.TemporaryDirectory(prefix="explain-gate-") as scratch:
        for checkpoint in natural_order(checkpoints):
            session = GateSession(
                RunOptions(config=config, checkpoint=str(checkpoint), device=device, bootstrap=True),
                work=str(Path(scratch) / checkpoint.stem),
            )
            profiles.append(session.measure(progress))
            verdict = session.conclude()
            labels.append(checkpoint.stem)
            run = Run(
                verdict=verdict.verdict,
                findings=verdict.findings,
                exit_code=verdict.exit_code,
                dataset_digest=str(verdict.dataset.get("digest", "")),
                config_digest=verdict.config_digest,
            )
            digest = str(verdict.model.get("digest", ""))
            versions.append(Version(label=checkpoint.stem, runs=(run,), model_digest=digest))
            tell(f"{checkpoint.stem}: {verdict.verdict}")
        return render_history(
            str(profiles[-1].manifest["model"]["name"]), versions, strips=film_strips(profiles, labels)
        )


def natural_order(files: Sequence[Path]) -> list[Path]:
    """Files by name, numbers in names by value: epoch-2 before epoch-10."""

    def key(file: Path) -> tuple[list[tuple[int, int, str]], str]:
        parts = re.split(r"(\d+)", file.name)
        return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts], str(file)

    return sorted(files, key=key)


def _version(digest: str, runs: Sequence[RecordedRun]) -> Version:
    number = next((run.version for run in reversed(runs) if run.version), None)
    named = next(run for run in reversed(runs) if run.version == number)
    return Version(
        label=number or (f"{digest[:8]}…" if digest else "no weights"),
        runs=tuple(_run(run) for run in runs),
        model_digest=digest,
        aliases=named.aliases,
        moves=tuple(_told(move) for move in named.moves),
        events=_events(runs, named),
    )


def _events(runs: Sequence[RecordedRun], named: RecordedRun) -> tuple[Event, ...]:
    """What people put on record about a version, oldest first; a waiver stands where a run first had it."""
    events = [Event(at=move.at, kind="alias", text=_told(move)) for move in named.moves]
    for one in named.approvals:
        until = f" until {one.expires}" if one.expires else ""
        despite = f", although it {one.despite}" if one.despite else ""
        vouched = f" (attested: {one.attested})" if one.attested else ""
        events.append(
            Event(at=one.at, kind="approval", text=f"{one.by} approves it{until}{despite}: {one.why}{vouched}")
        )
    lessons = dict.fromkeys(lesson for run in runs for lesson in run.lessons)
    events += [Event(at=lesson.at, kind="lesson", text=_lesson_told(lesson)) for lesson in lessons]
    boards = dict.fromkeys(run.leaderboard for run in runs if run.leaderboard is not None)
    events += [Event(at=board.at, kind="methods", text=f"best by {board.told()}") for board in boards]
    seen: dict[str, str] = {}
    for run in runs:
        for waiver in run.waivers:
            seen.setdefault(_waiver_told(waiver), run.time.isoformat())
    events += [Event(at=at, kind="waiver", text=text) for text, at in seen.items()]
    return tuple(sorted(events, key=lambda event: (event.at, event.kind)))


def _lesson_told(lesson: Lesson) -> str:
    about = ", ".join(one for one in (lesson.rule, lesson.image) if one)
    return f"{lesson.text} ({lesson.by}{f', about {about}' if about else ''})"


def _waiver_told(waiver: Mapping[str, Any]) -> str:
    rows = "".join(f", {waiver[name]}" for name in ("method", "class") if waiver.get(name))
    return f"{waiver['check']}{rows} may break until {waiver['expires']}: {waiver['reason']} ({waiver['owner']})"


def _with_lessons(versions: Sequence[Version], lessons: Sequence[Lesson]) -> list[Version]:
    """The versions with lessons of a file that are about their weights."""
    told: list[Version] = []
    for version in versions:
        own = [one for one in lessons if one.digest and one.digest == version.model_digest]
        events = [*version.events, *(Event(at=one.at, kind="lesson", text=_lesson_told(one)) for one in own)]
        told.append(replace(version, events=tuple(sorted(events, key=lambda event: (event.at, event.kind)))))
    return told


def _run(run: RecordedRun) -> Run:
    images = run.dataset.get("images")
    return Run(
        verdict=run.verdict,
        findings=tuple(finding_from_json(plain) for plain in run.findings),
        time=run.time,
        exit_code=run.exit_code,
        run_id=run.run_id,
        dataset_digest=run.dataset_digest,
        images=images if isinstance(images, int) else None,
        terms=_terms(run.dataset, run.environment, run.parameters),
        config_digest=run.config_digest,
        git_commit=run.git_commit,
        git_dirty=bool(run.environment.get("git_dirty")),
        started_by=str(run.environment.get("started_by") or ""),
        link=run.link,
        report=run.report,
    )


def _terms(dataset: Mapping[str, Any], environment: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, str]:
    """On what terms values were measured: preprocessing, torch, device, dtype, seed, settings of methods, metrics."""
    terms = {name: str(environment[name]) for name in ("torch", "device", "dtype") if environment.get(name)}
    if dataset.get("preprocessing"):
        terms["preprocessing"] = json.dumps(dataset["preprocessing"], sort_keys=True, default=str)
    terms |= {name: parameters[name] for name in (SEED, "model.target") if name in parameters}
    for prefix, named in (("method.", "settings of"), ("metric.", "parameters of")):
        terms |= {
            f"{named} {name.removeprefix(prefix)}": text for name, text in parameters.items() if name.startswith(prefix)
        }
    return terms


def _told(move: Move) -> str:
    before = f"from version {move.before} " if move.before else ""
    return f"{move.alias} moved {before}to this version on {move.at[:10]} by {move.by}: {move.why}"
