"""--explain-device and --explain-dtype: what the numbers are computed on, and with."""

from __future__ import annotations

from plugin.conftest import both_ways


@both_ways("device", "toaster")
def test_an_unknown_device_is_exit_4(ask, given):
    """The message says which there are."""
    options, ini = given
    result = ask(*options, ini=ini)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*must be auto, cpu, cuda*"])


def test_what_is_typed_stands_before_the_ini_file(ask, verdict):
    """A person's wish for one run."""
    assert ask("--explain-output=out", "--explain-device=cpu", ini="explain_device = toaster").ret == 0
    assert verdict()["environment"]["device"] == "cpu"


@both_ways("dtype", "bfloat16")
def test_the_dtype_that_is_named_is_computed_with(ask, verdict, given):
    """verdict.json tells which it was."""
    options, ini = given
    assert ask("--explain-output=out", "--explain-device=cpu", *options, ini=ini).ret in (0, 1)
    assert verdict()["environment"]["dtype"] == "bfloat16"


def test_an_unknown_dtype_is_exit_4(ask):
    """The message says which there are."""
    result = ask("--explain-dtype=float16")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*dtype must be one of float32, bfloat16, got float16"])
