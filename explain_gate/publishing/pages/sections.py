"""The rules as the report shows them: families, checks in them, rules in those; worst first at every level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from markupsafe import Markup

from explain_gate.comparing.per_image import PerImage, bound_side
from explain_gate.digits import number, plural
from explain_gate.metrics import Metric, family, metric_of, question
from explain_gate.publishing.pictures.cascade import CascadeView, build_cascade
from explain_gate.publishing.pictures.charts import axis_range, distribution, interval_bar
from explain_gate.publishing.pictures.row_chart import numbers_of, row_chart, row_ends, row_table
from explain_gate.publishing.words.wording import (
    bounds_of,
    by_severity,
    change_text,
    counts_by_status,
    missing,
    span_of,
    value_text,
)
from explain_gate.records import Control, Finding, Verdict

CHARTS = 240
"""Rules that get a chart of their own; the page must stay small when a thousand classes have a rule each."""
ROWS = 2_000
"""Rules that get a row; the rest, all of lesser severity, is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView:
    """One rule as shown. `anchor` is its id on the page: the rule's key, so that a link holds from run to run.

    `excerpt` is its line in thresholds.yaml, where the text is known; `aside` puts the value into proportion, where the
    metric noted what with. `line` is the chart of all its numbers where the rule needs attention, and `numbers` they
    themselves: (key of the mark, what it is, number). `caveat` is how its metric is known to fail.
    """

    number: int
    anchor: str
    finding: Finding
    value: str
    interval: str
    bound: str
    change: str
    bar: Markup
    chart: Markup | None
    line: Markup | None
    numbers: tuple[tuple[str, str, str], ...]
    excerpt: str
    aside: str
    caveat: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """One check with its rules; `metric` is None for a user's own, `cascade` for every check but that one."""

    check: str
    metric: Metric | None
    rules: tuple[RuleView, ...]
    cascade: CascadeView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyView:
    """One family with its question, its checks and how many rules have which status."""

    name: str
    question: str
    checks: tuple[CheckView, ...]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesView:
    """All families; `hidden` rules have no row; `missing` are planned rules without a finding."""

    families: tuple[FamilyView, ...]
    hidden: int
    missing: tuple[str, ...]

    @property
    def total(self) -> int:
        """How many rules have a row."""
        return len(self._views())

    @property
    def classes(self) -> list[str]:
        """The classes that have a rule of their own."""
        return sorted({rule.finding.class_name for rule in self._views() if rule.finding.class_name})

    @property
    def methods(self) -> list[str]:
        """The methods that rules are about."""
        return sorted({rule.finding.method for rule in self._views() if rule.finding.method})

    def _views(self) -> list[RuleView]:
        return [rule for group in self.families for check in group.checks for rule in check.rules]

    def attention(self) -> list[RuleView]:
        """The rules that did not pass, worst first."""
        return sorted((rule for rule in self._views() if rule.finding.status != "passed"), key=lambda rule: rule.number)


def build_rules(verdict: Verdict, per_image: PerImage | None, config_text: str | None) -> RulesView:
    """Group the findings of a verdict; the charts come from the profile, where there is one."""
    ordered = by_severity(verdict.findings)
    lines = (config_text or "").splitlines()
    grouped: dict[str, dict[str, list[RuleView]]] = {}
    controls: dict[tuple[str, str | None, str | None], list[Control]] = {}
    for control in verdict.controls:
        controls.setdefault((control.check, control.method, control.class_name), []).append(control)
    seen: Counter[str] = Counter()
    for position, finding in enumerate(ordered[:ROWS]):
        own = controls.get((finding.check, finding.method, finding.class_name), [])
        seen[finding.key] += 1
        view = _rule(position, finding, per_image, lines, own, occurrence=seen[finding.key])
        grouped.setdefault(family(finding.check), {}).setdefault(finding.check, []).append(view)
    families = tuple(
        FamilyView(
            name=name,
            question=question(name, verdict.task),
            checks=tuple(
                CheckView(
                    check=check,
                    metric=metric_of(check, verdict.task),
                    rules=tuple(rules),
                    cascade=build_cascade(check, per_image),
                )
                for check, rules in checks.items()
            ),
            counts=_counts(verdict, name),
        )
        for name, checks in grouped.items()
    )
    return RulesView(families=families, hidden=max(len(ordered) - ROWS, 0), missing=tuple(missing(verdict)))


def _rule(
    position: int,
    finding: Finding,
    per_image: PerImage | None,
    lines: list[str],
    controls: list[Control],
    *,
    occurrence: int,
) -> RuleView:
    metric = metric_of(finding.check)
    bound = _drawn_bound(finding)
    values = per_image.values(finding)[1] if per_image is not None and position < CHARTS else np.empty(0)
    marks = [finding.value, bound[1] if bound else None, *(finding.interval or ()), finding.reference_value]
    low, high = (metric.low, metric.high) if metric is not None else (None, None)
    chart = None
    if values.size:
        chart = Markup(  # noqa: S704 - charts escape what they are given
            distribution(
                values,
                name=f"{finding.check} over {values.size:,} images",
                key=f"chart-{position}",
                value=finding.value,
                interval=finding.interval,
                bound=bound,
                ends=axis_range(values, marks, low, high),
                reference=finding.reference_value,
            )
        )
    ends = axis_range(np.empty(0), marks, low, high)
    bar = interval_bar(finding.value, finding.interval, bound, ends, finding.reference_value)
    if (counted := finding.evidence) is not None:
        share = counted.yes / counted.images
        bar = interval_bar(share, counted.limits, ("at_most", counted.bound), (0.0, 1.0), None)
    line, told = _line(finding, bound, controls) if position < CHARTS else (None, ())
    anchor = "-".join(f"rule {finding.key}".split())
    return RuleView(
        number=position,
        anchor=anchor if occurrence == 1 else f"{anchor}-{occurrence}",
        finding=finding,
        value=value_text(finding),
        interval=span_of(finding),
        bound=bounds_of(finding),
        change=change_text(finding),
        bar=Markup(bar),  # noqa: S704 - numbers only
        chart=chart,
        line=line,
        numbers=told,
        excerpt=lines[finding.line - 1].strip() if 0 < finding.line <= len(lines) else "",
        aside=_agreement_among_people(finding, per_image),
        caveat=metric.caveat if metric is not None else "",
    )


def _line(
    finding: Finding, bound: tuple[Literal["at_least", "at_most"], float] | None, controls: list[Control]
) -> tuple[Markup | None, tuple[tuple[str, str, str], ...]]:
    """All numbers of a rule that needs attention on one line, and in words; nothing where it has no value."""
    if finding.status == "passed":
        return None, ()
    numbers = numbers_of(finding, bound, controls)
    if numbers.value is None:
        return None, ()
    told = tuple(row_table(numbers))
    ends = row_ends(numbers, finding.check, counted=finding.evidence is not None)
    return Markup(row_chart(numbers, ends)), told  # noqa: S704 - numbers only


def _agreement_among_people(finding: Finding, per_image: PerImage | None) -> str:
    """How well the annotators agree with each other, and how much of it the map reaches; empty for other metrics."""
    if per_image is None or finding.check.partition("/")[0] != "alignment.human_ratio":
        return ""
    ceiling, ratios = per_image.noted(finding, "ceiling"), per_image.values(finding)[1]
    if not ceiling.size or not ratios.size:
        return ""
    return (
        f"On the {plural(ceiling.size, 'image')} that several people drew, the annotators agree with each other at "
        f"IoU {number(float(ceiling.mean()))}; the map reaches {number(float(ratios.mean()))} of it."
    )


def _drawn_bound(finding: Finding) -> tuple[Literal["at_least", "at_most"], float] | None:
    """The bound on the value; for a rule that only bounds the change, where that bound lies beside the reference."""
    side = bound_side(finding.bound)
    if side is not None or finding.reference_value is None:
        return side
    if "max_drop" in finding.bound:
        return "at_least", finding.reference_value - finding.bound["max_drop"]
    if "max_rise" in finding.bound:
        return "at_most", finding.reference_value + finding.bound["max_rise"]
    return None


def _counts(verdict: Verdict, name: str) -> dict[str, int]:
    return counts_by_status([finding for finding in verdict.findings if family(finding.check) == name])
