"""Lessons: what a blocked version or a study taught, dated, beside the version in the store or in a file without one.

Each lesson in the store is a tag of its own, each in the file a line of its own, so that two who write at once lose
nothing, and the file merges line by line.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

import yaml

from explain_gate.errors import ConfigError, OptionError
from explain_gate.profile.profile import load_profile
from explain_gate.records import Lesson
from explain_gate.tracking.registry import quoted
from explain_gate.tracking.settings import TrackingSettings
from explain_gate.tracking.store import Store, connect
from explain_gate.tracking.versions import recorded_version

LESSON = "explain_gate.lesson"
"""Tags of a model version, or of the run of a model that is not registered: `explain_gate.lesson.<ms>.<digest>`."""
HAS_LESSONS = "explain_gate.has_lessons"
"""Tag of a run that holds lessons, so that they are found without reading every run."""
FILE = "lessons.yaml"
_HEAD = "# Lessons, one a line: explain-gate lesson writes them. In .gitattributes: lessons.yaml merge=union\n"


def keep_in_store(lesson: Lesson, ref: str, settings: TrackingSettings) -> Lesson:
    """Put a lesson beside the version behind REF, or beside its run where it is not registered.

    Returns:
        The lesson with the version's name and digest as they were found.

    Raises:
        ReferenceError: nothing of REF is recorded.
        TrackingError: the store is away or refuses.
    """
    with connect(settings) as store:
        version = recorded_version(store, ref, model=settings.promote[0] if settings.promote else None)
        if version.number is not None:
            lesson = replace(lesson, version=f"models:/{version.name}/{version.number}", digest=version.digest)
            name, number = str(version.name), version.number
            store.call(store.client.set_model_version_tag, name, number, *_tag(lesson))
        elif version.run is not None:
            run_id = str(version.run.info.run_id)
            lesson = replace(lesson, version=f"run:{run_id}", digest=version.digest)
            store.call(store.client.set_tag, run_id, *_tag(lesson))
            store.call(store.client.set_tag, run_id, HAS_LESSONS, "true")
        return lesson


def keep_in_file(lesson: Lesson, ref: str, file: Path) -> Lesson:
    """Append a lesson to a file, in one write of one line.

    Returns:
        The lesson; of a run's folder with the digest of its model.

    Raises:
        ReferenceError: REF is a folder without a profile.
        OptionError: the file cannot be written.
    """
    if Path(ref).is_dir():
        lesson = replace(lesson, digest=str(load_profile(ref).manifest["model"].get("digest") or ""))
    line = f"- {json.dumps(asdict(lesson), ensure_ascii=False)}\n"
    try:
        new = not file.exists()
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, ((_HEAD if new else "") + line).encode("utf-8", "replace"))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise OptionError(f"{file}: cannot be written: {error.strerror}") from error
    return lesson


def lessons_of(tags: Mapping[str, str]) -> tuple[Lesson, ...]:
    """The lessons that a version's or a run's tags hold, oldest first."""
    lessons = [_from_json(value) for name, value in tags.items() if name.startswith(f"{LESSON}.")]
    return in_order(lesson for lesson in lessons if lesson is not None)


def lessons_in_store(store: Store, *, registered: str | None, name: str) -> tuple[Lesson, ...]:
    """Every lesson about a model, by its name in the registry and its own, oldest first.

    Raises:
        TrackingError: the store is away.
    """
    every: list[Lesson] = []
    if registered is not None:
        for version in store.call(store.client.search_model_versions, f"name = {quoted(registered)}"):
            every += lessons_of(version.tags)
    experiment = store.call(store.client.get_experiment_by_name, store.settings.experiment)
    if experiment is not None:
        wanted = f"tags.`{HAS_LESSONS}` = 'true' AND tags.`explain_gate.model_name` = {quoted(name)}"
        for run in store.call(store.client.search_runs, [experiment.experiment_id], wanted):
            every += lessons_of(run.data.tags)
    return in_order(every)


def lessons_in_file(file: Path) -> tuple[Lesson, ...]:
    """The lessons of a file, oldest first; none where there is no file.

    Raises:
        ConfigError: it is damaged.
    """
    try:
        entries = yaml.safe_load(file.read_text(encoding="utf-8")) or []
        return in_order(Lesson(**entry) for entry in entries)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise ConfigError(f"{file}: must hold a lesson a line, as explain-gate lesson writes them: {error}") from error


def in_order(lessons: Iterable[Lesson]) -> tuple[Lesson, ...]:
    """Each once, oldest first."""
    return tuple(sorted(dict.fromkeys(lessons), key=lambda lesson: (lesson.at, lesson.text)))


def _from_json(text: str) -> Lesson | None:
    try:
        return Lesson(**json.loads(text))
    except (ValueError, TypeError):
        return None


def _tag(lesson: Lesson) -> tuple[str, str]:
    content = json.dumps(asdict(lesson))
    at = int(datetime.fromisoformat(lesson.at).timestamp() * 1000)
    return f"{LESSON}.{at}.{hashlib.sha256(content.encode()).hexdigest()[:8]}", content
