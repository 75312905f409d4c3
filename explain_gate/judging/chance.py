"""Rules that pass only beyond chance: the permutation test that their metric noted, whatever else decides. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from explain_gate.judging import sentences
from explain_gate.judging.findings import at_least_status, classes_about
from explain_gate.metrics import METRICS
from explain_gate.records import Finding, Profile, Rule

SIGNIFICANT = 0.05
NOTED = "@p"
"""Behind a check: the measurement of its p-values, one for each class, the same for all its images."""


def judge_chance(profile: Profile, rules: Sequence[Rule], findings: Sequence[Finding]) -> list[Finding]:
    """The findings, where a rule that chance explains does not pass."""
    return [_beyond_chance(profile, rule, finding) for rule, finding in zip(rules, findings, strict=True)]


def combined(p_values: Sequence[float]) -> float:
    """One p-value for several tests, however they depend on each other (Cauchy combination, Liu and Xie 2020)."""
    mean = math.fsum(math.tan((0.5 - p) * math.pi) for p in p_values) / len(p_values)
    return min(1.0, max(0.0, 0.5 - math.atan(mean) / math.pi))


def _beyond_chance(profile: Profile, rule: Rule, finding: Finding) -> Finding:
    card = METRICS.get(rule.metric)
    if card is None or not card.beyond_chance or finding.status in {"failed", "unmeasured"}:
        return finding
    p = _p_value(profile, rule)
    if p is None:
        untested = replace(finding, message=f"{finding.message} {sentences.of_no_permutation(rule)}")
        return at_least_status(untested, "unmeasured", "unmeasured")
    told = replace(finding, message=f"{finding.message} {sentences.of_permutation(p, SIGNIFICANT)}")
    if p <= SIGNIFICANT:
        return told
    return at_least_status(told, "failed" if rule.severity == "fail" else "warned", "chance")


def _p_value(profile: Profile, rule: Rule) -> float | None:
    """That of the rule's class, or of all classes together; None where nothing could be permuted."""
    noted = profile.measurement(f"{rule.check}{NOTED}", rule.method)
    if noted is None:
        return None
    by_class = dict(zip(classes_about(profile, noted), noted.values.tolist(), strict=True))
    if rule.class_name is not None:
        return by_class.get(rule.class_name)
    return combined([by_class[name] for name in sorted(by_class)]) if by_class else None
