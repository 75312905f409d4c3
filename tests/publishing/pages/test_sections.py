"""Rules as the report shows them: what puts a value into proportion."""

from dataclasses import replace

import numpy as np

from explain_gate.comparing.per_image import PerImage
from explain_gate.publishing.pages.sections import build_rules
from explain_gate.publishing.publish import publish
from explain_gate.records import Measurement


def with_annotators(run, class_name=None):
    """The run with a rule of human_ratio: 18 images, the last six of which several people drew."""
    rows = np.arange(12, 18)
    everything = np.arange(18)
    reasons = (*("fewer than two annotators drew a region",) * 12, *(None,) * 6)
    ratio = Measurement(
        check="alignment.human_ratio", method="grad_cam", rows=everything, values=np.full(18, 0.6), reasons=reasons
    )
    ceiling = Measurement(
        check="alignment.human_ratio@ceiling", method="grad_cam", rows=rows,
        values=np.array([0.7, 0.8, 0.7, 0.8, 0.7, 0.8]), reasons=(None,) * 6,
    )  # fmt: skip
    finding = replace(run.verdict.findings[1], check="alignment.human_ratio", class_name=class_name, value=0.6)
    profile = replace(run.profile, measurements=(*run.profile.measurements, ratio, ceiling))
    return replace(run, verdict=replace(run.verdict, findings=(*run.verdict.findings, finding)), profile=profile)


def asides(run):
    """What is said beside the rules, by check."""
    rules = build_rules(run.verdict, PerImage(run.profile), None)
    return {
        rule.finding.check: rule.aside for family in rules.families for check in family.checks for rule in check.rules
    }


def test_the_annotators_agreement_is_told_beside_the_ratio(run, page_of):
    """How well people agree, how much of it the map reaches, and on how many images that rests."""
    drawn = with_annotators(run)
    told = asides(drawn)
    assert told.pop("alignment.human_ratio") == (
        "On the 6 images that several people drew, the annotators agree with each other at IoU 0.75; the map reaches "
        "0.60 of it."
    )
    assert set(told.values()) == {""}
    publish(drawn.verdict, drawn.profile, drawn.folder)
    assert "the annotators agree with each other at IoU 0.75" in page_of(drawn.folder).text


def test_the_agreement_is_that_of_the_rules_class(run):
    """A rule of one class tells of its own images; where none of them has two annotators nothing is said."""
    classes = run.profile.classes
    assert "6 images" in asides(with_annotators(run, classes[2]))["alignment.human_ratio"]
    assert asides(with_annotators(run, classes[0]))["alignment.human_ratio"] == ""


def test_without_a_profile_nothing_is_said(run):
    """A verdict alone has no images to tell of."""
    drawn = with_annotators(run)
    rules = build_rules(drawn.verdict, None, None)
    assert {rule.aside for family in rules.families for check in family.checks for rule in check.rules} == {""}


def test_a_rule_that_needs_attention_has_all_its_numbers_on_one_line(run):
    """Chart and numbers for what did not pass and was measured, with the controls of that rule alone."""
    rules = {view.finding.key: view for view in build_rules(run.verdict, None, None).attention()}
    failed = next(view for key, view in rules.items() if key.startswith("alignment.iou[grad_cam-<"))
    assert {what: told for _, what, told in failed.numbers} == {
        "this version": failed.value,
        "95 % interval": failed.interval,
        "breaks below": "0.40",
        "control: random map": "0.12",
        "control: region itself": "1.00",
        "control: randomized model": "0.44",
    }
    assert failed.line is not None
    unmeasured = rules["alignment.iou[integrated_gradients]"]
    assert unmeasured.line is None
    assert unmeasured.numbers == ()


def test_what_to_do_next_is_beside_the_numbers(run, page_of):
    """How the metric errs, and the command that asks the worst image alone."""
    publish(run.verdict, run.profile, run.folder)
    text = " ".join(page_of(run.folder).text.split())
    worst = run.verdict.findings[6].worst[0]
    assert f"run --only 'reliance.background_gap[all]' --image '{worst}'" in text
    assert "whether the metric itself errs here: blind to a cue on the object" in text


def test_a_link_to_a_rule_holds_from_run_to_run(run):
    """The id is the rule's own, whatever else is on the page and however it ended; the same key twice has two ids."""
    findings = run.verdict.findings
    anchors = [view.anchor for view in build_rules(run.verdict, None, None).attention()]
    assert "rule-reliance.background_gap[all]" in anchors
    later = replace(run.verdict, findings=(findings[6], findings[6]))
    assert [view.anchor for view in build_rules(later, None, None).attention()] == [
        "rule-reliance.background_gap[all]",
        "rule-reliance.background_gap[all]-2",
    ]
