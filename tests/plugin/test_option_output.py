"""--explain-output: where the report goes."""

from __future__ import annotations

from plugin.conftest import both_ways


@both_ways("output", "some/where")
def test_the_report_goes_to_the_folder_that_is_named(gate, ask, verdict, given):
    """Folders above it are made; nothing else is left beside it."""
    options, ini = given
    assert ask(*options, ini=ini).ret == 0
    assert verdict("some/where")["exit_code"] == 0
    assert [path.name for path in (gate / "some").iterdir()] == ["where"]


def test_without_it_each_run_gets_a_folder_of_its_own(gate, ask):
    """Below reports/, called after the time and the model."""
    assert (ask().ret, ask().ret) == (0, 0)
    assert len(list((gate / "reports").glob("*/verdict.json"))) == 2


def test_a_folder_of_something_else_is_refused(gate, ask):
    """Exit 4; what is in it stays."""
    result = ask("--explain-output=images")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*images*not an earlier report*"])
    assert len(list((gate / "images").iterdir())) == 4
