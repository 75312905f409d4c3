"""What scores mean where each image is one of several classes."""

from __future__ import annotations

from math import exp

import pytest
import torch

from explain_gate.errors import ModelError, NotMeasurable
from explain_gate.records import Truth
from explain_gate.tasks import SetFacts
from explain_gate.tasks.classification import SOFTMAX, Classification

TASK = Classification()
SCORES = torch.tensor([[2.0, 0.0, -1.0], [0.0, 0.5, 3.0]])
FIRST = torch.tensor([0, 0])


def truths(*accepted: tuple[int, ...]) -> list[Truth]:
    """Images that show these classes, the first of which is explained."""
    return [Truth(label=classes[0], accepted=classes) for classes in accepted]


def test_the_highest_logit_is_what_the_model_says() -> None:
    """Answers, what is right, and what turns all go by the highest logit, with any annotated class accepted."""
    answers = TASK.answers(SCORES)
    assert [(one.predicted, one.said) for one in answers] == [(0, (0,)), (2, (2,))]
    assert [one.probability for one in answers] == SCORES.softmax(dim=1).max(dim=1).values.tolist()
    assert TASK.right(SCORES, truths((0,), (1, 2))).tolist() == [1, 1]
    assert TASK.right(SCORES, truths((1,), (1,))).tolist() == [0, 0]
    assert TASK.false_alarms(SCORES, truths((1,), (1, 2))) == [(0,), ()]
    assert TASK.likeliest(SCORES, 2).tolist() == [[0, 1], [2, 1]]
    assert TASK.likeliest(SCORES, 9).shape == (2, 3)
    assert TASK.same(SCORES, SCORES.flip(0)).tolist() == [False, False]


def test_a_picture_turns_where_the_class_takes_the_highest_logit() -> None:
    """What was taken for the class before cannot turn to it, whatever becomes of it."""
    assert TASK.may_turn(SCORES, FIRST).tolist() == [False, True]
    assert TASK.turned(SCORES, SCORES[[0, 0]], FIRST).tolist() == [False, True]
    assert TASK.turned(SCORES, SCORES, FIRST).tolist() == [False, False]


def test_the_score_is_the_logit_of_the_class() -> None:
    """Targets are the classes; one that has no column is refused."""
    targets = TASK.targets(truths((2,), (0,)))
    assert TASK.explained(SCORES, targets).tolist() == [-1, 0]
    with pytest.raises(ModelError, match=r"targets must be in 0..2"):
        TASK.explained(SCORES, targets + 1)


def test_probability_odds_and_margin_belong_together() -> None:
    """The log odds are those of the softmax, which has one sum; the margin is above 0 where the class is predicted."""
    probability = TASK.strength(SCORES.double(), FIRST)
    assert probability.tolist() == pytest.approx([1 / (1 + exp(-2) + exp(-3)), 1 / (1 + exp(0.5) + exp(3))])
    torch.testing.assert_close(TASK.support(SCORES, FIRST), (probability / (1 - probability)).log())
    assert TASK.margin(SCORES, FIRST).tolist() == [2, -3]


def test_log_odds_have_no_ceiling() -> None:
    """Where a probability in single precision is 1 already, the odds still tell a rise."""
    sure = torch.tensor([[60.0, 0.0], [90.0, 0.0]])
    assert TASK.strength(sure, FIRST).tolist() == [1, 1]
    assert TASK.support(sure, FIRST).tolist() == [60, 90]


@pytest.mark.parametrize("ask", ["may_turn", "strength", "support", "margin"])
def test_one_score_per_image_has_no_classes(ask: str) -> None:
    """A target function that scores one class leaves nothing to compare, which is said and not guessed."""
    with pytest.raises(NotMeasurable, match="one score per image"):
        getattr(TASK, ask)(torch.zeros(2, 1), FIRST)


def test_scores_have_to_fit_the_classes() -> None:
    """Too few logits are refused with the classes that would have none; one logit with how to make two of it."""
    Classification(SetFacts(classes={"a": 0, "c": 2})).check(SCORES, by_target=False)
    Classification(SetFacts(classes={"a": 0, "b": 1})).check(torch.zeros(2, 1), by_target=True)
    with pytest.raises(ModelError, match=r"3 logits, but data.classes needs 4: d would have none"):
        Classification(SetFacts(classes={"a": 0, "d": 3})).check(SCORES, by_target=False)
    with pytest.raises(ModelError, match=r"one logit.*model.target"):
        Classification(SetFacts(classes={"a": 0, "b": 1})).check(torch.zeros(2, 1), by_target=False)


def test_a_softmax_as_output_is_told() -> None:
    """Probabilities in place of logits can be measured, with a caution; logits have none."""
    assert TASK.cautions(SCORES.softmax(dim=1), truths((0,), (2,))) == (SOFTMAX,)
    assert TASK.cautions(SCORES, truths((0,), (2,))) == ()


def test_classes_in_another_order_are_told() -> None:
    """Nothing right, and everything if the classes were turned by one: which order would fit is said; chance is not."""
    task = Classification(SetFacts(classes={"ant": 0, "bee": 1, "cat": 2}))
    labels = [0, 1, 2] * 4
    columns = 5 * torch.eye(3)[[(label + 1) % 3 for label in labels]]
    (told,) = task.cautions(columns, truths(*((label,) for label in labels)))
    assert told.startswith("your classes look permuted: 0% of the predictions are right, and 100% would be if ")
    assert "data.classes were [cat, ant, bee] (ant is predicted as bee" in told
    assert task.cautions(5 * torch.eye(3)[labels], truths(*((label,) for label in labels))) == ()
    constant = 5 * torch.eye(3)[[0] * len(labels)]
    assert task.cautions(constant, truths(*((label,) for label in labels))) == ()
