"""What a run asks for less than its reference's did: every way to turn a gate green without touching the model."""

from dataclasses import asdict, replace

import pytest

from explain_gate.judging.weaker import weaker
from explain_gate.records import ImageRow, Rule

RULE = Rule(
    check="reliance.background_gap",
    method=None,
    class_name="red",
    better="lower",
    at_most=0.1,
    max_rise=0.05,
    decide="evidence",
    must_catch=0.6,
    part=0.005,
    inconclusive="fail",
    statistic="p95",
    sample=20,
)


def demands(*rules, waivers=(), promote_inconclusive=False):
    plain = [{"key": rule.key, **asdict(rule)} for rule in rules]
    return {"rules": plain, "waivers": list(waivers), "promote_inconclusive": promote_inconclusive}


def image(name, class_name="red"):
    return ImageRow(
        image=name, label=0, class_name=class_name, accepted=(0,), digest=f"digest of {name}", predicted=0,
        probability=1.0, region_area=0.2, region_reason=None,
    )  # fmt: skip


def told(now, before, images=(), recorded=()):
    return weaker(now, before, images, recorded)


def test_the_same_demands_and_stricter_ones_are_not_weaker():
    """Nothing is told, so that a team can tighten its gate in silence."""
    assert told(demands(RULE), demands(RULE)) == ()
    stricter = replace(RULE, at_most=0.05, max_rise=0.01, must_catch=0.4, part=0.01, sample=None, min_images=20)
    assert told(demands(stricter, replace(RULE, class_name="green")), demands(RULE)) == ()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"at_most": 0.2}, "at_most 0.2 instead of 0.1"),
        ({"at_most": None}, "at_most none instead of 0.1"),
        ({"max_rise": 0.5}, "max_rise 0.5 instead of 0.05"),
        ({"must_catch": 0.9}, "must_catch 0.9 instead of 0.6"),
        ({"must_catch": None}, "must_catch none instead of 0.6"),
        ({"part": 0.001}, "false_alarms 0.001 instead of 0.005"),
        ({"decide": "value"}, "decide value instead of evidence"),
        ({"decide": "value", "at_most": 0.2}, "decide value instead of evidence"),
        ({"decide": "value", "at_most": None, "at_least": 0.8}, "decide value instead of evidence"),
        ({"accept_looser": "agreed"}, "accept_looser agreed instead of none"),
        ({"inconclusive": "warn"}, "inconclusive warn instead of fail"),
        ({"severity": "warn"}, "severity warn instead of fail"),
        ({"statistic": "mean"}, "statistic mean instead of p95"),
        ({"max_unmeasured": 0.1}, "max_unmeasured 0.1 instead of 0"),
        ({"max_not_applicable": 0.9}, "max_not_applicable 0.9 instead of 0.5"),
        ({"min_images": 1}, "min_images 1 instead of 5"),
        ({"sample": 10}, "sample 10 instead of 20"),
        ({"parameters": {"donors": 1}}, "parameters {'donors': 1} instead of none"),
        ({"small_classes": "pool"}, "small_classes pool instead of alone"),
    ],
)
def test_a_demand_that_is_loosened_is_told(change, sentence):
    """In the file's own words, with the row."""
    [line] = told(demands(replace(RULE, **change)), demands(RULE))
    assert line == f"reliance.background_gap: {sentence} (reliance.background_gap[red])"


def test_rows_that_are_gone_are_told_by_rule():
    """Whether per_class, a class, a method or the whole rule was taken out."""
    others = [replace(RULE, class_name=f"class {number}") for number in range(5)]
    [line] = told(demands(RULE), demands(RULE, *others))
    assert line == (
        "reliance.background_gap[class 0], reliance.background_gap[class 1], reliance.background_gap[class 2] and 2 "
        "more are no longer asked for"
    )


def test_waivers_that_are_new_or_longer_are_told():
    """One that was there already is not."""
    waiver = {"check": "a.b", "method": None, "class_name": "red", "expires": "2030-01-01", "unmeasured": False}
    assert told(demands(waivers=[waiver]), demands(waivers=[waiver])) == ()
    assert told(demands(waivers=[waiver]), demands()) == ("a.b, red is newly waived, until 2030-01-01",)
    longer = {**waiver, "expires": "2031-01-01"}
    assert told(demands(waivers=[longer]), demands(waivers=[waiver])) == (
        "a.b, red is waived until 2031-01-01 instead of 2030-01-01",
    )
    wider = {**waiver, "unmeasured": True}
    assert told(demands(waivers=[wider]), demands(waivers=[waiver])) == (
        "a.b, red is newly waived where it is unmeasured",
    )


def test_inconclusive_rows_that_no_longer_hold_the_alias_back_are_told():
    """The registry asks for less too."""
    assert told(demands(promote_inconclusive=True), demands()) == ("inconclusive rows no longer hold the alias back",)


def test_images_and_classes_that_are_lost_are_told_and_renamed_ones_are_not():
    """An image is its content."""
    recorded = [image("a.png"), image("b.png"), image("c.png", "green")]
    renamed = replace(recorded[0], image="z.png")
    assert told(demands(), demands(), [renamed, *recorded[1:], image("new.png")], recorded) == ()
    assert told(demands(), demands(), recorded[:1], recorded) == (
        "the class green has no image any more",
        "2 images of the reference's set are not in this one: b.png, c.png",
    )


def test_an_alias_that_asks_less_of_people_is_told():
    """Fewer eyes, no attestation; more of either is not weaker."""
    before = {**demands(), "promote_people": ["four_eyes", "require_attestation"]}
    assert told({**demands(), "promote_people": ["four_eyes"]}, before) == (
        "the alias moves without tracking.promote.require_attestation",
    )
    assert told(before, {**demands(), "promote_people": []}) == ()
