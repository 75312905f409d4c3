"""What benchmarks/detection/spreads.py measured, as the table of explain_gate/judging/priors.py.

A row's spread is the standard deviation of its mean over the versions of a group, in units of how far its images
differ: metrics of other scales, and rows on which nothing happens, are alike in these. Its square is taken to be s0^2
times an F of (versions - 1, d0) degrees of freedom, whatever the group: by maximum likelihood, with one d0 for all
metrics, since few versions say little about each, and with spreads below what half an image moves counted as below it.
Two-way analysis of variance (versions, images) says what part of a spread more images would not reduce.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from benchmarks.calibration_simulation import calibrated
from explain_gate.commands.scaffold import shipped_rules
from explain_gate.judging.prediction import Table, differ
from explain_gate.judging.priors import Prior
from explain_gate.metrics import METRICS
from explain_gate.records import Rule

Values = Mapping[str, np.ndarray]
"""By check and method, (3, M): row of the image, class that it is about, value."""
Groups = Mapping[str, Sequence[Values]]

_FREEDOMS = (2.5, 3, 3.5, 4, 5, 6, 8, 10, 14, 20, 30)
_NARROWER = np.exp(np.linspace(math.log(0.15), math.log(4), 80))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of one group, in units of how far its images differ: variance of its mean, and of one image besides.

    `spread` is the standard deviation of its mean in the metric's own unit, `floor` the variance that counts as none.
    """

    group: str
    versions: int
    images: int
    spread: float
    variance: float
    jitter: float
    floor: float


def print_priors(cache: Path) -> None:
    """SPREADS, a line for every check, and FREEDOM; what each group shows by itself stands behind."""
    groups = _groups(cache)
    print("versions: " + ", ".join(f"{name} {len(some)}" for name, some in groups.items()))
    rows = {
        (key, one_class): some
        for key in sorted({key for some in groups.values() for one in some for key in one})
        for one_class in (True, False)
        if (some := list(rows_of(groups, key, one_class=one_class)))
    }
    freedom = common_freedom(list(rows.values()))
    print(f"FREEDOM = {freedom:g}")
    for key in dict.fromkeys(key for key, _ in rows):
        check, _, method = key.partition("|")
        parts = ", ".join(_line(rows[key, one_class], freedom) for one_class in (True, False))
        by_group = itertools.groupby(rows[key, True], key=lambda row: row.group)
        seen = (f"{name} {math.sqrt(np.mean([row.spread**2 for row in some])):.3f}" for name, some in by_group)
        print(f'    "{check}": ({parts}),  # {method}\n        # {", ".join(seen)}')


def print_left_out(cache: Path, *, rate: float = 0.05) -> None:
    """Each group calibrated on one of its versions, with priors from the other groups: who of the rest is blocked."""
    groups = _groups(cache)
    keys = {key for some in groups.values() for one in some for key in one}
    freedom = common_freedom([some for key in keys if (some := list(rows_of(groups, key, one_class=True)))])
    print("\n| group | versions | blocked of pairs | by |\n|---|---|---|---|")
    for name, versions in groups.items():
        others = {other: some for other, some in groups.items() if other != name}
        every = _calibrated_rows(others, versions, freedom)
        blocked, by = 0, Counter[str]()
        for one in range(len(versions)):
            rows = [row for row in every if row.seen == one]
            bounds = _bounds(rows, one, rate)
            for other in range(len(versions)):
                broken = [row.check for row, bound in zip(rows, bounds, strict=True) if row.breaks(other, bound)]
                if other != one:
                    blocked += bool(broken)
                    by.update(set(broken))
        pairs = len(versions) * (len(versions) - 1)
        told = ", ".join(f"{check} {count}" for check, count in by.most_common(4)) or "none"
        print(f"| {name} | {len(versions)} | {blocked} of {pairs} | {told} |")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Calibrated:
    """A class's row of one check: (V,) means of a group's versions, and the prior that the one which is seen gets."""

    check: str
    means: np.ndarray
    seen: int
    prior: Prior
    rule: Rule

    def breaks(self, version: int, bound: float) -> bool:
        value = float(self.means[version])
        return value < bound if self.rule.at_least is not None else value > bound


def _calibrated_rows(others: Groups, versions: Sequence[Values], freedom: float) -> list[_Calibrated]:
    rows = []
    for check, section in shipped_rules().items():
        key = next((key for key in versions[0] if key.partition("|")[0] == check), None)
        card = METRICS.get(check.partition("/")[0])
        if key is None or card is None or not section.get("per_class"):
            continue
        spread, _ = fit(list(rows_of(others, key, one_class=True)), freedom)
        side = {"at_least": 0.5} if card.better == "higher" else {"at_most": 0.5}
        for about, table in tables_of(versions, key, one_class=True):
            rule = Rule(check=check, method=None, class_name=str(about), better=card.better, **side)
            bounded = bool(np.abs(table).max() <= 1)
            for version, values in enumerate(table):
                own = spread * differ([values], step=1.0 if bounded else 0.0)
                prior = Prior(spread=own, shift=own, freedom=freedom)
                rows.append(_Calibrated(check=check, means=table.mean(axis=1), seen=version, prior=prior, rule=rule))
    return rows


def _bounds(rows: Sequence[_Calibrated], version: int, rate: float) -> np.ndarray:
    rules = tuple(row.rule for row in rows)
    table = Table(
        rows=rules,
        planned=rules,
        values=np.array([[row.means[version] for row in rows]]),
        errors=np.ones(len(rows)),
        correlation=np.eye(len(rows)),
        images=(20,) * len(rows),
        priors=tuple(row.prior for row in rows),
    )
    return calibrated(table, rate, seed=0)


def rows_of(groups: Groups, key: str, *, one_class: bool) -> Iterator[Row]:
    """The rows of one check in every group: of each class, or of all classes together."""
    for name, versions in groups.items():
        for _, table in tables_of(versions, key, one_class=one_class):
            yield _row(name, table)


def tables_of(versions: Sequence[Values], key: str, *, one_class: bool) -> Iterator[tuple[float | None, np.ndarray]]:
    """(V, N) values of V versions on the N images that all of them have, for each class or for all together."""
    if any(key not in one for one in versions):
        return
    values = [{(row, about): value for row, about, value in one[key].T} for one in versions]
    shared = [place for place in values[0] if all(not math.isnan(one.get(place, math.nan)) for one in values)]
    for about in sorted({about for _, about in shared}) if one_class else [None]:
        mine = [place for place in shared if about in (None, place[1])]
        if len(mine) >= 5:
            yield about, np.array([[one[place] for place in mine] for one in values])


def _groups(cache: Path) -> Groups:
    files: dict[str, list[Path]] = {}
    for file in sorted(cache.glob("*.npz")):
        files.setdefault(file.stem.rpartition("-")[0], []).append(file)
    return {name: [dict(np.load(file)) for file in some] for name, some in files.items() if len(some) > 1}


def _row(group: str, table: np.ndarray) -> Row:
    """(V, N) values of V versions on N images."""
    versions, images = table.shape
    means = table.mean(axis=1)
    rest = table - means[:, None] - table.mean(axis=0) + table.mean()
    jitter = float((rest**2).sum() / ((versions - 1) * (images - 1)))
    bounded = bool(np.abs(table).max() <= 1)
    counted = bool(np.isin(table, (-1, 0, 1)).all())
    unit = differ(list(table), step=1.0 if bounded else 0.0) ** 2
    floor = 1 / (2 * images) if counted else 0.002 * (1.0 if bounded else float(np.ptp(table)))
    return Row(
        group=group,
        versions=versions,
        images=images,
        spread=float(means.std(ddof=1)),
        variance=float(means.var(ddof=1)) / unit,
        jitter=jitter / unit,
        floor=floor**2 / unit,
    )


def _line(rows: Sequence[Row], freedom: float) -> str:
    spread, _ = fit(rows, freedom)
    images = float(np.mean([row.images for row in rows]))
    total = sum(row.variance for row in rows)
    lasting = sum(row.variance - row.jitter / row.images for row in rows)
    share = min(1.0, max(0.1, lasting / total)) if total else 0.1
    shift, jitter = spread * math.sqrt(share), spread * math.sqrt((1 - share) * images)
    counts = {row.group: row.versions for row in rows}
    return f"Spread(shift={shift:.2f}, jitter={jitter:.2f}, groups={len(counts)}, versions={sum(counts.values())})"


def common_freedom(rows: Sequence[Sequence[Row]]) -> float:
    """The degrees of freedom that fit the rows of all checks best, each check with a scale of its own."""
    likelihoods = {freedom: sum(fit(some, freedom)[1] for some in rows) for freedom in _FREEDOMS}
    return float(max(likelihoods, key=lambda freedom: likelihoods[freedom]))


def fit(rows: Sequence[Row], freedom: float) -> tuple[float, float]:
    """Scale of the prior by maximum likelihood, and the logarithm of that."""
    variances = np.array([row.variance for row in rows])
    floors = np.array([row.floor for row in rows])
    own = np.array([row.versions - 1.0 for row in rows])
    scales = (float(np.sqrt(np.maximum(variances, floors).mean())) * _NARROWER)[:, None]
    below = stats.f.logcdf(floors / scales**2, own, freedom)
    at = stats.f.logpdf(np.maximum(variances, floors) / scales**2, own, freedom) - 2 * np.log(scales)
    likelihoods = np.where(variances <= floors, below, at).sum(axis=1)
    best = int(likelihoods.argmax())
    return float(scales[best, 0]), float(likelihoods[best])
