"""--explain-no-weaker: a gate that asks for less than its reference's run is told, and fails where that is asked."""

import pytest
from plugin.conftest import switched


@pytest.fixture
def weakened(gate, ask):
    """A reference is there, and then the bound is lowered."""
    assert ask("--explain-output=first").ret == 0
    path = gate / "thresholds.yaml"
    path.write_text(path.read_text().replace("{at_least: 0.9}", "{at_least: 0.5}"))


def test_weaker_demands_are_told_on_every_surface(gate, weakened, ask, verdict):
    """They fail nothing by themselves."""
    result = ask("--explain-output=out", "--explain-reference=first")
    assert result.ret == 0
    told = "performance.accuracy: at_least 0.5 instead of 0.9"
    assert told in verdict()["weaker"][0]
    result.stdout.fnmatch_lines([f"*Weaker than the reference's run: {told}*"])
    assert told in (gate / "out" / "index.html").read_text()
    assert "at\\_least 0.5 instead of 0.9" in (gate / "out" / "summary.md").read_text()


@switched("no-weaker")
def test_they_fail_the_run_where_that_is_asked(weakened, ask, verdict, given):
    """Exit 1, in the first line."""
    options, ini = given
    result = ask("--explain-output=out", "--explain-reference=first", *options, ini=ini)
    assert result.ret == 1
    assert verdict()["verdict"] == "failed"
    result.stdout.fnmatch_lines(["*it asks for less than its reference did: performance.accuracy*"])


def test_the_same_demands_pass(ask):
    """Nothing is asked for less."""
    assert ask("--explain-output=first").ret == 0
    assert ask("--explain-output=out", "--explain-reference=first", "--explain-no-weaker").ret == 0


def test_without_a_reference_it_is_refused(ask):
    """There is nothing to compare with."""
    result = ask("--explain-no-weaker")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--no-weaker compares*--reference*"])
