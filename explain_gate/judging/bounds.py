"""Bounds of values from good versions, at the level at which they break together as often as is wanted. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from explain_gate.judging.behaviour import Limit, limit_of
from explain_gate.judging.counting import too_few
from explain_gate.judging.findings import breaks
from explain_gate.judging.limits import (
    Demand,
    Kept,
    demands_of,
    fixed,
    instead_of,
    random_map,
    round_out,
    stays_counting,
    with_bound,
)
from explain_gate.judging.prediction import Future, Table, draws_of, predict, search, tabulate, without
from explain_gate.judging.proposal import Proposal
from explain_gate.metrics import FAMILIES, METRICS, family
from explain_gate.records import Profile, Rule
from explain_gate.statistics import Values

_MOST = 0.4
"""Tail level; beyond it no bound is one."""

Matrix = NDArray[np.float64]


def propose_bounds(
    profiles: Sequence[Profile], planned: Sequence[Rule], *, rate: float, accepted: bool, seed: int
) -> tuple[tuple[Proposal, ...], float, tuple[int, ...]]:
    """A bound for every row, the share of good versions that break any of them, and the versions that the others would.

    Args:
        profiles: of good versions on one set.
        planned: rows with a bound, measured on all of them.
        rate: wanted share of good versions that break any row.
        accepted: whether a bound of behaviour may be looser than the package's own rule.
        seed: of the resampling.
    """
    work = _Work.of(profiles, planned, rate=rate, accepted=accepted, seed=seed)
    proposals, share = _propose(work, work.table)
    return proposals, share, _left_out(work)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Work:
    """All that a proposal takes beside the table: R entries each, for the rows of the table."""

    table: Table
    random: tuple[float | None, ...]
    limits: tuple[Limit | None, ...]
    demands: tuple[list[Demand], ...]
    always_kept: Mapping[int, Kept]
    rate: float
    accepted: bool
    seed: int

    @classmethod
    def of(
        cls, profiles: Sequence[Profile], planned: Sequence[Rule], *, rate: float, accepted: bool, seed: int
    ) -> _Work:
        rows = [valued(rule) for rule in planned]
        table = tabulate(profiles, rows, planned, seed)
        random = tuple(random_map(profiles, rule) for rule in rows)
        limits = tuple(limit_of(profiles, rule) for rule in rows)
        demands = tuple(
            [one for one in demands_of(rule, reached, limit) if not (accepted and one.may_be_accepted)]
            for rule, reached, limit in zip(rows, random, limits, strict=True)
        )
        kept = _kept_whatever_they_show(table, planned)
        return cls(
            table=table,
            random=random,
            limits=limits,
            demands=demands,
            always_kept=kept,
            rate=rate,
            accepted=accepted,
            seed=seed,
        )


def valued(rule: Rule) -> Rule:
    """A row that counts images, as a row with a bound of its value."""
    if rule.decide == "value":
        return rule
    metric = METRICS[rule.metric]
    if metric.better == "higher":
        return replace(rule, decide="value", better="higher", at_least=0.0, at_most=None)
    return replace(rule, decide="value", better="lower")


def _kept_whatever_they_show(table: Table, planned: Sequence[Rule]) -> dict[int, Kept]:
    """Rows whose bound no version can move: norms, those without any known spread, those without power."""
    kept: dict[int, Kept] = {}
    for row, rule in enumerate(planned):
        why = _why_kept(table, row, planned)
        if why is not None:
            kept[row] = stays_counting(rule, why) if rule.decide == "evidence" else Kept(bound=fixed(rule), why=why)
    return kept


def _why_kept(table: Table, row: int, planned: Sequence[Rule]) -> str | None:
    rule, images = planned[row], table.images[row]
    if family(rule.metric) in FAMILIES and FAMILIES[family(rule.metric)].norm:
        return "a norm"
    if table.priors[row] is None and len(table.values) == 1:
        return "nobody has measured how far versions differ here; about 2 versions would do"
    rows = 1 + sum(other.check == rule.check for other in planned)
    if rule.decide == "evidence" and too_few(rule, images, rows) is not None:
        return f"{images} images are too few for what it must catch, whoever decides"
    return None


def _propose(work: _Work, table: Table) -> tuple[tuple[Proposal, ...], float]:
    """Proposals for every row, and the share of good versions that break any bound that comes from versions."""
    future = predict(table)
    draws = draws_of(table, future, work.seed)
    groups = _groups(table, future, work.rate / len(table.rows))
    # By row, a bound that stays and why; grows until no bound is left that would say nothing.
    kept = _whole_rules(table, dict(work.always_kept))
    while True:
        tail, chosen = _common_level(table, future, draws, groups, kept, work.rate)
        empty = {
            row: broken
            for row in range(len(table.rows))
            if row not in kept
            and (broken := next((one for one in work.demands[row] if not one.allows(chosen[row])), None)) is not None
        }
        if not empty:
            break
        # What hopeless rows would have spent, the others get: the worst leave first, and the level is searched anew.
        needed = {row: _level_needed(work, table, future, row, tail) for row in empty}
        leaving = {row for row, level in needed.items() if level >= min(work.rate, max(needed.values()))}
        for row, broken in empty.items():
            if row not in leaving:
                continue
            kept[row] = instead_of(
                table,
                row,
                float(chosen[row]),
                broken,
                work.demands[row],
                tail=tail,
                random=work.random[row],
                limit=work.limits[row],
            )
        kept = _whole_rules(table, kept)
    own = np.array([row not in kept for row in range(len(table.rows))])
    proposals = tuple(
        _proposal(work, table, future, row, float(chosen[row]), kept.get(row)) for row in range(len(table.rows))
    )
    return proposals, _share_beyond(draws, chosen, table.sign, own)


def _level_needed(work: _Work, table: Table, future: Future, row: int, low: float) -> float:
    """The tail level, beyond `low`, from which a row's own bound would say something; infinite where none would."""
    sign = float(table.sign[row])

    def allowed(level: float) -> bool:
        bound = round_out(float(future.bounds(table.sign, level)[row]), sign)
        return all(one.allows(bound) for one in work.demands[row])

    high = _MOST
    if not allowed(high):
        return math.inf
    for _ in range(12):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if allowed(middle) else (middle, high)
    return high


def _proposal(work: _Work, table: Table, future: Future, row: int, bound: float, kept: Kept | None) -> Proposal:
    rule, planned, limit = table.rows[row], table.planned[row], work.limits[row]
    counts = kept is not None and kept.counts
    return Proposal(
        rule=planned,
        name="at_least" if (planned if counts else rule).at_least is not None else "at_most",
        bound=bound,
        before=fixed(planned),
        kept=kept.why if kept is not None else None,
        seen=tuple(table.values[:, row].tolist()),
        images=table.images[row],
        share=planned.part if counts else future.share_beyond(row, float(table.sign[row]), bound),
        decide="evidence" if counts else "value",
        looser=kept is None and limit is not None and not limit.allows(rule, bound),
    )


def _whole_rules(table: Table, kept: dict[int, Kept]) -> dict[int, Kept]:
    """A rule of evidence stays one: where a row of it is kept, all are."""
    by_rule: dict[tuple[str, int], Kept] = {}
    for row, one in kept.items():
        if one.counts:
            by_rule.setdefault((table.planned[row].check, table.planned[row].line), one)
    for row, rule in enumerate(table.planned):
        if rule.decide == "evidence" and (rule.check, rule.line) in by_rule:
            kept.setdefault(row, by_rule[rule.check, rule.line])
    return kept


def _common_level(
    table: Table,
    future: Future,
    draws: Matrix,
    groups: Sequence[list[int]],
    kept: Mapping[int, Kept],
    rate: float,
) -> tuple[float, Values]:
    """The tail level at which the rows that are not kept break together as often as is wanted, and all bounds there."""
    sign = table.sign
    own = np.array([row not in kept for row in range(len(sign))])

    def bounds(tail: float) -> Values:
        single = np.where(own, future.bounds(sign, tail), 0.0)
        shared = np.empty_like(single)
        for group in groups:
            free = [row for row in group if own[row]] or group
            way = float(sign[group[0]])
            shared[group] = round_out(float((way * single[free]).max() * way), way)
        for row, one in kept.items():
            shared[row] = one.bound
        return shared

    tail = search(
        lambda level: _share_beyond(draws, bounds(level), sign, own), rate, low=rate / len(sign) / 50, high=_MOST
    )
    return tail, bounds(tail)


def _share_beyond(draws: Matrix, level: Values, sign: Values, own: NDArray[np.bool_]) -> float:
    """Share of future versions that break any of the chosen rows."""
    return float((((draws - level) * sign > 0)[:, own]).any(axis=1).mean()) if own.any() else 0.0


def _groups(table: Table, future: Future, tail: float) -> list[list[int]]:
    """Rows that share a bound: those of one rule, less the classes that are far tighter than the loosest."""
    sign, own = table.sign, future.bounds(table.sign, tail)
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
            slack = min(sign[row] * (own[loosest] - own[row]) / future.scale[row] for row in same)
            apart = slack > 2 and table.planned[same[0]].decide == "value"
            if name is not None and len(classes) > 1 and apart:
                groups.append(same)
            else:
                rest.extend(same)
        groups.append(rest)
    return groups


def _left_out(work: _Work) -> tuple[int, ...]:
    """Versions that break a bound proposed from the others; none where too few are left to propose one."""
    table = work.table
    if len(table.values) < 3:
        return ()
    broken = []
    for version in range(len(table.values)):
        proposals, _ = _propose(work, without(table, version))
        if any(
            one.decide == "value" and breaks(with_bound(table.rows[row], one.bound), float(table.values[version, row]))
            for row, one in enumerate(proposals)
        ):
            broken.append(version)
    return tuple(broken)
