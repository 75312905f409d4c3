"""What raised is told in a line, and known again."""

from __future__ import annotations

from explain_gate.measuring.explain import FLAT, NOT_FINITE, SILENT
from explain_gate.measuring.reasons import reason_of, tells_an_exception


def test_a_reason_names_who_raised_what():
    """With the first line alone."""
    assert reason_of("grad_cam", MemoryError("no room\nat all")) == "grad_cam raised MemoryError: no room"


def test_what_raised_is_told_apart_from_what_was_measured():
    """A map that is flat is flat the next time too."""
    assert tells_an_exception(reason_of("the model's forward", RuntimeError("out of memory")))
    assert not any(map(tells_an_exception, (FLAT, SILENT, NOT_FINITE)))
