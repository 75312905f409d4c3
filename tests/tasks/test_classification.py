"""What scores mean where each image is one of several classes."""

from __future__ import annotations

from math import exp

import pytest
import torch

from explain_gate.errors import ModelError, NotMeasurable
from explain_gate.tasks.classification import SOFTMAX, Classification

TASK = Classification()
SCORES = torch.tensor([[2.0, 0.0, -1.0], [0.0, 0.5, 3.0]])
FIRST = torch.tensor([0, 0])


def test_the_highest_logit_is_what_the_model_says() -> None:
    """Prediction, what is said, and what is right all go by the highest logit, with any annotated class accepted."""
    assert TASK.predicted(SCORES).tolist() == [0, 2]
    assert TASK.said(SCORES) == [(0,), (2,)]
    assert TASK.says(SCORES, FIRST).tolist() == [True, False]
    assert TASK.right(SCORES, [(0,), (1, 2)]).tolist() == [1, 1]
    assert TASK.right(SCORES, [(1,), (1,)]).tolist() == [0, 0]
    assert TASK.likeliest(SCORES, 2).tolist() == [[0, 1], [2, 1]]
    assert TASK.likeliest(SCORES, 9).shape == (2, 3)


def test_probability_odds_and_margin_belong_together() -> None:
    """The log odds are those of the softmax, which has one sum; the margin is above 0 where the class is predicted."""
    probability = TASK.probability(SCORES.double(), FIRST)
    assert probability.tolist() == pytest.approx([1 / (1 + exp(-2) + exp(-3)), 1 / (1 + exp(0.5) + exp(3))])
    torch.testing.assert_close(TASK.log_odds(SCORES, FIRST), (probability / (1 - probability)).log())
    assert TASK.margin(SCORES, FIRST).tolist() == [2, -3]
    assert TASK.confidence(SCORES).tolist() == SCORES.softmax(dim=1).max(dim=1).values.tolist()


def test_log_odds_have_no_ceiling() -> None:
    """Where a probability in single precision is 1 already, the odds still tell a rise."""
    sure = torch.tensor([[60.0, 0.0], [90.0, 0.0]])
    assert TASK.probability(sure, FIRST).tolist() == [1, 1]
    assert TASK.log_odds(sure, FIRST).tolist() == [60, 90]


@pytest.mark.parametrize("ask", ["says", "probability", "log_odds", "margin"])
def test_one_score_per_image_has_no_classes(ask: str) -> None:
    """A target function that scores one class leaves nothing to compare, which is said and not guessed."""
    with pytest.raises(NotMeasurable, match="one score per image"):
        getattr(TASK, ask)(torch.zeros(2, 1), FIRST)


def test_scores_have_to_fit_the_classes() -> None:
    """Too few logits are refused with the classes that would have none; one logit with how to make two of it."""
    TASK.check(SCORES, {"a": 0, "c": 2}, by_target=False)
    TASK.check(torch.zeros(2, 1), {"a": 0, "b": 1}, by_target=True)
    with pytest.raises(ModelError, match=r"3 logits, but data.classes needs 4: d would have none"):
        TASK.check(SCORES, {"a": 0, "d": 3}, by_target=False)
    with pytest.raises(ModelError, match="one logit"):
        TASK.check(torch.zeros(2, 1), {"a": 0, "b": 1}, by_target=False)


def test_a_softmax_as_output_is_told() -> None:
    """Probabilities in place of logits can be measured, with a caution; logits have none."""
    assert TASK.cautions(SCORES.softmax(dim=1)) == (SOFTMAX,)
    assert TASK.cautions(SCORES) == ()
