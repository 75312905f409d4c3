"""--explain-model: another source than model.source."""

from __future__ import annotations

from plugin.conftest import both_ways


@both_ways("model", "othermodel:build")
def test_the_source_that_is_named_is_measured(gate, ask, verdict, given):
    """verdict.json tells which it was."""
    (gate / "othermodel.py").write_text((gate / "tinymodel.py").read_text())
    options, ini = given
    assert ask("--explain-output=out", *options, ini=ini).ret == 0
    assert verdict()["model"]["source"] == "othermodel:build"


def test_a_source_that_cannot_be_imported_is_exit_4(ask):
    """The message names the module."""
    result = ask("--explain-model=nowhere:build")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*no module named nowhere*"])
