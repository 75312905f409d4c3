"""What a proposed bound must not do, and what a row gets in place of one that says nothing. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from explain_gate.judging.behaviour import Limit, loosened
from explain_gate.judging.findings import breaks, select
from explain_gate.judging.prediction import Table, predict
from explain_gate.metrics import METRICS
from explain_gate.records import Profile, Rule
from explain_gate.statistics import summarize

_BEYOND = 1e-3  # by how much a bound lies beyond a random map; rounding alone must not tell them apart
_MOST_VERSIONS = 100  # to ask a team for


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demand:
    """What a bound of one row must hold to; `broken` says that it does not, and may be `accepted`."""

    allows: Callable[[float], bool]
    broken: str
    may_be_accepted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A bound that stays, or stands in for one that says nothing, and why. `decide` is what breaks the row by it."""

    bound: float
    why: str
    counts: bool = False


def demands_of(rule: Rule, random: float | None, limit: Limit | None) -> list[Demand]:
    """What a bound of a row must hold to, the most basic first.

    Args:
        rule: the row, decided by its value.
        random: what its control of random maps reaches.
        limit: where the package's own rule fails.
    """
    demands = [Demand(allows=lambda bound: within(rule, bound), broken="stops nothing that the metric can be")]
    if random is not None:
        demands.append(
            Demand(
                allows=lambda bound: breaks(with_bound(rule, bound), random),
                broken=f"would let a random map pass, which reaches {random:.3g}",
            )
        )
    if limit is not None:
        demands.append(
            Demand(
                allows=lambda bound: limit.allows(rule, bound),
                broken=f"is looser than {limit.told}",
                may_be_accepted=True,
            )
        )
    return demands


def instead_of(
    table: Table,
    row: int,
    bound: float,
    broken: Demand,
    demands: Sequence[Demand],
    *,
    tail: float,
    random: float | None,
    limit: Limit | None,
) -> Kept:
    """The bound that a row gets in place of one that says nothing, and why."""
    rule, planned, count = table.rows[row], table.planned[row], len(table.values)
    needed = _versions_needed(table, row, tail, [one.allows for one in demands])
    would = f"about {needed} versions would do" if needed else "good versions differ too much for any number to do"
    why = f"{bound:.3g} from {_versions(count)} {broken.broken}; {would}"
    if planned.decide == "evidence":
        return stays_counting(planned, why)
    stays = fixed(planned)
    if limit is not None and not limit.allows(rule, stays) and not planned.accept_looser and rule.statistic == "mean":
        return Kept(bound=limit.loosest, why=f"the shipped bound, as {why}")
    if all(one.allows(stays) or (one.may_be_accepted and planned.accept_looser) for one in demands):
        return Kept(bound=stays, why=why)
    if random is not None:
        # What stands in the file lets it pass too: the loosest bound that does not, where good versions hold it.
        way = -1.0 if rule.at_least is not None else 1.0
        level = round_out(random - way * _BEYOND, -way)
        held = not any(breaks(with_bound(rule, level), value) for value in table.values[:, row].tolist())
        if held and all(one.allows(level) for one in demands):
            return Kept(bound=level, why=f"just beyond a random map, as {why}")
    return Kept(bound=stays, why=f"{why}; the file's own says nothing either")


def stays_counting(planned: Rule, why: str) -> Kept:
    """A row goes on counting images: by the share that the file allows, but none above the package's own unaccepted."""
    shipped = loosened(planned)
    if shipped is None or planned.accept_looser:
        return Kept(bound=fixed(planned), why=why, counts=True)
    return Kept(bound=shipped, why=f"the shipped bound, as {why}", counts=True)


def random_map(profiles: Sequence[Profile], rule: Rule) -> float | None:
    """What the control of a rule reaches over all classes, the best over the versions: one class has too few images."""
    every = replace(rule, class_name=None)
    reached = []
    for profile in profiles:
        measurement = profile.measurement(rule.check, "control.random")
        if measurement is not None:
            values = select(profile, measurement, every)[1]
            if values.size:
                reached.append(summarize(values, rule.statistic))
    if not reached:
        return None
    return max(reached) if rule.at_least is not None else min(reached)


def within(rule: Rule, bound: float) -> bool:
    """Whether a bound lies inside the metric's range; at its loose end it stops nothing."""
    metric = METRICS.get(rule.metric)
    if metric is None:
        return True
    if rule.at_least is not None:
        return (metric.low is None or bound > metric.low) and (metric.high is None or bound <= metric.high)
    return (metric.high is None or bound < metric.high) and (metric.low is None or bound >= metric.low)


def with_bound(rule: Rule, bound: float) -> Rule:
    """A rule with another bound of its value, on the side on which it has one."""
    return replace(rule, at_least=bound) if rule.at_least is not None else replace(rule, at_most=bound)


def fixed(rule: Rule) -> float:
    """The number of a rule's fixed bound."""
    return next(bound for bound in (rule.at_least, rule.at_most) if bound is not None)


def round_out(value: float, way: float) -> float:
    """Rounded to three digits, away from the good versions."""
    digits = 3 - 1 - math.floor(math.log10(max(abs(value), 1e-3)))
    factor = 10.0**digits
    return float((math.ceil if way > 0 else math.floor)(round(value * factor, 6)) / factor)


def _versions_needed(table: Table, row: int, tail: float, allow: Sequence[Callable[[float], bool]]) -> int | None:
    """How many versions like these would give one row a bound that says something; None where no number would."""
    sign = float(table.sign[row])
    for count in range(len(table.values) + 1, _MOST_VERSIONS + 1):
        bound = float(predict(table, count).bounds(table.sign, tail)[row])
        if all(one(round_out(bound, sign)) for one in allow):
            return count
    return None


def _versions(count: int) -> str:
    return f"{count} version" if count == 1 else f"{count} versions"
