"""Who works beside the process that measures."""

from __future__ import annotations

import pytest

from explain_gate.measuring.workers.crew import Crew


@pytest.mark.parametrize(
    ("crew", "works"),
    [
        (Crew(), False),
        (Crew(count=1), False),
        (Crew(count=2), True),
        (Crew(engine="ray"), True),
        (Crew(engine="ray", count=1), True),
    ],
)
def test_one_local_process_is_the_one_that_measures(crew, works):
    """A second process would only wait for the first; a cluster may have the accelerator that this machine lacks."""
    assert crew.works == works
