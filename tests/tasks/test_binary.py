"""What one logit means: derived by hand."""

from __future__ import annotations

from math import exp, log

import pytest
import torch

from explain_gate.errors import ModelError
from explain_gate.records import Truth
from explain_gate.tasks import SetFacts
from explain_gate.tasks.binary import Binary
from explain_gate.tasks.logits import SIGMOID

TASK = Binary(SetFacts(classes={"sound": 0, "ill": 1}))
LOGITS = torch.tensor([2.0, -1.0])
COLUMNS = TASK.columns(LOGITS, None, by_target=False)
SOUND, ILL = Truth(label=0, accepted=(0,)), Truth(label=1, accepted=(1,))
BOTH = torch.tensor([0, 1])


def test_each_class_has_the_logit_with_its_sign() -> None:
    """(N,) and (N, 1) are the same; the score of the first class is minus the logit."""
    assert COLUMNS.tolist() == [[-2, 2], [1, -1]]
    assert torch.equal(TASK.columns(LOGITS[:, None], None, by_target=False), COLUMNS)
    assert TASK.explained(COLUMNS, TASK.targets([ILL, SOUND])).tolist() == [2, 1]
    with pytest.raises(ModelError, match=r"two logits.*model.task: classification"):
        TASK.columns(torch.zeros(3, 2), None, by_target=False)


def test_the_sigmoid_is_the_probability_and_the_logit_the_odds() -> None:
    """Of the class that is asked about."""
    assert TASK.strength(COLUMNS, BOTH).tolist() == pytest.approx([1 / (1 + exp(2)), 1 / (1 + exp(1))])
    assert TASK.support(COLUMNS, BOTH).tolist() == [-2, -1]
    assert [one.probability for one in TASK.answers(COLUMNS)] == pytest.approx([1 / (1 + exp(-2)), 1 / (1 + exp(-1))])


def test_the_threshold_says_what_is_right_and_what_turns() -> None:
    """At 0.5 the sign decides; a higher threshold lies at its log odds."""
    assert TASK.right(COLUMNS, [ILL, ILL]).tolist() == [1, 0]
    assert TASK.false_alarms(COLUMNS, [SOUND, ILL]) == [(1,), ()]
    assert TASK.may_turn(COLUMNS, BOTH).tolist() == [True, True]
    assert TASK.turned(COLUMNS, COLUMNS.flip(1), BOTH).tolist() == [True, True]
    strict = Binary(threshold=0.9)
    assert [one.predicted for one in strict.answers(COLUMNS)] == [0, 0]
    assert strict.margin(COLUMNS, torch.tensor([1, 1])).tolist() == pytest.approx([2 - log(9), -1 - log(9)])
    with pytest.raises(ValueError, match=r"in \(0, 1\), got 1"):
        Binary(threshold=1)


def test_exchanged_classes_and_a_sigmoid_are_told() -> None:
    """All wrong is as informative as all right; probabilities all lie above a threshold of 0.5."""
    truths = [SOUND, ILL] * 5
    (told,) = TASK.cautions(COLUMNS.repeat(5, 1), truths)
    assert "data.classes were [ill, sound]" in told
    assert TASK.cautions(COLUMNS.flip(0).repeat(5, 1), truths) == ()
    shares = TASK.columns(LOGITS.sigmoid(), None, by_target=False)
    assert SIGMOID in TASK.cautions(shares, [ILL, SOUND])
