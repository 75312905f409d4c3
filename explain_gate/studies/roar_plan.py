"""What a study of removed pixels is asked for, which pictures it trains on and asks about, and its single retrains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from explain_gate.attribution import METHODS
from explain_gate.data.regression_set import RegressionSet, digest_of_set
from explain_gate.errors import DataError, OptionError, did_you_mean
from explain_gate.measuring.job import Job
from explain_gate.measuring.remembering.code import code_of, home_of, versions_of
from explain_gate.measuring.remembering.digests import digest
from explain_gate.measuring.remembering.keys import LIBRARIES
from explain_gate.own_code import load_function
from explain_gate.seeds import lowest
from explain_gate.studies.answered import maps_file
from explain_gate.studies.removal import Fill
from explain_gate.studies.retraining import RANDOM, WHOLE, Material, Retrain

FEWEST = 3
"""Retrains of one kind; of two, intervals hold too seldom."""
LEAST = 10
"""Held-out pictures below which nothing is asked."""
TASKS = ("classification", "binary")
"""Of whose pictures one class is right, so that a label is a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a user asks for.

    `train` is package.module:function, of (images, labels, seed) -> module; `shares` of the pixels go, in (0, 1], in
    rising order; `seeds` retrains of each; `methods` empty for all of the file; `images` most of them, None for all;
    `held_out` is the share of each class's pictures that no model is trained on.
    """

    train: str
    shares: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    seeds: int = 5
    fill: Fill = "mean"
    methods: tuple[str, ...] = ()
    images: int | None = None
    held_out: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A study before it begins: places of the pictures that models are trained on and asked about, and all retrains.

    `rows` are of the set, `options` of each method, `common` the digest of what all retrains depend on.
    """

    asked: Asked
    rows: tuple[int, ...]
    fitted: tuple[int, ...]
    held_out: tuple[int, ...]
    options: Mapping[str, Mapping[str, Any]]
    common: str
    seed: int
    folder: Path

    @property
    def seeds(self) -> range:
        """Of the retrains, as the team's function is given them."""
        return range(self.seed, self.seed + self.asked.seeds)

    def all_of(self, work: Path, keys: Mapping[str, tuple[str, ...]], threads: int) -> Iterator[Retrain]:
        """Every retrain, from material in `work`; `keys` are those of each method's maps."""
        for seed in self.seeds:
            yield self._of(work, WHOLE, "", 0.0, seed, threads)
            for share in self.asked.shares:
                yield self._of(work, RANDOM, "", share, seed, threads)
                for place, (method, of_maps) in enumerate(keys.items()):
                    yield self._of(work, method, maps_file(place), share, seed, threads, of_maps)

    def first(self, work: Path, threads: int) -> Retrain:
        """On whole pictures; its time is that of the others."""
        return self._of(work, WHOLE, "", 0.0, self.seeds[0], threads)

    def _of(
        self, work: Path, method: str, maps: str, share: float, seed: int, threads: int, keys: Sequence[str] = ()
    ) -> Retrain:
        name = f"{method.replace(':', '.')}-{share:g}-{seed}.json"
        return Retrain(
            work=str(work),
            method=method,
            maps=maps,
            share=share,
            seed=seed,
            file=str(self.folder / "retrains" / name),
            asked=digest(self.common, method, keys, share, seed),
            threads=threads,
        )


def plan_roar(job: Job, folder: Path, asked: Asked) -> Plan:
    """Everything that can be said before a picture is decoded; the team's function is looked for.

    Raises:
        OptionError: what is asked for cannot be.
        DataError: too few pictures.
        ModelError: there is no such function.
    """
    options = _options(job, asked)
    rows = _rows(job, asked.images)
    fitted, held_out = _halves(job.data, rows, asked.held_out, seed=job.seed)
    load_function(asked.train, job.config.path.parent, "--train")
    return Plan(
        asked=asked,
        rows=tuple(rows),
        fitted=fitted,
        held_out=held_out,
        options=options,
        common=_common(job, asked, (rows, fitted, held_out)),
        seed=job.seed,
        folder=folder,
    )


def material_of(plan: Plan, job: Job) -> Material:
    """What all retrains have in common."""
    return Material(
        config=str(job.config.path.absolute()),
        train=plan.asked.train,
        fill=plan.asked.fill,
        seed=plan.seed,
        rows=plan.rows,
        fitted=plan.fitted,
        held_out=plan.held_out,
    )


def _options(job: Job, asked: Asked) -> dict[str, dict[str, object]]:
    """Options of the methods that are asked for.

    Raises:
        OptionError: what is asked for cannot be.
    """
    if job.task.name not in TASKS:
        raise OptionError(
            f"study roar trains on one label a picture: model.task must be {' or '.join(TASKS)}, got {job.task.name}"
        )
    if (
        not asked.shares
        or list(asked.shares) != sorted(set(asked.shares))
        or not 0 < asked.shares[0] <= asked.shares[-1] <= 1
    ):
        raise OptionError(f"--shares must rise, above 0 and at most 1, such as 0.1,0.5,0.9, got {asked.shares}")
    if asked.seeds < FEWEST:
        raise OptionError(
            f"--seeds must be at least {FEWEST}, as fewer do not say how far retrains differ, got {asked.seeds}"
        )
    if not 0 < asked.held_out < 1:
        raise OptionError(f"--held-out must be a share between 0 and 1, got {asked.held_out}")
    planned = job.config.method_options()
    unknown = [name for name in asked.methods if name not in planned]
    if unknown:
        near = did_you_mean(unknown[0], METHODS)
        raise OptionError(
            f"--methods must be among the methods of {job.config.path.name}: {', '.join(planned)}; got {unknown[0]}. "
            f"{near}".strip()
        )
    return {name: dict(planned[name]) for name in (asked.methods or planned)}


def _rows(job: Job, images: int | None) -> list[int]:
    if images is None:
        return list(range(len(job.data)))
    return sorted(job.data.stratified(images, seed=job.seed, purpose="study roar"))


def _halves(
    data: RegressionSet, rows: Sequence[int], share: float, *, seed: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Places that models are trained on, and those that they are asked about: of every class, and no file on both.

    Raises:
        DataError: too few pictures.
    """
    files: dict[int, dict[str, None]] = {}
    for row in rows:
        digest_of = data.digest(row)
        if not any(digest_of in others for others in files.values()):  # one file may show several classes
            files.setdefault(data.entries[row].label, {})[digest_of] = None
    held = {
        one
        for known in files.values()
        for one in lowest(known, round(share * len(known)), digest=str, name=str, seed=seed, purpose="roar: held out")
    }
    held_out = tuple(place for place, row in enumerate(rows) if data.digest(row) in held)
    fitted = tuple(place for place, row in enumerate(rows) if data.digest(row) not in held)
    if len(held_out) < LEAST or not fitted:
        raise DataError(
            f"study roar asks about at least {LEAST} pictures that no model was trained on, and {share:g} of "
            f"{len(rows)} are {len(held_out)}: take more pictures, or another --held-out"
        )
    return fitted, held_out


def _common(job: Job, asked: Asked, places: Sequence[Sequence[int]]) -> str:
    """Digest of all that every retrain's answers depend on."""
    section = job.config.sections.model
    homes = {home_of(asked.train), home_of(section.target or ""), __name__}
    return digest(
        digest_of_set(job.data),
        places,
        [asked.train, asked.fill, job.seed],
        code_of(sorted(home for home in homes if home)),
        [section.target, job.task.name, section.task.parameters],
        {**versions_of(LIBRARIES), "torch": torch.__version__},
    )
