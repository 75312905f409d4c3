"""What several labels at once mean: derived by hand."""

from __future__ import annotations

from math import exp, log

import pytest
import torch

from explain_gate.errors import ModelError
from explain_gate.records import Truth
from explain_gate.tasks import SetFacts
from explain_gate.tasks.multilabel import Multilabel

FACTS = SetFacts(classes={"cat": 0, "dog": 1, "none": 2}, nothing=2)
TASK = Multilabel(FACTS)
COLUMNS = TASK.columns(torch.tensor([[2.0, 1.0], [-3.0, -1.0]]), None, by_target=False)
DOG, NONE = Truth(label=1, accepted=(1,)), Truth(label=2, accepted=(2,))


def test_pictures_without_a_label_have_a_column() -> None:
    """It is how far the strongest label stays below its threshold; logits that no label has are not looked at."""
    assert COLUMNS.tolist() == [[2, 1, -2], [-3, -1, 1]]
    wide = TASK.columns(torch.tensor([[2.0, 1.0, 9.0]]), None, by_target=False)
    assert wide.tolist() == [[2, 1, -2]]
    assert TASK.explained(COLUMNS, TASK.targets([DOG, NONE])).tolist() == [1, 1]


def test_each_label_has_its_own_sigmoid_and_threshold() -> None:
    """All labels above theirs are said; a label is right where it is among them."""
    answers = TASK.answers(COLUMNS)
    assert [(one.predicted, one.said) for one in answers] == [(0, (0, 1)), (2, ())]
    assert TASK.strength(COLUMNS, torch.tensor([1, 0])).tolist() == pytest.approx([1 / (1 + exp(-1)), 1 / (1 + exp(3))])
    assert TASK.right(COLUMNS, [DOG, DOG]).tolist() == [1, 0]
    assert TASK.right(COLUMNS, [NONE, NONE]).tolist() == [0, 1]
    assert TASK.false_alarms(COLUMNS, [DOG, NONE]) == [(0,), ()]
    assert TASK.same(COLUMNS, COLUMNS.flip(0)).tolist() == [False, False]
    for threshold in ([0.5, 0.9], {"dog": 0.9}):
        strict = Multilabel(FACTS, threshold=threshold)
        assert [one.said for one in strict.answers(COLUMNS)] == [(0,), ()]
        assert strict.margin(COLUMNS, torch.tensor([1, 1])).tolist() == pytest.approx([1 - log(9), -1 - log(9)])


def test_a_picture_turns_where_the_label_rises_above_its_threshold() -> None:
    """Whatever else it shows; a picture of nothing turns to none where all labels fall."""
    labels = torch.tensor([1, 1])
    assert TASK.may_turn(COLUMNS, labels).tolist() == [False, True]
    assert TASK.turned(COLUMNS, COLUMNS[[0, 0]], labels).tolist() == [False, True]
    assert TASK.turned(COLUMNS, COLUMNS[[1, 1]], torch.tensor([2, 2])).tolist() == [True, False]


def test_logits_and_thresholds_have_to_fit_the_labels() -> None:
    """Too few are refused, with what is there."""
    with pytest.raises(ModelError, match=r"1 logits, but data.classes needs 2"):
        TASK.check(TASK.columns(torch.zeros(2, 1), None, by_target=False), by_target=False)
    with pytest.raises(ValueError, match="names bird, but the labels are cat, dog"):
        Multilabel(FACTS, threshold={"bird": 0.5})
    with pytest.raises(ValueError, match="one number or 2"):
        Multilabel(FACTS, threshold=[0.5])
