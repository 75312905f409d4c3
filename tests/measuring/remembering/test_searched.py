"""What searches left is found again under the rows that they looked at, and nowhere else."""

from __future__ import annotations

import pytest

from explain_gate.measuring.remembering.row_keys import RowKeys
from explain_gate.measuring.remembering.searched import Searched
from explain_gate.measuring.remembering.store import Cache


@pytest.fixture
def searched_of(facts, pictures, tmp_path):
    """What is known of a set; each call is another run with the same cache."""
    with Cache(tmp_path / "cache") as cache:
        yield lambda letters: Searched(cache, RowKeys(facts, pictures(letters)))


@pytest.mark.parametrize(
    ("keep", "read", "other"),
    [
        (lambda of: of.keep_marks([0, 1], b"x"), lambda of: of.marks([0, 1]), lambda of: of.marks([0])),
        (lambda of: of.keep_confounds([0], b"x"), lambda of: of.confounds([0]), lambda of: of.confounds([1])),
        (lambda of: of.keep_signature(1, [0], b"x"), lambda of: of.signature(1, [0]), lambda of: of.signature(0, [0])),
        (
            lambda of: of.keep_operation(1, 10, True, b"x"),
            lambda of: of.operation(1, 10, True),
            lambda of: of.operation(1, 10, False),
        ),
    ],
    ids=["marks", "confounds", "signature", "operation"],
)
def test_what_was_kept_is_found_by_its_question(searched_of, keep, read, other):
    """By the next run too; another question has no answer."""
    assert read(searched_of("abc")) is None
    keep(searched_of("abc"))
    assert read(searched_of("abc")) == b"x"
    assert other(searched_of("abc")) is None


def test_a_cue_comes_back_with_its_facts_and_pictures(searched_of):
    """Head and pictures in one entry, whatever bytes the pictures are."""
    pictures = b"\n\x00PNG\n"
    searched_of("abc").keep_cue(1, "outside", [0, 2], {"place": "outside", "share": 0.5}, pictures)
    assert searched_of("abc").cue(1, "outside", [0, 2]) == ({"place": "outside", "share": 0.5}, pictures)
    assert searched_of("abc").cue(1, "outside", [0]) is None
