"""Bounds from versions known to be good: profiles and rules in, proposed bounds with their false alarms out. Pure.

What the next good version will show on one rule is predicted from the versions seen: centre, spread between versions,
and a t-tail that widens where they are few (a prediction interval, Hahn 1969). Spreads are pooled over the rules: how
far versions vary, in units of what resampled images vary by, is alike for many rules, so rules with few versions borrow
degrees of freedom from each other (moderated variances, Smyth 2004). One tail level serves all rules; it is searched so
that the chance that any rule breaks is the rate asked for. Correlations between rules come from resampling images
jointly.

A bound that says nothing is not proposed: one outside the metric's range, one that a random map passes, one of
behaviour that is looser than the package's own. Such a rule keeps its bound, and is told how many versions would do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from explain_gate.errors import OptionError
from explain_gate.judging.findings import breaks, select
from explain_gate.judging.priors import BEHAVIOUR
from explain_gate.metrics import FAMILIES, METRICS, family
from explain_gate.records import Profile, Rule
from explain_gate.statistics import Values, along_last, summarize

FEW_VERSIONS = 5
FEW_IMAGES = 20
_RESAMPLES = 400
_DRAWS = 8000
_BEYOND = 1e-3  # by how much a bound lies beyond a random map; rounding alone must not tell them apart
_MOST_VERSIONS = 100  # to ask a team for
_MOST_BORROWED = 30.0  # degrees of freedom; rules are never so alike that the versions themselves stop counting

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One planned row with its proposed bound.

    `bound` is what to write and `before` what the file says; `kept` is the reason why the bound does not come from the
    versions, None where it does. `seen` holds the value of every version. `share` is the expected share of good
    versions that break this row by itself.
    """

    rule: Rule
    bound: float
    before: float
    kept: str | None
    seen: tuple[float, ...]
    images: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """All proposals, and what they promise together.

    `share` is the expected share of good versions that break any rule. `left_out` lists, by position, the versions
    that break a bound proposed from the others. `warnings` say where the promise is empty.
    """

    proposals: tuple[Proposal, ...]
    rate: float
    share: float
    versions: int
    left_out: tuple[int, ...]
    warnings: tuple[str, ...]


def calibrate(
    profiles: Sequence[Profile],
    rules: Sequence[Rule],
    *,
    false_alarm_rate: float = 0.05,
    seed: int = 0,
) -> Calibration:
    """Propose a bound for every row that has a fixed one.

    Rows of one rule of thresholds.yaml share a bound, the loosest of their own, except classes whose own bound is
    tighter by more than their spread asks for.

    Args:
        profiles: of versions known to be good, measured with these rules; at least two.
        rules: the planned rows; those without a fixed bound are left alone.
        false_alarm_rate: wanted share of good versions that break any rule, in (0, 0.5).
        seed: of the resampling.

    Raises:
        OptionError: fewer than two versions, the same version twice, a rate out of range, or nothing to calibrate.
    """
    if not 0 < false_alarm_rate < 0.5:
        raise OptionError(f"the false-alarm rate must be in (0, 0.5), got {false_alarm_rate}")
    _require_versions(profiles)
    # The bound of a rule that counts images is a share of them, not a value of the metric: it stays as it is.
    bounded = (rule for rule in rules if rule.at_least is not None or rule.at_most is not None)
    rows = [rule for rule in bounded if rule.decide == "value"]
    measured, warnings = _measured(profiles, rows)
    if not measured:
        raise OptionError("no rule with at_least or at_most was measured on every version, so nothing can be proposed")
    table = _tabulate(profiles, measured, seed)
    proposals, share = _propose(table, false_alarm_rate, seed)
    left_out = _left_out(table, false_alarm_rate, seed)
    return Calibration(
        proposals=proposals,
        rate=false_alarm_rate,
        share=share,
        versions=len(profiles),
        left_out=left_out,
        warnings=(*warnings, *_warnings(proposals, len(profiles), left_out)),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Table:
    """M versions, R rows. `values` (M, R); `errors` (R,) what resampled images vary by; `correlation` (R, R).

    `random` holds what a random map reaches, the best over the versions, None where there is no such control; `shipped`
    the package's own bounds on behaviour, None for all other rows.
    """

    rows: tuple[Rule, ...]
    values: Matrix
    errors: Values
    correlation: Matrix
    images: tuple[int, ...]
    random: tuple[float | None, ...]
    shipped: tuple[float | None, ...]


def _require_versions(profiles: Sequence[Profile]) -> None:
    if len(profiles) < 2:
        raise OptionError(
            f"a spread needs at least two good versions, got {len(profiles)}; five or more make it useful"
        )
    digests = [str(profile.manifest["model"]["digest"]) for profile in profiles]
    if len(set(digests)) < len(digests):
        raise OptionError("two of the checkpoints hold the same weights; a version counts once")
    if len({str(profile.manifest["dataset"]["digest"]) for profile in profiles}) > 1:
        raise OptionError("the versions were measured on different images; measure them on one regression set")


def _measured(profiles: Sequence[Profile], rows: Sequence[Rule]) -> tuple[list[Rule], list[str]]:
    """Rows with values on every version, and a sentence for every other row."""
    kept, warnings = [], []
    for rule in rows:
        empty = [position for position, profile in enumerate(profiles) if not _values(profile, rule).size]
        if empty:
            warnings.append(
                f"{rule.key}: not measured on {len(empty)} of {len(profiles)} versions, so it stays as it is"
            )
        else:
            kept.append(rule)
    return kept, warnings


def _values(profile: Profile, rule: Rule) -> Values:
    measurement = profile.measurement(rule.check, rule.method)
    return np.empty(0) if measurement is None else select(profile, measurement, rule)[1]


def _tabulate(profiles: Sequence[Profile], rows: Sequence[Rule], seed: int) -> _Table:
    """Statistics of every version, and how they vary together when images are drawn again."""
    values = np.array([[summarize(_values(profile, rule), rule.statistic) for rule in rows] for profile in profiles])
    deviations = np.concatenate([_resampled(profile, rows, seed) for profile in profiles])
    images = tuple(min(int(_values(profile, rule).size) for profile in profiles) for rule in rows)
    floor = np.array([_step(rule) / (count + 1) for rule, count in zip(rows, images, strict=True)])
    spread = deviations.std(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.nan_to_num(np.corrcoef(deviations, rowvar=False)) if len(rows) > 1 else np.eye(1)
    # Shrunk a little towards independence: the estimate has more rows than versions, and must stay positive definite.
    correlation = 0.9 * np.clip(correlation, -1, 1) + 0.1 * np.eye(len(rows))
    np.fill_diagonal(correlation, 1.0)
    # Where the range is open and every image says the same, a thousandth of the value is the least that may vary.
    floor = np.maximum(floor, 1e-3 * np.abs(values).mean(axis=0) + 1e-9)
    return _Table(
        rows=tuple(rows),
        values=values,
        errors=np.maximum(spread, floor),
        correlation=correlation,
        images=images,
        random=tuple(_random_map(profiles, rule) for rule in rows),
        shipped=tuple(_shipped(rule) for rule in rows),
    )


def _random_map(profiles: Sequence[Profile], rule: Rule) -> float | None:
    """What the control of a rule reaches over all classes: one class has too few of its images."""
    every = replace(rule, class_name=None)
    reached = []
    for profile in profiles:
        measurement = profile.measurement(rule.check, "control.random")
        values = np.empty(0) if measurement is None else select(profile, measurement, every)[1]
        if values.size:
            reached.append(summarize(values, rule.statistic))
    if not reached:
        return None
    return max(reached) if rule.at_least is not None else min(reached)


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


def _propose(table: _Table, rate: float, seed: int) -> tuple[tuple[Proposal, ...], float]:
    """Proposals for every row, and the share of good versions that break any bound that comes from versions."""
    future = _predict(table)
    sign = np.array([-1.0 if rule.at_least is not None else 1.0 for rule in table.rows])
    draws = _draws(table, future.freedom, seed) * sign * future.scale + future.centre
    groups = _groups(table, sign, _own_bounds(future, sign, rate / len(table.rows)), future.scale)
    limits = [_limits(table, row) for row in range(len(table.rows))]
    # By row, a bound that stays and why; grows until no bound is left that would say nothing.
    kept = {row: (_fixed(rule), "a norm") for row, rule in enumerate(table.rows) if _is_norm(rule)}
    while True:
        tail, chosen = _common_level(future, sign, draws, groups, kept, rate)
        empty = {
            row: limit
            for group in groups
            for row in group
            if row not in kept and (limit := next((one for one in limits[row] if not one.allows(chosen[row])), None))
        }
        if not empty:
            break
        for row, limit in empty.items():
            needed = _versions_needed(table, row, tail, [one.allows for one in limits[row]])
            kept[row] = _instead(table, row, float(chosen[row]), limit, limits[row], needed)
    own = np.array([row not in kept for row in range(len(table.rows))])
    alone = stats.t.sf((chosen - future.centre) * sign / future.scale, future.freedom)
    proposals = tuple(
        Proposal(
            rule=rule,
            bound=float(chosen[row]),
            before=_fixed(rule),
            kept=kept[row][1] if row in kept else None,
            seen=tuple(table.values[:, row].tolist()),
            images=table.images[row],
            share=float(alone[row]),
        )
        for row, rule in enumerate(table.rows)
    )
    return proposals, _share_beyond(draws, chosen, sign, own)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Future:
    """What the next version will show, per row (R,): centre, scale and degrees of freedom of a t distribution."""

    centre: Values
    scale: Values
    freedom: Values


def _common_level(
    future: _Future,
    sign: Values,
    draws: Matrix,
    groups: Sequence[list[int]],
    kept: Mapping[int, tuple[float, str]],
    rate: float,
) -> tuple[float, Values]:
    """The tail level at which the rows that are not kept break together as often as is wanted, and all bounds there."""
    own = np.array([row not in kept for row in range(len(sign))])

    def bounds(tail: float) -> Values:
        single = _own_bounds(future, sign, tail)
        found = np.empty_like(single)
        for group in groups:
            found[group] = _round_out(
                float((sign[group] * single[group]).max() * sign[group[0]]), float(sign[group[0]])
            )
        for row, (level, _) in kept.items():
            found[row] = level
        return found

    tail = _search(
        lambda level: _share_beyond(draws, bounds(level), sign, own), rate, low=rate / len(sign) / 50, high=0.4
    )
    return tail, bounds(tail)


def _share_beyond(draws: Matrix, level: Values, sign: Values, own: NDArray[np.bool_]) -> float:
    """Share of future versions that break any of the chosen rows."""
    return float((((draws - level) * sign > 0)[:, own]).any(axis=1).mean()) if own.any() else 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Limit:
    """What a bound must not do; `broken` says that it does."""

    allows: Callable[[float], bool]
    broken: str


def _limits(table: _Table, row: int) -> list[_Limit]:
    """What a bound of one row must hold to, the most basic first."""
    rule = table.rows[row]
    limits = [_Limit(allows=lambda bound: _within(rule, bound), broken="stops nothing that the metric can be")]
    random = table.random[row]
    if random is not None:
        limits.append(
            _Limit(
                allows=lambda bound: breaks(_with_bound(rule, bound), random),
                broken=f"would let a random map pass, which reaches {random:.3g}",
            )
        )
    shipped = table.shipped[row]
    if shipped is not None:
        limits.append(
            _Limit(
                allows=lambda bound: not breaks(_with_bound(rule, shipped), bound),
                broken=f"is looser than the shipped {shipped:g}",
            )
        )
    return limits


def _instead(
    table: _Table, row: int, bound: float, limit: _Limit, limits: Sequence[_Limit], needed: int | None
) -> tuple[float, str]:
    """The bound that a row gets in place of one that says nothing, and why."""
    rule, count = table.rows[row], len(table.values)
    would = f"about {needed} versions would do" if needed else "good versions differ too much for any number to do"
    why = f"{bound:.3g} from {count} versions {limit.broken}; {would}"
    shipped = table.shipped[row]
    stays = _fixed(rule)
    if shipped is not None and breaks(_with_bound(rule, shipped), stays):
        return shipped, f"the shipped bound, as {why}"
    if all(one.allows(stays) for one in limits):
        return stays, why
    random = table.random[row]
    if random is not None:
        # What stands in the file lets it pass too: the loosest bound that does not, where good versions hold it.
        way = -1.0 if rule.at_least is not None else 1.0
        level = _round_out(random - way * _BEYOND, -way)
        held = not any(breaks(_with_bound(rule, level), value) for value in table.values[:, row].tolist())
        if held and all(one.allows(level) for one in limits):
            return level, f"just beyond a random map, as {why}"
    return stays, f"{why}; the file's own says nothing either"


def _versions_needed(table: _Table, row: int, tail: float, allow: Sequence[Callable[[float], bool]]) -> int | None:
    """How many versions like these would give one row a bound that says something; None where no number would."""
    sign = -1.0 if table.rows[row].at_least is not None else 1.0
    for count in range(len(table.values) + 1, _MOST_VERSIONS + 1):
        future = _predict(table, count)
        bound = future.centre[row] + sign * future.scale[row] * stats.t.isf(tail, future.freedom[row])
        if all(one(_round_out(float(bound), sign)) for one in allow):
            return count
    return None


def _within(rule: Rule, bound: float) -> bool:
    """Whether a bound lies inside the metric's range; at its loose end it stops nothing."""
    metric = METRICS.get(rule.metric)
    if metric is None:
        return True
    if rule.at_least is not None:
        return (metric.low is None or bound > metric.low) and (metric.high is None or bound <= metric.high)
    return (metric.high is None or bound < metric.high) and (metric.low is None or bound >= metric.low)


def _shipped(rule: Rule) -> float | None:
    """The package's own bound on the mean of a metric of behaviour, of the same side; None for all others."""
    if rule.statistic != "mean":
        return None
    shipped = BEHAVIOUR.get(rule.check) or BEHAVIOUR.get(rule.metric) or {}
    return shipped.get("at_least" if rule.at_least is not None else "at_most")


def _is_norm(rule: Rule) -> bool:
    """Whether the bound says what a sound measurement is, whatever good versions show: kept, and only counted."""
    return family(rule.metric) in FAMILIES and FAMILIES[family(rule.metric)].norm


def _predict(table: _Table, versions: int | None = None) -> _Future:
    """What the next version will show; with another number of `versions`, as if so many had shown the same spread."""
    count = len(table.values)
    own = float(count - 1)
    centre = table.values.mean(axis=0)
    variance = table.values.var(axis=0, ddof=1)
    ratio, borrowed = _moderate(variance / table.errors**2, own)
    prior = ratio * table.errors**2
    versions = versions or count
    own = float(versions - 1)
    pooled = (borrowed * prior + own * variance) / (borrowed + own)
    # Versions that agree to the last digit on a handful of images have not proved that the next one will.
    pooled = np.maximum(pooled, (table.errors**2) / 4)
    return _Future(
        centre=centre, scale=np.sqrt(pooled * (1 + 1 / versions)), freedom=np.full(len(centre), own + borrowed)
    )


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
    found = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(special.polygamma(1, found))
        change = trigamma * (1 - trigamma / value) / float(special.polygamma(2, found))
        found += change
        if abs(change) < 1e-8 * found:
            break
    return found


def _own_bounds(future: _Future, sign: Values, tail: float) -> Values:
    return np.asarray(future.centre + sign * future.scale * stats.t.isf(tail, future.freedom))


def _groups(table: _Table, sign: Values, own: Values, scale: Values) -> list[list[int]]:
    """Rows that share a bound: those of one rule, less the classes that are far tighter than the loosest."""
    rules: dict[tuple[str, int], list[int]] = {}
    for row, rule in enumerate(table.rows):
        rules.setdefault((rule.check, rule.line), []).append(row)
    groups = []
    for members in rules.values():
        loosest = max(members, key=lambda row: sign[row] * own[row])
        rest = []
        classes = {table.rows[row].class_name for row in members}
        for name in sorted(classes, key=str):
            same = [row for row in members if table.rows[row].class_name == name]
            slack = min(sign[row] * (own[loosest] - own[row]) / scale[row] for row in same)
            if name is not None and len(classes) > 1 and slack > 2:
                groups.append(same)
            else:
                rest.extend(same)
        groups.append(rest)
    return groups


def _draws(table: _Table, freedom: Values, seed: int) -> Matrix:
    """Standardised future versions, (D, R): correlated between rows, each row with the tail of its own spread."""
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((_DRAWS, len(table.rows))) @ _root(table.correlation).T
    return np.asarray(normal / np.sqrt(rng.chisquare(freedom, size=normal.shape) / freedom))


def _root(correlation: Matrix) -> Matrix:
    values, vectors = np.linalg.eigh(correlation)
    return np.asarray(vectors * np.sqrt(values.clip(0)))


def _search(share: Callable[[float], float], rate: float, *, low: float, high: float) -> float:
    """The largest tail level whose joint share is at most the rate, by bisection of its logarithm."""
    for _ in range(24):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if share(middle) <= rate else (low, middle)
    return low


def _left_out(table: _Table, rate: float, seed: int) -> tuple[int, ...]:
    """Versions that break a bound proposed from the others; none where too few are left to propose one."""
    if len(table.values) < 3:
        return ()
    found = []
    for version in range(len(table.values)):
        others = replace(table, values=np.delete(table.values, version, axis=0))
        proposals, _ = _propose(others, rate, seed)
        if any(
            breaks(_with_bound(one.rule, one.bound), float(table.values[version, row]))
            for row, one in enumerate(proposals)
        ):
            found.append(version)
    return tuple(found)


def _with_bound(rule: Rule, bound: float) -> Rule:
    return replace(rule, at_least=bound) if rule.at_least is not None else replace(rule, at_most=bound)


def _fixed(rule: Rule) -> float:
    return next(bound for bound in (rule.at_least, rule.at_most) if bound is not None)


def _round_out(value: float, way: float) -> float:
    """Rounded to three digits, away from the good versions."""
    digits = 3 - 1 - math.floor(math.log10(max(abs(value), 1e-3)))
    factor = 10.0**digits
    return float((math.ceil if way > 0 else math.floor)(round(value * factor, 6)) / factor)


def _warnings(proposals: Sequence[Proposal], versions: int, left_out: Sequence[int]) -> list[str]:
    found = []
    if versions < FEW_VERSIONS:
        found.append(f"only {versions} versions: the bounds rest on assumptions about versions nobody has seen")
    few = sorted({one.images for one in proposals if one.images < FEW_IMAGES and not one.kept})
    if few:
        found.append(f"some bounds rest on {few[0]} images; {FEW_IMAGES} or more for each would narrow them")
    if left_out:
        found.append(f"{len(left_out)} of {versions} versions break a bound proposed from the others")
    for one in proposals:
        if one.kept and any(breaks(_with_bound(one.rule, one.bound), value) for value in one.seen):
            found.append(f"{one.rule.key}: a good version breaks {one.bound:g}, which is kept: {one.kept}")
        if not _within(one.rule, one.bound):
            found.append(f"{one.rule.key}: bound {one.bound:g} stops nothing that the metric can be")
    return found
