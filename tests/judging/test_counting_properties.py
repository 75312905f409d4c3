"""Whatever the images answer, a rule that counts them keeps what it promises; drawn over answers, gaps and rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from explain_gate.judging.counting import ANSWERS
from explain_gate.judging.evidence import tail
from explain_gate.judging.gate import conclude, judge
from explain_gate.publishing.text.verdict_json import verdict_from_json, verdict_to_json
from explain_gate.records import Finding, ImageRow, Measurement, Profile, Rule

CLASSES = ("cat", "dog", "fox")
OWN, GIVEN = "reliance.background_gap", "reliance.background_follow"
THOROUGH = settings(deadline=None, max_examples=30, derandomize=True)
ANSWER = st.sampled_from(["no", "no", "no", "yes", "no value", "exempt"])


@dataclass(frozen=True)
class Case:
    """What every image answers; of rules of following, what it answers about each other class."""

    own: tuple[str, ...]
    given: tuple[tuple[str, str], ...]
    rules: tuple[Rule, ...]


@st.composite
def rows_of(draw, check: str, line: int) -> tuple[Rule, ...]:
    """The rows of one rule: by class and over all, or over all alone."""
    bound = draw(st.sampled_from([0.0, 0.05, 0.2]))
    asked: dict[str, Any] = {
        "at_most": bound,
        "must_catch": draw(st.sampled_from([0.4, 0.6, 0.9])),
        "part": draw(st.sampled_from([0.003, 0.02])),
        "max_unmeasured": draw(st.sampled_from([0, 2, 0.2])),
        "inconclusive": draw(st.sampled_from(["warn", "fail"])),
        "small_classes": draw(st.sampled_from(["alone", "pool"])),
        "severity": draw(st.sampled_from(["fail", "fail", "warn"])),
    }
    names = draw(st.sampled_from([(None,), (*CLASSES, None)]))
    return tuple(
        Rule(
            check=check, method=None, class_name=name, better="lower", decide="evidence", own=check.startswith(OWN),
            question="say yes", line=line, **asked,
        )
        for name in names
    )  # fmt: skip


@st.composite
def cases(draw) -> Case:
    """Up to forty images of three classes."""
    count = draw(st.integers(0, 40))
    # One share of yes a case, so that some break, some pass and some are undecided.
    cells = st.sampled_from(["no"] * draw(st.integers(0, 9)) + ["yes"] * draw(st.integers(0, 3)) + ["no"]) | ANSWER
    own = tuple(draw(st.lists(cells, min_size=count, max_size=count)))
    given_ = tuple(draw(st.lists(st.tuples(cells, cells), min_size=count, max_size=count)))
    return Case(own=own, given=given_, rules=(*draw(rows_of(OWN, 1)), *draw(rows_of(GIVEN, 2))))


def profile(case: Case, order: Sequence[int] | None = None) -> Profile:
    """The answers as they are measured; the order of the images is not that of their names."""
    places = list(range(len(case.own))) if order is None else list(order)
    images = tuple(
        ImageRow(
            image=f"{n:02d}.png", label=n % 3, class_name=CLASSES[n % 3], accepted=(n % 3,), digest=f"{n:064x}",
            predicted=n % 3, probability=0.9, region_area=0.2, region_reason=None,
        )
        for n in places
    )  # fmt: skip
    parts = [*_own(case, places), *_given(case, places)]
    return Profile(manifest={"dataset": {"classes": list(CLASSES)}}, images=images, measurements=tuple(parts))


def _measured(check: str, cells: Sequence[str]) -> Measurement:
    reasons = {"no value": "the logits are not finite", "exempt": "the region fills the frame"}
    return Measurement(
        check=check, method=None, rows=np.arange(len(cells)), values=np.array([float(c == "yes") for c in cells]),
        reasons=tuple(reasons.get(cell) for cell in cells),
        not_applicable=np.array([c == "exempt" for c in cells], bool),
    )  # fmt: skip


def _answered(check: str, lines: Sequence[tuple[int, bool, int | None]]) -> Measurement:
    about = [about for _, _, about in lines if about is not None]
    return Measurement(
        check=f"{check}{ANSWERS}", method=None, rows=np.array([row for row, _, _ in lines], dtype=np.int64),
        values=np.array([float(yes) for _, yes, _ in lines]), reasons=(None,) * len(lines),
        about=np.array(about) if about else None,
    )  # fmt: skip


def _own(case: Case, places: Sequence[int]) -> tuple[Measurement, Measurement]:
    cells = [case.own[n] for n in places]
    answered = [(row, cell == "yes", None) for row, cell in enumerate(cells) if cell in ("yes", "no")]
    return _measured(OWN, cells), _answered(OWN, answered)


def _given(case: Case, places: Sequence[int]) -> tuple[Measurement, Measurement]:
    """An image lacks all its answers or none."""
    cells = [case.given[n] for n in places]
    whole = [next((cell for cell in pair if cell in ("exempt", "no value")), "no") for pair in cells]
    lines = [
        (row, cell == "yes", about)
        for row, (n, pair) in enumerate(zip(places, cells, strict=True))
        if whole[row] == "no"
        for cell, about in zip(pair, [k for k in range(3) if k != n % 3], strict=True)
    ]
    return _measured(GIVEN, whole), _answered(GIVEN, lines)


def by_hand(case: Case, rule: Rule) -> tuple[int, int, int]:
    """How many say yes, how many answer, and how many have no value, of a row over the images' own answers."""
    cells = [cell for n, cell in enumerate(case.own) if rule.class_name in (None, CLASSES[n % 3])]
    return cells.count("yes"), cells.count("yes") + cells.count("no"), cells.count("no value")


@given(cases())
@THOROUGH
def test_a_row_that_passes_was_counted_and_lies_within_chance(case):
    """Held against counting by hand: a green row answered enough, and no row beyond chance alone is green."""
    for rule, finding in zip(case.rules, judge(profile(case), case.rules), strict=True):
        if not rule.own or finding.status in ("unmeasured", "warned"):
            continue
        if finding.evidence is not None and finding.evidence.pooled:
            continue
        yes, images, lost = by_hand(case, rule)
        allowed = rule.max_unmeasured if rule.max_unmeasured >= 1 else math.floor(rule.max_unmeasured * (images + lost))
        assert lost <= allowed
        assert (finding.evidence.yes, finding.evidence.images) == (yes, images)
        rows = sum(other.check == rule.check for other in case.rules)
        if tail(yes, images, rule.at_most) <= rule.part / rows:
            assert finding.status == "failed"
        if finding.status == "passed":
            assert yes <= rule.at_most * images


@given(cases(), st.data())
@THOROUGH
def test_the_order_of_images_and_rules_never_matters(case, data):
    """The same answers listed otherwise give the same findings, word for word."""
    order = data.draw(st.permutations(range(len(case.own))))
    asked = data.draw(st.permutations(case.rules))
    before = {finding.key: finding for finding in judge(profile(case), case.rules)}
    assert {finding.key: finding for finding in judge(profile(case, order), asked)} == before


@given(cases(), st.data())
@THOROUGH
def test_adding_a_rule_never_turns_a_failed_verdict_into_a_passed_one(case, data):
    """What one rule may spend on false alarms is its own, so the findings of the others stay as they are."""
    extra = [replace(rule, check=f"{OWN}/again", line=9) for rule in data.draw(rows_of(OWN, 9))]
    whole = profile(case)
    again = [replace(part, check=part.check.replace(OWN, f"{OWN}/again")) for part in _own(case, range(len(case.own)))]
    whole = replace(whole, measurements=(*whole.measurements, *again))
    before = judge(whole, case.rules)
    after = judge(whole, [*extra, *case.rules])
    assert after[len(extra) :] == before
    assert conclude([*extra, *case.rules], after).exit_code >= conclude(case.rules, before).exit_code


def power_of(finding: Finding) -> tuple[Any, ...] | None:
    """What a row claims to find, where it claims anything."""
    counted = finding.evidence
    return (
        None if counted is None else (counted.images, counted.fails_from, counted.finds, counted.needed, counted.part)
    )


@given(cases(), st.data())
@THOROUGH
def test_no_version_changes_what_power_is_claimed(case, data):
    """Of two versions on one set, whatever they answer: a row is measured with the same power on both, or on neither.

    Each may lose images too, and then has its row unmeasured, or judged as it would have been with all of them.
    """
    flip = data.draw(st.lists(st.booleans(), min_size=len(case.own), max_size=len(case.own)))

    def other(cell: str, turned: bool) -> str:
        return {"yes": "no", "no": "yes"}.get(cell, cell) if turned else cell

    answered = replace(
        case,
        own=tuple(other(cell, turned) for cell, turned in zip(case.own, flip, strict=True)),
        given=tuple(
            (other(pair[0], turned), other(pair[1], turned)) for pair, turned in zip(case.given, flip, strict=True)
        ),
    )
    first, second = judge(profile(case), case.rules), judge(profile(answered), case.rules)
    assert [power_of(one) for one in first] == [power_of(one) for one in second]


@given(cases())
@THOROUGH
def test_losing_images_never_gives_power(case):
    """A version that has a value for every image is judged wherever one that lost some is."""
    found = {"no value": "no"}
    whole = replace(
        case,
        own=tuple(found.get(cell, cell) for cell in case.own),
        given=tuple((found.get(a, a), found.get(b, b)) for a, b in case.given),
    )
    for lost, full in zip(judge(profile(case), case.rules), judge(profile(whole), case.rules), strict=True):
        assert lost.evidence is None or full.evidence is not None


@given(cases(), st.data())
@THOROUGH
def test_one_more_yes_never_turns_a_failure_into_a_pass(case, data):
    """Every failed row stays failed when an image changes its answer from no to yes."""
    positions = [n for n, cell in enumerate(case.own) if cell == "no"]
    if not positions:
        return
    place = data.draw(st.sampled_from(positions))
    worse = replace(case, own=tuple("yes" if n == place else cell for n, cell in enumerate(case.own)))
    for was, now in zip(judge(profile(case), case.rules), judge(profile(worse), case.rules), strict=True):
        assert was.status != "failed" or now.status == "failed", (was.message, now.message)


@given(cases())
@THOROUGH
def test_every_verdict_can_be_written_and_read(case):
    """Counts, limits and pools travel in verdict.json, and every row has words."""
    findings = judge(profile(case), case.rules)
    verdict = conclude(case.rules, findings)
    assert verdict_from_json(verdict_to_json(verdict)) == verdict
    assert all(finding.message and (finding.cause is None) == (finding.status == "passed") for finding in findings)
