"""Which images of the set a rule looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from explain_gate.data.regression_set import RegressionSet
from explain_gate.measuring.asking.capabilities import CAPABILITIES
from explain_gate.metrics import METRICS, PAIR
from explain_gate.records import Rule

if TYPE_CHECKING:
    from explain_gate.measuring.job import Job


def rows_of_behaviour(job: Job) -> list[int]:
    """The rows that some rule without a method looks at, in order."""
    rules = [rule for rule in job.rules if rule.method is None]
    return sorted({row for rule in rules for row in answering(job.data, rule, sampled(job.data, rule, job.seed))})


def rows_asked(job: Job, method: str) -> list[int] | None:
    """The rows whose maps of a method some rule looks at; None for all.

    A rule that compares with maps of other images, or of another version, looks at all of them.
    """
    rules = [rule for rule in job.rules if method in (rule.method or "").split(PAIR)]
    if any(rule.sample is None or rule.decide == "evidence" or _looks_beyond(rule) for rule in rules):
        return None
    if job.part:
        return []  # which images are drawn depends on the whole set
    return sorted({row for rule in rules for row in answering(job.data, rule, sampled(job.data, rule, job.seed))})


def _looks_beyond(rule: Rule) -> bool:
    """Whether a metric of maps asks for more than its own image's; a team's own may ask for anything."""
    metric = METRICS.get(rule.metric)
    beyond = {capability.name for capability in CAPABILITIES if capability.scope != "image"}
    return metric is None or metric.afterwards or bool(beyond & set(metric.asks))


def answering(data: RegressionSet, rule: Rule, rows: list[int]) -> list[int]:
    """Those of a rule's rows that are asked: all, or the one looked at alone, which is given what it always is."""
    if rule.image is None:
        return rows
    return [row for row, entry in enumerate(data.entries) if entry.image == rule.image]


def sampled(data: RegressionSet, rule: Rule, seed: int) -> list[int]:
    """The rows that a rule looks at; a rule by class looks at as many of each class."""
    if rule.sample is None:
        return list(range(len(data)))
    if not rule.sample_each:
        return sorted(data.stratified(rule.sample, seed=seed, purpose="sample"))
    members: dict[int, list[int]] = {}
    for row, entry in enumerate(data.entries):
        members.setdefault(entry.label, []).append(row)
    drawn = (data.lowest(rows, rule.sample, seed=seed, purpose="sample") for rows in members.values())
    return sorted(row for rows in drawn for row in rows)
