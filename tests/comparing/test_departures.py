"""Where attention left the object and came back; only what looks at the object counts."""

from versions import life, version

from explain_gate.comparing.departures import departures


def test_a_low_accuracy_is_no_departure():
    """Only alignment and reliance tell where the model looks."""
    assert departures([version(1, 0.5, 0.9), version(2, 0.5, 0.1)]) == []


def test_a_departure_lasts_until_all_that_broke_with_it_holds():
    """What breaks meanwhile belongs to it; after the return the next fall is a new one."""
    versions = life(0.5, 0.2, 0.3, 0.5, 0.1)
    left = departures(versions)
    assert [(one.position, one.returned) for one in left] == [(1, 3), (4, None)]
    assert left[0].before.value == 0.5
    assert left[0].after.value == 0.2
