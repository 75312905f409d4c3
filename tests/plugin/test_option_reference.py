"""--explain-reference, --explain-bootstrap, --explain-reference-mismatch: what a version is compared with."""

from __future__ import annotations

import pytest
from plugin.conftest import both_ways, switched


@pytest.fixture
def compares(gate):
    """The rule compares with a reference."""
    path = gate / "thresholds.yaml"
    path.write_text(path.read_text().replace("{at_least: 0.9}", "{at_least: 0.9, max_drop: 0.5}"))


def test_a_rule_that_compares_needs_one_and_the_message_says_how(compares, ask):
    """Exit 4, with both ways on."""
    result = ask()
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--reference*--bootstrap*"])


@switched("bootstrap")
def test_bootstrap_starts_without_one(compares, ask, verdict, given):
    """The rule's own bound is judged; nothing is compared."""
    options, ini = given
    assert ask("--explain-output=out", *options, ini=ini).ret == 0
    assert verdict()["reference"] is None


@both_ways("reference", "first")
def test_the_reference_that_is_named_is_compared_with(compares, ask, verdict, given):
    """An earlier run's folder; the finding holds its value."""
    assert ask("--explain-output=first", "--explain-bootstrap").ret == 0
    options, ini = given
    assert ask("--explain-output=out", *options, ini=ini).ret == 0
    assert verdict()["findings"][0]["reference_value"] == 1.0


def test_a_reference_that_is_not_there_is_exit_4(compares, ask):
    """Before anything is measured."""
    result = ask("--explain-reference=nowhere")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*nowhere*no such folder*"])


@both_ways("reference-mismatch", "ignore")
def test_an_unknown_way_with_a_mismatch_is_exit_4(ask, given):
    """The message says which there are."""
    options, ini = given
    result = ask(*options, ini=ini)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*reference-mismatch must be one of refuse, remeasure, got ignore"])
