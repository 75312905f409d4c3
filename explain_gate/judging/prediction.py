"""What the next good version will show on each row, from the versions seen and from what is known of others. Pure.

A prediction interval (Hahn 1969) around the versions' mean, with a t-tail that widens where little is known. The spread
between versions is moderated (Smyth 2004): that of the versions seen and the prior of the metric (`priors`), each with
its degrees of freedom, so that one version is enough to start. Where a metric has no prior, how far versions vary in
units of what resampled images vary by is alike for many rules, so such rows borrow from the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from explain_gate.judging.findings import select
from explain_gate.judging.priors import Prior, prior_of
from explain_gate.metrics import METRICS
from explain_gate.records import Profile, Rule
from explain_gate.statistics import Values, along_last, summarize
from explain_gate.tasks import DEFAULT

_RESAMPLES = 400
_DRAWS = 8000
_MOST_BORROWED = 30.0  # degrees of freedom; rules are never so alike that the versions themselves stop counting

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """M versions, R rows. `values` (M, R); `errors` (R,) what resampled images vary by; `correlation` (R, R).

    `rows` are decided by their value; `planned` are the same as the file asks for them. `priors` has None where nothing
    is known of a row's spread.
    """

    rows: tuple[Rule, ...]
    planned: tuple[Rule, ...]
    values: Matrix
    errors: Values
    correlation: Matrix
    images: tuple[int, ...]
    priors: tuple[Prior | None, ...]

    @property
    def sign(self) -> Values:
        """(R,): 1 where a bound is an upper one, -1 where it is a lower one."""
        return np.array([-1.0 if rule.at_least is not None else 1.0 for rule in self.rows])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Future:
    """What the next version will show, per row (R,): centre, scale and degrees of freedom of a t distribution."""

    centre: Values
    scale: Values
    freedom: Values

    def bounds(self, sign: Values, tail: float) -> Values:
        """(R,): what the next version is beyond with a probability of `tail`."""
        return np.asarray(self.centre + sign * self.scale * stats.t.isf(tail, self.freedom))

    def share_beyond(self, row: int, sign: float, bound: float) -> float:
        """Probability that the next version is beyond a bound of one row."""
        return float(stats.t.sf((bound - self.centre[row]) * sign / self.scale[row], self.freedom[row]))


def tabulate(profiles: Sequence[Profile], rows: Sequence[Rule], planned: Sequence[Rule], seed: int) -> Table:
    """Statistics of every version, and how they vary together when images are drawn again."""
    values = np.array([[summarize(values_of(profile, rule), rule.statistic) for rule in rows] for profile in profiles])
    deviations = np.concatenate([_resampled(profile, rows, seed) for profile in profiles])
    images = tuple(min(int(values_of(profile, rule).size) for profile in profiles) for rule in rows)
    floor = np.array([_step(rule) / (count + 1) for rule, count in zip(rows, images, strict=True)])
    spread = deviations.std(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.nan_to_num(np.corrcoef(deviations, rowvar=False)) if len(rows) > 1 else np.eye(1)
    # Shrunk a little towards independence: the estimate has more rows than versions, and must stay positive definite.
    correlation = 0.9 * np.clip(correlation, -1, 1) + 0.1 * np.eye(len(rows))
    np.fill_diagonal(correlation, 1.0)
    # Where the range is open and every image says the same, a thousandth of the value is the least that may vary.
    floor = np.maximum(floor, 1e-3 * np.abs(values).mean(axis=0) + 1e-9)
    return Table(
        rows=tuple(rows),
        planned=tuple(planned),
        values=values,
        errors=np.maximum(spread, floor),
        correlation=correlation,
        images=images,
        priors=tuple(known_of(profiles, rule) for rule in rows),
    )


def known_of(profiles: Sequence[Profile], rule: Rule) -> Prior | None:
    """What other data sets tell about how far versions differ on a row: of means of classification alone."""
    if profiles[0].manifest.get("task", DEFAULT) != DEFAULT or rule.statistic != "mean":
        return None
    values = [values_of(profile, rule) for profile in profiles]
    images = min(one.size for one in values)
    return prior_of(rule.check, images, differ(values, step=_step(rule)), one_class=rule.class_name is not None)


def differ(versions: Sequence[Values], *, step: float) -> float:
    """Standard deviation between a row's images, over its versions; at least as if one image were a `step` away.

    Sixty times 0 is no certainty, and where the range is open a thousandth of the value is the least that may vary.
    """
    images = min(values.size for values in versions)
    spread = math.sqrt(math.fsum(float(values.var()) for values in versions) / len(versions))
    level = abs(math.fsum(float(values.mean()) for values in versions) / len(versions))
    return max(spread, math.sqrt(images) * max(step / (images + 1), 1e-3 * level + 1e-9))


def values_of(profile: Profile, rule: Rule) -> Values:
    """The values of a row, (N,); none where it was not measured."""
    measurement = profile.measurement(rule.check, rule.method)
    return np.empty(0) if measurement is None else select(profile, measurement, rule)[1]


def predict(table: Table, versions: int | None = None) -> Future:
    """What the next version will show; with another number of `versions`, as if so many had shown the same spread."""
    count = len(table.values)
    own, shape = float(count - 1), (len(table.rows),)
    variance = table.values.var(axis=0, ddof=1) if count > 1 else np.zeros(shape)
    borrowed, freedom = _borrowed(table, variance, own)
    if count == 1:
        variance = borrowed  # all that is known, should more versions be imagined
    versions = versions or count
    own = float(versions - 1)
    pooled = (freedom * borrowed + own * variance) / np.maximum(freedom + own, 1e-9)
    # Versions that agree to the last digit on a handful of images have not proved that the next one will.
    known = np.array([prior is not None for prior in table.priors])
    pooled = np.where(known, pooled, np.maximum(pooled, table.errors**2 / 4))
    return Future(
        centre=table.values.mean(axis=0),
        scale=np.sqrt(pooled * (1 + 1 / versions)),
        freedom=np.maximum(freedom + own, 1.0),
    )


def draws_of(table: Table, future: Future, seed: int) -> Matrix:
    """Future versions, (D, R): correlated between rows, each row with the tail of its own spread."""
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((_DRAWS, len(table.rows))) @ _root(table.correlation).T
    standard = normal / np.sqrt(rng.chisquare(future.freedom, size=normal.shape) / future.freedom)
    return np.asarray(standard * table.sign * future.scale + future.centre)


def search(share: Callable[[float], float], rate: float, *, low: float, high: float) -> float:
    """The largest tail level whose joint share is at most the rate, by bisection of its logarithm."""
    for _ in range(24):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if share(middle) <= rate else (low, middle)
    return low


def without(table: Table, version: int) -> Table:
    """The table as if one version had not been seen."""
    return replace(table, values=np.delete(table.values, version, axis=0))


def _borrowed(table: Table, variance: Values, own: float) -> tuple[Values, Values]:
    """Variances between versions that the rows borrow, and the degrees of freedom that these are worth."""
    ratio, freedom = _moderate(variance / table.errors**2, own) if own else (1.0, 0.0)
    variances = ratio * table.errors**2
    freedoms = np.full(len(table.rows), freedom)
    for row, prior in enumerate(table.priors):
        if prior is not None:
            variances[row], freedoms[row] = prior.spread**2, prior.freedom
    return variances, freedoms


def _moderate(ratios: Values, own: float) -> tuple[float, float]:
    """Prior ratio and its degrees of freedom by the moments of the log ratios (Smyth 2004, section 6.2)."""
    known = ratios[ratios > 1e-9]
    if known.size < 3:
        return 1.0, 0.0
    logs = np.log(known) - special.digamma(own / 2) + math.log(own / 2)
    excess = float(logs.var(ddof=1)) - float(special.polygamma(1, own / 2))
    borrowed = min(2 * _inverse_trigamma(excess), _MOST_BORROWED) if excess > 0 else _MOST_BORROWED
    ratio = math.exp(float(logs.mean()) + float(special.digamma(borrowed / 2)) - math.log(borrowed / 2))
    return ratio, borrowed


def _inverse_trigamma(value: float) -> float:
    """Newton's iteration of Smyth 2004, appendix."""
    root = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(special.polygamma(1, root))
        change = trigamma * (1 - trigamma / value) / float(special.polygamma(2, root))
        root += change
        if abs(change) < 1e-8 * root:
            break
    return root


def _root(correlation: Matrix) -> Matrix:
    values, vectors = np.linalg.eigh(correlation)
    return np.asarray(vectors * np.sqrt(values.clip(0)))


def _resampled(profile: Profile, rows: Sequence[Rule], seed: int) -> Matrix:
    """Deviations of every row's statistic when images are drawn again, jointly: (B, R)."""
    rng = np.random.default_rng(seed)
    # In an order of their own: which images a draw picks must not depend on where they stand in a list.
    order = sorted(range(len(profile.images)), key=lambda row: (profile.images[row].digest, profile.images[row].image))
    place = np.argsort(order)
    count = len(profile.images)
    classes = np.array([profile.images[row].class_name for row in order])
    drawn = np.empty((_RESAMPLES, count), dtype=np.int64)
    for name in sorted(set(classes.tolist())):
        members = np.flatnonzero(classes == name)
        drawn[:, members] = rng.choice(members, size=(_RESAMPLES, members.size))
    deviations = np.zeros((_RESAMPLES, len(rows)))
    for column, rule in enumerate(rows):
        measurement = profile.measurement(rule.check, rule.method)
        if measurement is None:
            continue
        rows_measured, values, _ = select(profile, measurement, rule)
        where = place[rows_measured]
        values = values[np.argsort(where)]
        where = np.sort(where)
        whole = np.full(count, np.nan)
        whole[where] = values
        own = np.zeros(count, dtype=bool)
        own[where] = True
        # A class is drawn from its own images, so only rows with unmeasured or unsampled images lose draws.
        picked = whole[drawn[:, own]]
        picked = np.where(np.isnan(picked), values[drawn[:, own] % values.size], picked)
        deviations[:, column] = along_last(picked, rule.statistic)
    return np.asarray(deviations - deviations.mean(axis=0))


def _step(rule: Rule) -> float:
    """What one image can move: the metric's range where it has one, so that sixty times 0 is no certainty."""
    metric = METRICS.get(rule.metric)
    if metric is None or metric.low is None or metric.high is None:
        return 0.0
    return min(metric.high - metric.low, 1.0)
