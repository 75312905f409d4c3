"""Whatever was measured, the gate does not turn green by accident: judging held against its promises over drawn scores.

Scores are drawn with ties, NaN and infinities, with reasons in place of values, with one image, with none, all equal;
rules with every statistic, severity and allowance, with and without a reference and waivers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from explain_gate.judging.gate import conclude, judge, judge_controls
from explain_gate.publishing.text.verdict_json import verdict_from_json, verdict_to_json
from explain_gate.records import Finding, ImageRow, Measurement, Profile, Rule, Waiver

CLASSES = ("cat", "dog")
TODAY = "2026-11-26"
BETTER = {"alignment.iou": "higher", "reliance.background_gap": "lower"}
COLUMNS = (
    ("alignment.iou", "grad_cam"),
    ("alignment.iou", "occlusion"),
    ("alignment.iou", "control.random"),
    ("reliance.background_gap", None),
)
STATISTICS = {
    "mean": np.mean,
    "median": np.median,
    "p05": lambda values: np.percentile(values, 5),
    "p95": lambda values: np.percentile(values, 95),
    "min": np.min,
    "max": np.max,
}
THOROUGH = settings(deadline=None, max_examples=60, derandomize=True)

Column = tuple[float | str, ...]
Table = Mapping[tuple[str, str | None], Column]


@dataclass(frozen=True)
class Case:
    """Scores by check and method, of the candidate and perhaps of a reference, and what is asked of them."""

    scores: Table
    reference: Table | None
    rules: tuple[Rule, ...]
    waivers: tuple[Waiver, ...]

    def judged(self) -> tuple[Finding, ...]:
        """One finding a rule."""
        return self.judge(profile(self.scores), None if self.reference is None else profile(self.reference))

    def judge(self, candidate: Profile, reference: Profile | None, rules: Sequence[Rule] | None = None) -> Any:
        """The findings on other profiles than those in the order of the names."""
        planned = self.rules if rules is None else rules
        return judge(candidate, planned, reference, waivers=self.waivers, today=TODAY)


def profile(table: Table, order: Sequence[int] | None = None, classes: Sequence[str] = CLASSES) -> Profile:
    """A profile in memory whose images are annotated in another order than that of their names."""
    count = len(next(iter(table.values()), ()))
    places = list(range(count)) if order is None else list(order)
    images = tuple(
        ImageRow(
            image=f"{number:02d}.png", label=number % 2, class_name=CLASSES[number % 2], accepted=(number % 2,),
            digest=f"{number:064x}", predicted=number % 2, probability=0.9, region_area=0.2, region_reason=None,
        )
        for number in places
    )  # fmt: skip
    measurements = tuple(
        Measurement(
            check=check,
            method=method,
            rows=np.arange(count),
            values=np.array([math.nan if isinstance(column[n], str) else column[n] for n in places], dtype=np.float64),
            reasons=tuple(str(column[n]) if isinstance(column[n], str) else None for n in places),
        )
        for (check, method), column in table.items()
    )
    return Profile(manifest={"dataset": {"classes": list(classes)}}, images=images, measurements=measurements)


@st.composite
def tables(draw, count: int, cells: st.SearchStrategy[Any]) -> dict[tuple[str, str | None], Column]:
    """Scores of `count` images; a column may be equal everywhere, or absent."""
    table = {}
    for key in COLUMNS:
        kind = draw(st.sampled_from(["each", "each", "equal", "absent"]))
        if kind != "absent":
            column = [draw(cells)] * count if kind == "equal" else [draw(cells) for _ in range(count)]
            table[key] = tuple(column)
    return table or {COLUMNS[0]: (0.5,) * count}


@st.composite
def rules(draw, *, changes: bool) -> tuple[Rule, ...]:
    """What a thresholds.yaml asks of both metrics: one bound a metric, over all images or by class."""
    planned = []
    for check, methods in (("alignment.iou", ("grad_cam", "occlusion")), ("reliance.background_gap", (None,))):
        better = BETTER[check]
        margin = draw(st.sampled_from([None, 0.0, 0.1, 0.5])) if changes else None
        bound = draw(st.sampled_from([None, 0.0, 0.3, 0.5, 1.0]) if margin is not None else st.floats(0, 1))
        asked = {
            "at_least" if better == "higher" else "at_most": bound,
            "max_drop" if better == "higher" else "max_rise": margin,
            "statistic": draw(st.sampled_from(sorted(STATISTICS))),
            "severity": draw(st.sampled_from(["fail", "fail", "warn"])),
            "inconclusive": draw(st.sampled_from(["warn", "fail"])),
            "max_unmeasured": draw(st.sampled_from([0, 0.3, 1, 100])),
        }
        groups = draw(st.sampled_from([(None,), CLASSES]))
        planned += [
            Rule(check=check, method=method, class_name=group, better=better, line=len(planned) + 1, **asked)
            for method in methods
            for group in groups
        ]
    return tuple(planned)


@st.composite
def waivers(draw) -> tuple[Waiver, ...]:
    """Up to two waivers, valid or expired, of a whole check or of one class."""
    return tuple(
        Waiver(
            check=draw(st.sampled_from(sorted(BETTER))), method=None, class_name=draw(st.sampled_from([None, "cat"])),
            reason="masks", owner="vision", ticket=None, expires=draw(st.sampled_from(["2026-01-01", "2027-01-01"])),
            line=90,
        )
        for _ in range(draw(st.integers(0, 2)))
    )  # fmt: skip


GRID = st.sampled_from([0.0, 0.25, 0.5, 1.0])
WILD = GRID | st.floats(width=64) | st.sampled_from(["the map is flat", "no donor", ""])


@st.composite
def cases(draw, cells: st.SearchStrategy[Any] = WILD, *, changes: bool = True, waived: bool = True) -> Case:
    """Anything that can come to judging."""
    count = draw(st.integers(0, 9))
    compared = changes and draw(st.booleans())
    return Case(
        scores=draw(tables(count, cells)),
        reference=draw(tables(count, cells)) if compared else None,
        rules=draw(rules(changes=changes)),
        waivers=draw(waivers()) if waived else (),
    )


def usable(column: Column | None, rule: Rule) -> list[float] | None:
    """The rule's values, or None where too many of its images lack one."""
    if column is None:
        return None
    mine = [cell for n, cell in enumerate(column) if rule.class_name in (None, CLASSES[n % 2])]
    values = [cell for cell in mine if not isinstance(cell, str) and abs(cell) <= 1e100]
    share = rule.max_unmeasured
    allowed = share if share >= 1 else math.floor(share * len(mine) + 1e-9)
    return values if values and len(mine) - len(values) <= allowed else None


@given(cases())
@THOROUGH
def test_exit_zero_means_that_every_blocking_rule_was_measured_and_lies_within_its_bound(case):
    """Held against a second reading of the scores; only a warning severity or a valid waiver excuses a row."""
    findings = case.judged()
    verdict = conclude(case.rules, findings)
    assert [finding.key for finding in findings] == [rule.key for rule in case.rules]
    assert (verdict.exit_code == 0) == all(f.status not in ("failed", "unmeasured") for f in findings)
    if verdict.exit_code:
        return
    for rule, finding in zip(case.rules, findings, strict=True):
        if finding.status == "waived":
            assert any(w.check == rule.check and w.expires >= TODAY for w in case.waivers)
            continue
        values = usable(case.scores.get((rule.check, rule.method)), rule)
        assert values is not None
        value = float(STATISTICS[rule.statistic](np.sort(values)))
        assert math.isfinite(value)
        if rule.severity == "fail":
            assert rule.at_least is None or value >= rule.at_least - 1e-12 * abs(value)
            assert rule.at_most is None or value <= rule.at_most + 1e-12 * abs(value)


@given(cases())
@THOROUGH
def test_every_verdict_can_be_written_and_read(case):
    """No score, however wild, leaves a number that verdict.json cannot hold, or a rule without words."""
    findings = case.judged()
    controls = judge_controls(profile(case.scores), case.rules)
    verdict = conclude(case.rules, findings, controls=controls)
    assert verdict_from_json(verdict_to_json(verdict)) == verdict
    assert all(finding.message and (finding.cause is None) == (finding.status == "passed") for finding in findings)


@given(cases(), st.data())
@THOROUGH
def test_a_plan_that_is_not_answered_row_by_row_is_never_a_pass(case, data):
    """A finding that is lost, told twice or of another plan is exit code 3, whatever the others say."""
    findings = [replace(finding, status="passed") for finding in case.judged()]
    assert conclude(case.rules, findings).exit_code == 0
    position = data.draw(st.integers(0, len(findings) - 1))
    lost = findings[:position] + findings[position + 1 :]
    twice = [*findings, findings[position]]
    foreign = [*lost, replace(findings[position], check="alignment.other")]
    assert [conclude(case.rules, answer).exit_code for answer in (lost, twice, foreign)] == [3, 3, 3]
    assert conclude([*case.rules, case.rules[position]], findings).exit_code == 3


@given(cases(), st.data())
@THOROUGH
def test_the_order_of_images_classes_and_rules_never_matters(case, data):
    """The same scores listed otherwise give the same findings, word for word."""
    count = len(next(iter(case.scores.values())))
    order = data.draw(st.permutations(range(count)))
    asked = data.draw(st.permutations(case.rules))
    classes = data.draw(st.permutations(CLASSES))
    reference = None if case.reference is None else profile(case.reference, data.draw(st.permutations(range(count))))
    other = replace(case, waivers=case.waivers[::-1]).judge(profile(case.scores, order, classes), reference, asked)
    assert {finding.key: finding for finding in other} == {finding.key: finding for finding in case.judged()}


@given(cases(GRID | st.floats(0, 1), waived=False), st.data())
@settings(THOROUGH, max_examples=150)
def test_a_worse_score_of_one_image_never_turns_a_failure_into_a_pass(case, data):
    """Lowering what should be high, or raising what should be low, leaves every failed rule failed."""
    before = case.judged()
    assume(any(finding.status == "failed" for finding in before))
    key = data.draw(st.sampled_from(sorted(case.scores, key=str)))
    assume(case.scores[key] and not str(key[1]).startswith("control."))
    position = data.draw(st.integers(0, len(case.scores[key]) - 1))
    column = list(case.scores[key])
    kind = {0.0, 1.0} >= set(column)
    step = data.draw(st.just(1.0) if kind else st.floats(0, 5))
    worse = float(column[position]) - step if BETTER[key[0]] == "higher" else float(column[position]) + step
    column[position] = min(max(worse, 0.0), 1.0) if kind else worse
    after = replace(case, scores={**case.scores, key: tuple(column)}).judged()
    for was, now in zip(before, after, strict=True):
        assert was.status != "failed" or now.status == "failed", (was.message, now.message)


@given(cases(waived=False), st.data())
@THOROUGH
def test_adding_a_rule_never_turns_a_failed_verdict_into_a_passed_one(case, data):
    """A change is corrected over the rows of its own rule, so what else the file asks for weakens none."""
    added = [replace(rule, check=f"{rule.check}/again") for rule in data.draw(rules(changes=True))]
    again = {(f"{check}/again", method): column for (check, method), column in case.scores.items()}
    reference = None if case.reference is None else profile(case.reference)
    candidate = profile({**case.scores, **again})
    before = case.judge(candidate, reference)
    after = case.judge(candidate, reference, [*added, *case.rules])
    assert after[len(added) :] == before
    was, now = conclude(case.rules, before), conclude([*added, *case.rules], after)
    assert now.exit_code >= was.exit_code
