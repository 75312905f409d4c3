"""--explain-only and --explain-image: a part of the gate is looked at, and nothing is said to pass."""

import pytest


@pytest.mark.parametrize("options", [(), ("--explain-image=red_00.png",)], ids=["all images", "one"])
def test_a_rule_that_holds_alone_is_no_pass(ask, verdict, options):
    """Exit 3, in words."""
    result = ask("--explain-output=out", "--explain-only=performance.accuracy", *options)
    assert result.ret == 3
    result.stdout.fnmatch_lines(["*1 of 1 rules were looked at alone, and it holds; run the whole gate*"])
    assert verdict()["selection"] == "only"


def test_a_rule_that_breaks_alone_fails(gate, ask, verdict):
    """Exit 1, as in the whole gate."""
    path = gate / "thresholds.yaml"
    path.write_text(path.read_text().replace("  images: images", "  classes: [green, red]\n  images: images"))
    assert ask("--explain-output=out", "--explain-only=performance").ret == 1
    assert verdict()["verdict"] == "failed"


def test_it_is_not_recorded(gate, ask):
    """No run in the store that this repository's gate records in."""
    ask("--explain-output=out", "--explain-only=performance", tracking=True)
    assert not (gate / "mlflow.db").exists()


def test_a_rule_that_is_not_there_is_exit_4(ask):
    """With the nearest ones."""
    result = ask("--explain-only=performance.acuracy")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--only performance.acuracy stands for no rule*nearest: performance.accuracy*"])
