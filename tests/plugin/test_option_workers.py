"""--explain-workers: how many processes measure."""

from __future__ import annotations

import pytest
from plugin.conftest import both_ways


@pytest.mark.parametrize("count", ["0", "two", "-1", "2000"])
def test_what_is_no_number_of_workers_is_exit_4(ask, count):
    """The message says which are."""
    result = ask(f"--explain-workers={count}")
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*workers must be a number from 1 to 1024, got {count}"])


@both_ways("workers", "2")
def test_workers_need_the_cache(ask, given):
    """What they measure comes back through it."""
    options, ini = given
    result = ask("--explain-no-cache", *options, ini=ini)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*leave --no-cache out, or give a --cache-dir of its own*"])
