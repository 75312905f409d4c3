"""--explain-time-limit: a run ends before the machine's own limit does it."""

from plugin.conftest import both_ways


@both_ways("time-limit", "0.001")
def test_a_run_that_takes_longer_has_no_verdict_and_says_where_it_was(ask, verdict, given):
    """Exit 3, in the terminal and in verdict.json."""
    options, ini = given
    result = ask("--explain-output=out", *options, ini=ini)
    assert result.ret == 3
    told = verdict()
    assert told["verdict"] == "error"
    assert "0.001 s are over (--time-limit)" in told["messages"][0]


@both_ways("time-limit", "600")
def test_a_run_within_its_time_is_as_without(ask, verdict, given):
    """The limit is no part of the verdict."""
    options, ini = given
    assert ask("--explain-output=out", *options, ini=ini).ret == 0
    assert verdict()["verdict"] == "passed"
