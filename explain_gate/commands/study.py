"""`explain-gate study`: slow questions about one version, each answered with a record and a page in a folder."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from explain_gate.config import load_config
from explain_gate.errors import OptionError
from explain_gate.measuring.job import Compute, Job, Version, open_job, tracking_settings
from explain_gate.measuring.progress import Progress
from explain_gate.options import RunOptions
from explain_gate.profile.files import write_whole
from explain_gate.profile.profile import load_profile
from explain_gate.records import Leaderboard
from explain_gate.studies.classes import study_classes
from explain_gate.studies.classes_page import render_classes, told_classes
from explain_gate.studies.methods import leaders_of, study_methods
from explain_gate.studies.methods_page import render_methods, told_choice, told_methods
from explain_gate.studies.modules import study_modules
from explain_gate.studies.modules_page import render_modules, told_modules
from explain_gate.studies.roar import Price, study_roar
from explain_gate.studies.roar_page import render_roar, told_price, told_roar
from explain_gate.studies.roar_plan import Asked
from explain_gate.studies.twins import Cue
from explain_gate.tracking.leaderboards import keep_leaderboard
from explain_gate.tracking.settings import TrackingSettings


def methods(
    profile: str,
    folder: Path,
    *,
    seed: int,
    choose: bool,
    settings: TrackingSettings | None,
    say: Callable[[str], None],
) -> None:
    """Rank a profile's attribution methods; writes record.json and index.html.

    Args:
        profile: a run's folder, or its profile's.
        folder: where record and page go.
        seed: of intervals and tests.
        choose: say what to write so that rules follow.
        settings: where the leaderboard is kept beside the version; None for nowhere.
        say: is told what was found.

    Raises:
        OptionError, ReferenceError: there is no profile with two methods under one metric, or nothing of it is
            recorded.
        TrackingError: the store is away.
    """
    record = study_methods(load_profile(profile), seed=seed)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, {"study": "methods", **asdict(record)}, render_methods(record))
    _tell([*told_methods(record), *(told_choice(record) if choose else ())], folder, say)
    if settings is not None:
        at = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        files = (folder / "record.json", folder / "index.html")
        kept = keep_leaderboard(Leaderboard(at=at, leaders=leaders_of(record)), profile, files, settings)
        say(f"kept beside {kept}")


def classes(options: RunOptions, folder: Path, *, steps: int, progress: Progress, say: Callable[[str], None]) -> None:
    """Draw what the model takes each class to be; writes pictures, record.json and index.html.

    Raises:
        ConfigError, DataError, ModelError, OptionError: the input cannot be used.
    """
    if steps < 1:
        raise OptionError(f"--steps must be at least 1, got {steps}")
    job = _opened(options)
    say(f"{2 * steps * len(job.data.classes):,} passes forward and backward for {len(job.data.classes)} classes")
    record = study_classes(job, folder, steps=steps, progress=progress)
    _write(folder, {"study": "classes", **asdict(record)}, render_classes(record))
    _tell(told_classes(record), folder, say)


def modules(
    options: RunOptions, folder: Path, *, cue: Cue, images: int, progress: Progress, say: Callable[[str], None]
) -> None:
    """Find the part that carries a cue; writes record.json and index.html.

    Raises:
        ConfigError, DataError, ModelError, OptionError: the input cannot be used.
    """
    if images < 1:
        raise OptionError(f"--images must be at least 1, got {images}")
    job = _opened(options)
    record = study_modules(job, folder, cue=cue, images=images, progress=progress)
    _write(folder, {"study": "modules", **asdict(record)}, render_modules(record))
    _tell(told_modules(record), folder, say)


def roar(
    options: RunOptions,
    folder: Path,
    asked: Asked,
    *,
    agree: Callable[[], None],
    progress: Progress,
    say: Callable[[str], None],
) -> None:
    """Remove pixels and retrain; writes the answers of every retrain, record.json and index.html.

    Args:
        options: which model on which set, and how many workers.
        folder: where everything goes.
        asked: what is wanted.
        agree: called when the price was told, before it is paid; it may raise.
        progress: told of every picture and retrain.
        say: told the price and what was found.

    Raises:
        ConfigError, DataError, ModelError, OptionError: the input cannot be used.
        UserCodeError: the team's function raised.
    """

    def tell(price: Price) -> None:
        for line in told_price(price):
            say(line)
        if price.retrains:
            agree()

    record = study_roar(_opened(options), folder, asked, workers=options.workers or 1, progress=progress, agree=tell)
    _write(folder, {"study": "roar", **asdict(record)}, render_roar(record))
    _tell(told_roar(record), folder, say)


def asked_roar(given: Mapping[str, Any]) -> Asked:
    """What a user types; lists are separated by commas.

    Raises:
        OptionError: a share is no number.
    """
    try:
        shares = tuple(float(one) for one in given["shares"].split(","))
    except ValueError as error:
        raise OptionError(f"--shares must be numbers such as 0.1,0.5,0.9, got {given['shares']}") from error
    methods = tuple(filter(None, map(str.strip, given["methods"].split(","))))
    return Asked(**{**given, "shares": shares, "methods": methods})


def settings_of(options: RunOptions) -> TrackingSettings:
    """Where the file says that runs are recorded.

    Raises:
        ConfigError, OptionError: it cannot be read, or the URI cannot be used.
    """
    return tracking_settings(load_config(options.config), options.tracking_uri)


def _opened(options: RunOptions) -> Job:
    """Through the same door as a run."""
    version = Version(
        source=options.source,
        checkpoint=options.checkpoint,
        tracking_uri=options.tracking_uri,
        allow_pickle=options.allow_pickle,
    )
    return open_job(load_config(options.config), version, Compute(device=options.device))


def _write(folder: Path, record: Mapping[str, Any], page: str) -> None:
    write_whole(folder / "record.json", (json.dumps(record, indent=2) + "\n").encode())
    write_whole(folder / "index.html", page.encode())


def _tell(lines: Iterable[str], folder: Path, say: Callable[[str], None]) -> None:
    for line in lines:
        say(line)
    say(f"Study: {(folder / 'index.html').absolute().as_uri()}")
