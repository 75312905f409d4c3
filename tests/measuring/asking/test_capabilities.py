"""The table of capabilities: what depends on what."""

from __future__ import annotations

import pytest

from explain_gate.measuring.asking.capabilities import ASKED_AS, CAPABILITIES, scope_of
from explain_gate.metrics.batch import Batch


def test_every_name_of_the_protocol_has_its_capability():
    """Whatever the protocol promises a metric is answered, and by one capability alone."""
    assert {name for name in dir(Batch) if not name.startswith("_")} <= set(ASKED_AS)
    names = [capability.name for capability in CAPABILITIES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("asked", "scope"),
    [
        ((), "image"),
        (("pixels", "predict", "relevance", "cascade", "own_background"), "image"),
        (("pixels", "backgrounds"), "set"),
        (("weights",), "set"),
        (("predict", "exchanges", "note_cue"), "set"),
        (("pair_correlation",), "set"),
        (("predict", "seconds"), None),
    ],
)
def test_a_value_is_of_the_widest_scope_that_was_asked(asked, scope):
    """None: a time holds at no other time."""
    assert scope_of(asked) == scope
