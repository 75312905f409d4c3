"""Remove and retrain (Hooker 2019): which method's most relevant pixels are those that a class can be learned from.

A model that never saw a hole may fail because of the hole. So pixels are removed from the pictures that models are
trained on as well as from those that they are asked about, each by the map of the model under test, and what accuracy
is left says what the rest of the pixels still tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import trapezoid

from explain_gate.judging.noninferiority import holm
from explain_gate.measuring.job import Job
from explain_gate.measuring.progress import Progress
from explain_gate.measuring.workers.processes import Workers
from explain_gate.profile.working_folder import made
from explain_gate.studies.answered import Cost, answer_maps, write_pixels
from explain_gate.studies.crossed import Mean, crossed_mean, crossed_share
from explain_gate.studies.ranking import Pair, Standing, ranked
from explain_gate.studies.removal import Fill
from explain_gate.studies.retraining import RANDOM, SERVES, WHOLE, Retrain, kept, retrain
from explain_gate.studies.roar_plan import Asked, Plan, material_of, plan_roar

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What is still to be done, told before it is: maps, and retrains at the pace of the first one."""

    maps: Cost
    retrains: int
    known: int
    fitted: int
    seconds_each: float
    workers: int
    first: float

    @property
    def seconds(self) -> float:
        """About, all of it."""
        return self.maps.seconds + self.retrains * self.seconds_each / self.workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Share of held-out pictures that retrained models are right about, by share removed, with 95 % intervals."""

    method: str
    right: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoarRecord:
    """What the study found.

    `whole` is the share of right answers of models trained on whole pictures, `commonest` that of always saying the
    commonest class; `answered`, whether the first is more beyond chance, without which nothing can be lost.
    `standings` hold the area between the curve of random pixels and the method's, over the shares: what is lost on
    average by taking its pixels instead of others. `without_map` counts pictures whose pixels went at random.
    """

    model: str
    model_digest: str
    train: str
    fill: Fill
    shares: tuple[float, ...]
    seeds: tuple[int, ...]
    seed: int
    fitted: int
    held_out: int
    whole: float
    whole_interval: tuple[float, float]
    commonest: float
    answered: bool
    curves: tuple[Curve, ...]
    standings: tuple[Standing, ...]
    pairs: tuple[Pair, ...]
    without_map: Mapping[str, int]


def study_roar(
    job: Job, folder: Path, asked: Asked, *, workers: int, progress: Progress, agree: Callable[[Price], None]
) -> RoarRecord:
    """Explain, remove, retrain; what was done before a kill is gone on from.

    Args:
        job: one model version on one set.
        folder: where maps and the answers of each retrain are kept.
        asked: what is wanted.
        workers: processes that retrain, beside this one where they are more than one.
        progress: told of every picture and retrain.
        agree: told the price before it is paid; it may raise.

    Raises:
        OptionError: what is asked for cannot be.
        DataError: too few pictures.
        ModelError: the model cannot be explained.
        UserCodeError: the team's function raised.
    """
    plan = plan_roar(job, folder, asked)
    (folder / "retrains").mkdir(parents=True, exist_ok=True)
    threads = max(1, torch.get_num_threads() // workers)
    with made(folder, ".work-") as work:
        write_pixels(job, plan.rows, work, progress)
        material_of(plan, job).write(work)
        first = plan.first(work, threads)
        timed = kept(first) or retrain(first)
        with answer_maps(job, plan.rows, plan.options, folder=work, keep=folder / "maps") as maps:
            every = list(plan.all_of(work, maps.keys, threads))
            waiting = [one for one in every if kept(one) is None]
            agree(
                Price(
                    maps=maps.cost(),
                    retrains=len(waiting),
                    known=len(every) - len(waiting),
                    fitted=len(plan.fitted),
                    seconds_each=timed.seconds,
                    workers=max(1, min(workers, len(waiting))),
                    first=float(np.mean(timed.right)),
                )
            )
            faults = maps.write(progress)
        _retrain_all(waiting, workers, progress, len(every))
        right = {(one.method, one.share, one.seed): np.array((kept(one) or retrain(one)).right) for one in every}
    labels = [job.data.entries[plan.rows[place]].label for place in plan.held_out]
    return _record(job, plan, right, labels, {method: len(why) for method, why in faults.items()})


def _retrain_all(waiting: Sequence[Retrain], workers: int, progress: Progress, total: int) -> None:
    """By workers where there are several; what they leave out is done here, where its error is told."""
    done = total - len(waiting)
    progress.advance("retraining", done, total)
    if workers > 1 and len(waiting) > 1:
        with Workers(min(workers, len(waiting)), SERVES) as crew:
            for _ in crew.do(waiting):
                done += 1
                progress.advance("retraining", done, total)
    for one in waiting:
        if kept(one) is None:
            retrain(one)
            done += 1
            progress.advance("retraining", done, total)


def _record(
    job: Job,
    plan: Plan,
    right: Mapping[tuple[str, float, int], Values],
    labels: Sequence[int],
    without_map: Mapping[str, int],
) -> RoarRecord:
    asked, seeds = plan.asked, plan.seeds
    whole = np.stack([right[WHOLE, 0.0, seed] for seed in seeds])
    methods = [name for name in dict.fromkeys(method for method, _, _ in right) if name != WHOLE]
    shares = (0.0, *asked.shares)
    # (shares, seeds, images); on whole pictures all methods are one.
    tables = {
        name: np.stack([whole, *(np.stack([right[name, share, seed] for seed in seeds]) for share in asked.shares)])
        for name in methods
    }
    commonest = max(labels.count(one) for one in set(labels)) / len(labels)
    share, span = crossed_share(whole)
    areas = {name: trapezoid(tables[RANDOM] - table, shares, axis=0) / shares[-1] for name, table in tables.items()}
    standings, pairs = _compared(areas)
    curves = []
    for name in [one.method for one in standings]:
        told = [crossed_share(table) for table in tables[name]]
        curves.append(
            Curve(method=name, right=tuple(one for one, _ in told), intervals=tuple(ends for _, ends in told))
        )
    return RoarRecord(
        model=job.model.name,
        model_digest=job.model.digest,
        train=asked.train,
        fill=asked.fill,
        shares=shares,
        seeds=tuple(seeds),
        seed=job.seed,
        fitted=len(plan.fitted),
        held_out=len(labels),
        whole=share,
        whole_interval=span,
        commonest=commonest,
        answered=span[0] > commonest,
        curves=tuple(curves),
        standings=standings,
        pairs=pairs,
        without_map=dict(without_map),
    )


def _compared(areas: Mapping[str, Values]) -> tuple[tuple[Standing, ...], tuple[Pair, ...]]:
    """Methods and random pixels, the largest area first; areas (seeds, images)."""
    means: dict[str, Mean] = {name: crossed_mean(area) for name, area in areas.items()}
    order = sorted(means, key=lambda name: (-means[name].value, name))
    standings = [Standing(method=name, mean=means[name].value, interval=means[name].interval, rank=1) for name in order]
    pairs = []
    for better, worse in combinations(order, 2):
        change = crossed_mean(areas[better] - areas[worse])
        pairs.append(
            Pair(better=better, worse=worse, difference=change.value, interval=change.interval, p=change.p, tie=True)
        )
    return ranked(standings, pairs, holm([pair.p for pair in pairs]))
