"""What stages know of rows from earlier runs: the same numbers, bit by bit, of the same pictures alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explain_gate.measuring.remembering.contents import Picture
from explain_gate.measuring.remembering.recall import Memory
from explain_gate.measuring.remembering.store import Cache
from explain_gate.measuring.table import Table
from explain_gate.metrics import METRICS
from explain_gate.records import Rule


@pytest.fixture
def memory_of(facts, pictures, tmp_path):
    """What is known of a set; each call is another run with the same cache."""
    with Cache(tmp_path / "cache") as cache:
        yield lambda letters: Memory(cache, facts, pictures(letters), resources=None)


def table(rows, **more) -> Table:
    """Scores of IoU."""
    rule = Rule(check="alignment.iou", method="grad_cam", class_name=None, better="higher", at_most=0.1, **more)
    return Table("alignment.iou", "grad_cam", rule, METRICS["alignment.iou"].load(), rows)


def test_logits_come_back_bit_by_bit(memory_of):
    """Of the same picture, wherever it stands."""
    logits = torch.tensor([0.1, -3.25])
    memory_of("ab").keep_logits({0: logits})
    (again,) = memory_of("xa").logits([0, 1]).items()
    assert again[0] == 1
    assert torch.equal(again[1], logits)


def test_pictures_come_back_with_their_region(memory_of):
    """What the report shows, whatever bytes it has."""
    one = Picture(
        size=(4, 9), area=0.25, reason=None, region=b"\x01\n" * 4, jpeg=b"\xff\xd8\n\x00", looks={"lost": 0.5}
    )
    memory_of("ab").keep_pictures({1: one})
    assert memory_of("ab").pictures([0, 1]) == {1: one}


def test_maps_come_back_where_the_size_is_the_same(memory_of):
    """With the method's details; a map of another size is none."""
    map_ = np.arange(6, dtype=np.float16).reshape(2, 3)
    memory_of("ab").keep_maps("grad_cam", {0: (map_, {"steps": 8.0})})
    again, details = memory_of("ab").maps("grad_cam", [0, 1], (2, 3))[0]
    np.testing.assert_array_equal(again, map_)
    assert details == {"steps": 8.0}
    assert memory_of("ab").maps("grad_cam", [0], (3, 3)) == {}


def test_scores_of_an_image_alone_come_back_with_their_notes(memory_of):
    """What a clock had a part in is never kept."""
    scores = table([0, 1])
    scores.values = {0: 0.5, 1: 0.75}
    scores.notes = {"evidence": {0: [(1.0, 3)]}}
    scores.scopes = {0: "image", 1: None}
    memory_of("ab").keep([scores], [0, 1])
    again = table([0, 1])
    memory_of("ab").recall(again)
    assert again.values == {0: 0.5}
    assert again.notes == {"evidence": {0: [(1.0, 3)]}}


def test_a_score_without_an_answer_is_none_where_images_are_counted(memory_of):
    """An earlier rule looked at the value alone."""
    scores = table([0])
    scores.values, scores.scopes = {0: 0.5}, {0: "image"}
    memory_of("a").keep([scores], [0])
    counted = table([0], decide="evidence", must_catch=0.5)
    memory_of("a").recall(counted)
    assert counted.values == {}
