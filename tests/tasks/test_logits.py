"""What tasks of logits share: taking them from any output, and telling what they probably are instead."""

from __future__ import annotations

import pytest
import torch

from explain_gate.errors import ModelError
from explain_gate.tasks.logits import SIGMOID, caution_of_sigmoid, of, permuted, require_logits, rows_of

CLASSES = {"ant": 0, "bee": 1, "cat": 2}


def test_logits_come_as_they_are_or_from_a_function_of_ones_own():
    """A function may give one score per image; a model may not, since a column a class is wanted."""
    scores = torch.zeros(4, 3)
    assert rows_of({"logits": scores}, by_target=False) is scores
    assert rows_of(torch.zeros(4), by_target=True).shape == (4, 1)
    with pytest.raises(ModelError, match=r"the module must return scores of shape \(N, classes\), got"):
        rows_of(torch.zeros(4, 3, 8, 8), by_target=False)
    with pytest.raises(ModelError, match=r"the target function must return scores"):
        rows_of(torch.zeros(4, 3, 8), by_target=True)


def test_each_image_has_the_column_of_its_class():
    """A class without a column is told with what there is."""
    values = torch.arange(6.0).view(2, 3)
    assert of(values, torch.tensor([2, 0])).tolist() == [2.0, 3.0]
    with pytest.raises(ModelError, match=r"targets must be in 0\.\.2, the module's outputs, got 0\.\.3"):
        of(values, torch.tensor([0, 3]))


def test_every_class_needs_a_logit():
    """Said by name; a model of one score has none to lack."""
    require_logits(torch.zeros(1, 3), CLASSES, least=2)
    require_logits(torch.zeros(1, 1), CLASSES, least=2)
    with pytest.raises(ModelError, match=r"the model has 2 logits, but data\.classes needs 3: cat would have none"):
        require_logits(torch.zeros(1, 2), CLASSES, least=2)


def test_probabilities_in_place_of_logits_are_told():
    """All of them in [0, 1]; a single one may be chance."""
    assert caution_of_sigmoid(torch.tensor([0.2, 0.9])) == (SIGMOID,)
    assert caution_of_sigmoid(torch.tensor([0.2, 1.9])) == ()
    assert caution_of_sigmoid(torch.tensor([0.2])) == ()


def test_classes_in_another_order_are_told_and_few_or_wrong_answers_are_not():
    """The order that fits is written out; chance, and a model that is simply wrong, have none."""
    labels = [0, 1, 2] * 4
    (told,) = permuted(labels, [(label + 1) % 3 for label in labels], CLASSES)
    assert "data.classes were [cat, ant, bee] (ant is predicted as bee" in told
    assert permuted(labels, labels, CLASSES) == ()
    assert permuted(labels, [0] * 12, CLASSES) == ()
    assert permuted([0, 1, 2], [1, 2, 0], CLASSES) == ()
