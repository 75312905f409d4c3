"""--explain-config: which thresholds.yaml the gate is."""

from __future__ import annotations

from plugin.conftest import both_ways


@both_ways("config", "strict.yaml")
def test_the_file_that_is_named_is_the_gate(gate, ask, verdict, given):
    """Its rules are judged, not those of thresholds.yaml."""
    text = (gate / "thresholds.yaml").read_text()
    (gate / "strict.yaml").write_text(text.replace("{at_least: 0.9}", "{at_least: 0.75}"))
    options, ini = given
    assert ask("--explain-output=out", *options, ini=ini).ret == 0
    assert verdict()["findings"][0]["bound"] == {"at_least": 0.75}


def test_a_file_that_is_not_there_is_exit_4(ask):
    """The message names it."""
    result = ask("--explain-config=none.yaml")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*none.yaml*cannot be read*"])
