"""Margins of `max_drop` and `max_rise` from versions known to be good. Pure.

Two honest versions differ by more than their images tell: by what a whole class moves from one training to the next.
The paired test of a change knows the images' part of it; the margin holds the rest, so that a thousand images do not
make an honest retrain a significant loss.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from scipy import stats

from explain_gate.judging.behaviour import limit_of
from explain_gate.judging.limits import round_out
from explain_gate.judging.prediction import known_of, values_of
from explain_gate.judging.proposal import BoundName, Proposal
from explain_gate.metrics import METRICS
from explain_gate.records import Profile, Rule
from explain_gate.statistics import summarize


def propose_margins(
    profiles: Sequence[Profile], rules: Sequence[Rule], *, tail: float, accepted: bool
) -> tuple[Proposal, ...]:
    """A margin for every row that bounds a change; rows of one rule share the widest of their own.

    Args:
        profiles: of good versions on one set.
        rules: rows with `max_drop` or `max_rise`, measured on all of them.
        tail: probability that an honest change is beyond a row's margin.
        accepted: whether one of behaviour may be looser than the package's own rule.
    """
    proposals: list[Proposal] = []
    for check, line in dict.fromkeys((rule.check, rule.line) for rule in rules):
        rows = [rule for rule in rules if (rule.check, rule.line) == (check, line)]
        widths = [_width(profiles, rule, tail) for rule in rows]
        known = [width for width in widths if width is not None]
        margin = round_out(max(known), 1.0) if len(known) == len(rows) else None
        kept, looser = _kept(profiles, rows, margin, accepted=accepted)
        proposals += [_proposal(profiles, rule, margin, kept, looser=looser, share=tail) for rule in rows]
    return tuple(proposals)


def _width(profiles: Sequence[Profile], rule: Rule, tail: float) -> float | None:
    """What an honest change of one row stays below; None where nobody knows how far versions differ."""
    values = [values_of(profile, rule) for profile in profiles]
    prior = known_of(profiles, rule)
    own = len(profiles) - 1
    if prior is None and own == 0:
        return None
    means = [summarize(one, rule.statistic) for one in values]
    centre = math.fsum(means) / len(means)
    seen = math.fsum((mean - centre) ** 2 for mean in means) / own if own else 0.0
    if prior is None:
        return float(math.sqrt(2 * seen) * stats.t.isf(tail, own))
    # What single images move by is the paired test's own part.
    seen = max(seen - (prior.spread**2 - prior.shift**2), 0.0)
    freedom = prior.freedom + own
    variance = (prior.freedom * prior.shift**2 + own * seen) / freedom
    return float(math.sqrt(2 * variance) * stats.t.isf(tail, freedom))


def _kept(
    profiles: Sequence[Profile], rows: Sequence[Rule], margin: float | None, *, accepted: bool
) -> tuple[str | None, bool]:
    """Why a rule's margin stays as the file has it, None where it does not; and whether it is looser than shipped."""
    if margin is None:
        return "nobody has measured how far versions differ here; about 2 versions would do", False
    rule = rows[0]
    metric = METRICS.get(rule.metric)
    if metric is not None and metric.low is not None and metric.high is not None and margin >= metric.high - metric.low:
        return f"{margin:.3g} is more than the metric can change", False
    if margin == 0:
        return "the versions show no change at all", False
    limits = [limit for row in rows if (limit := limit_of(profiles, _bounded(row))) is not None]
    if not limits:
        return None, False
    least = min(limits, key=lambda limit: limit.change)
    if margin < least.change:
        return None, False
    return (None, True) if accepted else (f"{margin:.3g} is looser than {least.told}", False)


def _bounded(rule: Rule) -> Rule:
    """The row with a fixed bound on its own side, so that it can be compared."""
    drop = rule.max_drop is not None
    return replace(rule, decide="value", at_least=0.0 if drop else None, at_most=None if drop else 0.0)


def _proposal(
    profiles: Sequence[Profile], rule: Rule, margin: float | None, kept: str | None, *, looser: bool, share: float
) -> Proposal:
    name: BoundName = "max_drop" if rule.max_drop is not None else "max_rise"
    before = float((rule.max_drop if rule.max_drop is not None else rule.max_rise) or 0.0)
    means = [summarize(values_of(profile, rule), rule.statistic) for profile in profiles]
    return Proposal(
        rule=rule,
        name=name,
        bound=before if kept is not None or margin is None else margin,
        before=before,
        kept=kept,
        seen=tuple(abs(one - means[0]) for one in means[1:]) or (0.0,),
        images=min(values_of(profile, rule).size for profile in profiles),
        share=share,
        decide=rule.decide,
        looser=looser,
    )
