"""Which values may be compared, and what changed between two runs where they may not."""

from dataclasses import replace

from versions import NASTY, again, finding, version

from explain_gate.comparing.terms import Change, changed_verdicts, changes, reruns, unlike
from explain_gate.comparing.versions import Run


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
