"""Why an image has no value where code raised, for the person who reads the report, and how that is told apart."""

from __future__ import annotations

from explain_gate.attribution.diagnosis import first_line

_RAISED = " raised "


def reason_of(what: str, error: Exception) -> str:
    """What raised which error, in a line."""
    return f"{what}{_RAISED}{type(error).__name__}: {first_line(error)}"


def tells_an_exception(reason: str) -> bool:
    """Whether `reason_of` made it: another run may have more memory, and another outcome."""
    return _RAISED in reason
