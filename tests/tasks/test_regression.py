"""What a value means: derived by hand."""

from __future__ import annotations

import pytest
import torch

from explain_gate.errors import ModelError
from explain_gate.records import Truth
from explain_gate.tasks import SetFacts
from explain_gate.tasks.regression import Regression

TASK = Regression(SetFacts(classes={"low": 0, "high": 1}, mean=50, deviation=20), tolerance=5)
COLUMNS = TASK.columns(torch.tensor([[70.0], [40.0]]), None, by_target=False)
LOW, HIGH = Truth(label=0, accepted=(0,), value=44), Truth(label=1, accepted=(1,), value=76)


def test_the_value_is_explained_toward_the_annotated_side() -> None:
    """Upward above the mean, downward below it; shifts are told in standard deviations."""
    assert TASK.explained(COLUMNS, TASK.targets([HIGH, LOW])).tolist() == [70, -40]
    assert TASK.strength(COLUMNS, torch.tensor([1, 0])).tolist() == [1, 0.5]
    assert TASK.support(COLUMNS, torch.tensor([0, 1])).tolist() == [-1, -0.5]
    with pytest.raises(ModelError, match=r"\(N, 1\) or \(N,\), one value per image"):
        TASK.columns(torch.zeros(2, 3), None, by_target=False)


def test_right_is_within_the_tolerance() -> None:
    """Six off is not, four off is."""
    assert TASK.right(COLUMNS, [HIGH, LOW]).tolist() == [0, 1]
    assert [(one.value, one.predicted, one.probability) for one in TASK.answers(COLUMNS)] == [
        (70, 1, None),
        (40, 0, None),
    ]
    assert TASK.same(COLUMNS, COLUMNS + 4).tolist() == [True, True]
    assert TASK.same(COLUMNS, COLUMNS + 6).tolist() == [False, False]


def test_a_picture_turns_where_its_value_moves_by_more_than_the_tolerance() -> None:
    """Toward the side that is asked about, wherever it was before."""
    moved = TASK.columns(torch.tensor([76.0, 44.0]), None, by_target=False)
    high = torch.tensor([1, 1])
    assert TASK.turned(COLUMNS, moved, high).tolist() == [True, False]
    assert TASK.turned(COLUMNS, moved, 1 - high).tolist() == [False, False]
    assert TASK.may_turn(COLUMNS, high).tolist() == [True, True]


def test_values_in_another_unit_are_told() -> None:
    """A model of shares beside annotated percent."""
    (told,) = TASK.cautions(COLUMNS / 1000, [HIGH, LOW])
    assert "look like two units" in told
    assert TASK.cautions(COLUMNS, [HIGH, LOW]) == ()
