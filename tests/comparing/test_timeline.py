"""A model over time: what happened, what changed beside the weights, and which values may be compared."""

from dataclasses import replace

import pytest
from versions import NASTY, again, finding, life, version

from explain_gate.comparing.timeline import (
    Change,
    Run,
    changed_verdicts,
    changes,
    departures,
    reruns,
    series_of,
    told,
    unlike,
)


@pytest.mark.parametrize(
    ("versions", "sentence"),
    [
        (life(0.5, 0.51), "2 versions, none blocked"),
        (life(0.5), "1 version, not blocked"),
        (
            life(0.5, 0.2, 0.5),
            (
                f"3 versions, 1 blocked. Attention left the object with version 2 and came back with version 3: "
                f"alignment.iou for {NASTY} fell from 0.50 to 0.20"
            ),
        ),
        (
            life(0.5, 0.2, 0.5, 0.3),
            (
                "4 versions, 2 blocked. Attention left the object 2 times, last with version 4, and has not come back: "
                f"alignment.iou for {NASTY} fell from 0.50 to 0.30"
            ),
        ),
        (
            life(0.1, 0.1),
            (
                "2 versions, 2 blocked. Attention was off the object from the first, version 1, and has not come back: "
                f"alignment.iou for {NASTY} 0.10"
            ),
        ),
    ],
)
def test_the_story_is_told_in_a_sentence(versions, sentence):
    """How many, how many blocked, and when attention left the object and came back."""
    assert told(versions) == sentence


def test_a_low_accuracy_is_no_departure():
    """Only alignment and reliance tell where the model looks."""
    assert departures([version(1, 0.5, 0.9), version(2, 0.5, 0.1)]) == []


def test_a_rule_that_was_not_always_planned_has_gaps():
    """Series line up with versions; versions without the rule have no finding."""
    series = series_of([version(1, 0.5), version(2, 0.5, 0.9), version(3)])
    assert [[f is not None for f in one.findings] for one in series] == [[True, True, False], [False, True, False]]


def test_changes_of_data_and_thresholds_are_marked():
    """Values before and after another regression set are not comparable; other rules leave values comparable."""
    versions = [version(1, 0.5), version(2, 0.5, config_digest="c2"), version(3, 0.5, dataset_digest="d2")]
    assert changes(versions) == [
        Change(position=1, what="thresholds.yaml changed", comparable=True),
        Change(position=2, what="the regression set changed", comparable=False),
    ]


def test_why_runs_are_not_comparable_is_a_sentence():
    """The set with its sizes, and every term that both have; a method that was added keeps nothing from it."""
    before = Run(verdict="passed", findings=(), dataset_digest="a", images=60, terms={"device": "cpu", "torch": "2.12"})
    after = replace(before, dataset_digest="b", images=72, terms={"device": "cuda", "settings of rise": "{}"})
    assert unlike(before, after) == ("the regression set changed (60 images, then 72), device changed from cpu to cuda")
    assert unlike(before, replace(before, terms={**before.terms, "settings of rise": "{}"})) == ""
    assert unlike(replace(before, dataset_digest=""), before) == ""


def test_a_version_is_its_latest_verdict_however_often_it_was_measured():
    """Re-measurements are no versions; a run that came to no verdict does not take one away."""
    versions = life(0.5, 0.5)
    versions[0] = again(again(versions[0], 0.5), 0.2)
    versions[1] = again(versions[1], verdict="error", exit_code=3)
    assert [one.verdict for one in versions] == ["failed", "passed"]
    assert told(versions).startswith("2 versions in 5 runs, 1 blocked")
    assert [one.findings[0].value for one in versions] == [0.2, 0.5]


def test_each_run_is_told_beside_the_one_before():
    """Same values, the largest change, or why there is no comparison."""
    one = again(again(again(version(1, 0.5, 0.9), 0.5, 0.9), 0.48, 0.9, config_digest="c2"), 0.3, dataset_digest="d2")
    assert reruns(again(one, verdict="error")) == [
        "the same values as the run before",
        f"largest change from the run before: alignment.iou for {NASTY} 0.50 to 0.48; thresholds.yaml changed",
        "not compared with the run before: the regression set changed",
        "not compared with the run before: one of them came to no verdict",
    ]


def test_a_verdict_that_changed_between_runs_is_told_with_what_changed():
    """Blocked and then let through with the same weights is what an auditor asks for first."""
    weaker = again(version(3, 0.3), 0.3, findings=(finding(0.3, bound=0.2),), verdict="passed", config_digest="c2")
    assert changed_verdicts([version(1, 0.5), weaker]) == [
        "Version 3 was blocked and passed when it was measured again on 2026-01-04: thresholds.yaml changed"
    ]


def test_a_changed_file_is_comparable_only_where_seed_and_parameters_are_known_to_be_the_same():
    """Other bounds keep values comparable; another seed or parameter does not; without a record nobody knows."""
    terms = {"seed": "0", "parameters of alignment.iou": '{"fraction": 0.5}'}
    before = version(1, 0.5, terms=terms)
    for changed, what in (
        ({}, None),
        ({"seed": "1"}, "seed changed from 0 to 1"),
        ({"parameters of alignment.iou": '{"fraction": 0.2}'}, "parameters of alignment.iou changed from"),
    ):
        after = version(2, 0.4, terms=terms | changed, config_digest="c2")
        (change,) = changes([before, after])
        assert change.comparable == (what is None)
        assert change.what.startswith(what or "thresholds.yaml changed")
    earlier = version(1, 0.5, terms={"torch": "2.13.0"})
    (change,) = changes([earlier, version(2, 0.4, terms=terms, config_digest="c2")])
    assert not change.comparable
    assert change.what == "thresholds.yaml changed, and no record tells whether its seed or parameters of metrics did"


def test_a_fall_is_only_told_on_the_same_terms():
    """With another regression set nobody can say that attention left with this version; a run on both sets can."""
    before, after = version(1, 0.5), version(2, 0.2, dataset_digest="d2")
    assert told([before, after]) == (
        "2 versions, 1 blocked. Attention is off the object with version 2 and has not come back: alignment.iou for "
        f"{NASTY} 0.20. Whether it left with this version cannot be told: the regression set changed"
    )
    bridge = again(before, 0.45, dataset_digest="d2")
    assert told([bridge, after]) == (
        "2 versions in 3 runs, 1 blocked. Attention left the object with version 2 and has not come back: "
        f"alignment.iou for {NASTY} fell from 0.45 to 0.20"
    )
    assert changes([again(before, 0.5), bridge, after]) == [
        Change(position=1, what="the regression set changed; version 1 was measured on both", comparable=False)
    ]


def test_a_return_on_other_terms_says_so():
    """Rules that hold on another regression set are not a return on the first one."""
    assert "its rules hold again with version 3, on other terms (the regression set changed)" in told(
        [*life(0.5, 0.2), version(3, 0.5, dataset_digest="d2")]
    )
