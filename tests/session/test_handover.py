"""What a measuring process leaves for its starter: the last line, and a verdict that is whole and its own."""

from __future__ import annotations

import json

import pytest

from explain_gate.session.handover import Handover


@pytest.fixture
def handover(tmp_path):
    """The folder that both processes see."""
    return Handover(folder=tmp_path, run_id="r1")


def leave(handover, **changed):
    document = {"verdict": "failed", "exit_code": 1, "run_id": "r1", **changed}
    path = handover.folder / "verdict.json"
    path.write_text(json.dumps(document))
    handover.announce(path)


def test_the_last_line_says_where_the_process_was(handover):
    """Empty where it left none."""
    assert handover.last() == ""
    handover.at("opening model and data")
    handover.at("grad_cam, 8 of 60 images done")
    assert handover.last() == "grad_cam, 8 of 60 images done"


def test_a_whole_verdict_of_this_run_is_taken(handover):
    """And where it lies."""
    leave(handover)
    assert handover.verdict()["exit_code"] == 1
    assert handover.verdict_file() == handover.folder / "verdict.json"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"run_id": "r2"}, "is of another run"),
        ({"exit_code": 0}, "is not a whole verdict"),
        ({"exit_code": True}, "is not a whole verdict"),
        ({"verdict": "passed"}, "is not a whole verdict"),
        ({"exit_code": 9}, "is not a whole verdict"),
    ],
)
def test_what_says_two_things_is_no_verdict(handover, changed, told):
    """A failed run must not come out as passed by a file of another run or half a file."""
    leave(handover, **changed)
    with pytest.raises(ValueError, match=told):
        handover.verdict()


def test_a_process_that_left_none_is_told_so(handover):
    """Or one that cannot be read."""
    with pytest.raises(ValueError, match=r"left no verdict\.json"):
        handover.verdict()
    handover.announce(handover.folder / "gone.json")
    with pytest.raises(ValueError, match="cannot be read"):
        handover.verdict()
