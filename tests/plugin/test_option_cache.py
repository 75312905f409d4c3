"""--explain-cache-dir, --explain-cache-size, --explain-no-cache, --explain-memory-budget: what is kept and how much."""

from __future__ import annotations

import pytest
from plugin.conftest import both_ways, switched


@both_ways("cache-dir", "kept")
def test_numbers_are_kept_where_it_is_said(gate, ask, given):
    """Not beside thresholds.yaml."""
    options, ini = given
    assert ask("--explain-output=out", *options, ini=ini).ret == 0
    assert any((gate / "kept").iterdir())
    assert not (gate / ".explain-gate" / "cache").exists()


@switched("no-cache")
def test_nothing_is_kept_where_nothing_is_to_be(gate, ask, given):
    """No folder is made."""
    options, ini = given
    assert ask("--explain-output=out", *options, ini=ini).ret == 0
    assert not (gate / ".explain-gate" / "cache").exists()


@pytest.mark.parametrize("name", ["cache-size", "memory-budget"])
def test_a_size_that_is_none_is_exit_4(ask, name):
    """The message says how one is written."""
    result = ask(f"--explain-{name}=lots")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*a size must be a number of bytes such as 2G or 512M, got lots"])


@pytest.mark.parametrize("name", ["cache-size", "memory-budget"])
def test_a_small_size_changes_no_number(ask, verdict, name):
    """It costs time, not truth."""
    assert ask("--explain-output=free").ret == 0
    assert ask("--explain-output=small", "--explain-cache-dir=other", f"--explain-{name}=1M").ret == 0
    assert verdict("free")["findings"] == verdict("small")["findings"]
