"""Images that people took out count in no rule, every row says so, and too many make it say nothing."""

from dataclasses import asdict

import pytest

from explain_gate.judging.excluding import excluded_of, without_excluded
from explain_gate.judging.gate import conclude, judge
from explain_gate.records import Excluded, Rule

IOU = ("alignment.iou", "grad_cam")


@pytest.fixture
def excluding(make_profile):
    """A profile whose first images are out; values of alignment.iou are given."""

    def make(values, count=1, **measured):
        out = [
            Excluded(
                image=f"{('cat', 'dog')[row % 2]}_{row:03d}.png", reason="label wrong", reviewers=("anna",), at="t"
            )
            for row in range(count)
        ]
        plain = [{**asdict(one), "reviewers": list(one.reviewers), "notes": []} for one in out]
        return make_profile({IOU: values, **measured.get("more", {})}, manifest={"excluded": plain})

    return make


def rule(**changed):
    """alignment.iou at least 0.5."""
    return Rule(
        **{"check": IOU[0], "method": IOU[1], "class_name": None, "better": "higher", "at_least": 0.5, **changed}
    )


def test_an_image_that_is_out_moves_no_number(excluding):
    """A failure turns green, and the row says by what."""
    profile = excluding([0.0, *[0.5] * 39])
    (finding,) = judge(profile, [rule()])
    assert finding.status == "passed"
    assert (finding.value, finding.images, finding.excluded) == (0.5, 39, 1)
    assert "1 of 40 images is out by review: label wrong (cat_000.png)." in finding.message
    assert "cat_000.png" not in finding.worst


def test_more_than_max_excluded_say_nothing(excluding):
    """5 % by default: 2 of 40 may be out, 3 may not; the file can say otherwise."""
    values = [0.0, 0.0, 0.0, *[0.5] * 37]
    (within,) = judge(excluding([*values[1:], 0.5], count=2), [rule()])
    (beyond,) = judge(excluding(values, count=3), [rule()])
    assert within.status == "passed"
    assert (beyond.status, beyond.cause) == ("unmeasured", "excluded")
    assert "3 of 40 images are out by review" in beyond.message
    assert "at most 5% may be (judging.max_excluded)" in beyond.message
    (allowed,) = judge(excluding(values, count=3), [rule(max_excluded=0.1)])
    assert allowed.status == "passed"


def test_a_row_that_fails_without_them_stays_failed(excluding):
    """Whatever is out."""
    (finding,) = judge(excluding([0.1] * 20, count=3), [rule()])
    assert (finding.status, finding.cause) == ("failed", "bound")


def test_rows_of_a_class_count_their_own(excluding):
    """An image of cats is out of no row of dogs."""
    cats, dogs = judge(excluding([0.6] * 40), [rule(class_name="cat"), rule(class_name="dog")])
    assert (cats.excluded, cats.status) == (1, "passed")
    assert dogs.excluded == 0
    assert "review" not in dogs.message


def test_counted_rows_lose_their_answers_too(excluding):
    """The share is of those that are left."""
    answers = {("alignment.iou@evidence", "grad_cam"): [1.0, *[0.0] * 39]}
    counted = rule(decide="evidence", at_least=None, at_most=0.05, must_catch=0.5, question="lie")
    (finding,) = judge(excluding([0.1] * 40, more=answers), [counted])
    assert (finding.evidence.yes, finding.evidence.images, finding.excluded) == (0, 39, 1)


def test_what_people_did_counts_in_the_rules_about_it(excluding):
    """Whoever finds a label wrong has looked."""
    more = {("review.coverage", "grad_cam"): [1.0, *[0.0] * 9]}
    profile = excluding([0.6] * 10, more=more)
    (finding,) = judge(profile, [rule(check="review.coverage", at_least=0.1)])
    assert (finding.value, finding.images, finding.excluded) == (0.1, 10, 0)


def test_the_verdict_names_every_image_and_who_says_so(excluding):
    """In its own field and in a message that every surface shows; it decides nothing."""
    profile = excluding([0.6] * 40, count=2)
    verdict = conclude([rule()], judge(profile, [rule()]), profile=profile)
    assert verdict.exit_code == 0
    assert [one.image for one in verdict.excluded] == ["cat_000.png", "dog_001.png"]
    (told,) = [message for message in verdict.messages if "out of the rules by review" in message]
    assert "label wrong (cat_000.png, by anna; dog_001.png, by anna)" in told


def test_a_profile_without_any_is_left_as_it_is(make_profile):
    """No copy is made."""
    profile = make_profile({IOU: [0.5] * 4})
    assert without_excluded(profile) is profile
    assert excluded_of(profile) == excluded_of(None) == ()
