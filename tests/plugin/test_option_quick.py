"""--explain-quick: what catches most per pass, for every push."""

from plugin.conftest import switched


@switched("quick")
def test_a_quick_pass_says_what_it_is(gate, ask, verdict, given):
    """Exit 0 for its own rules; the others are named, and the folder is no reference."""
    path = gate / "thresholds.yaml"
    path.write_text(path.read_text() + "  complexity:\n    entropy: {at_most: 1.0}\n")
    options, ini = given
    result = ask("--explain-output=out", *options, ini=ini)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*Passed: nothing blocks among the 1 quick rule; 1 were left out*"])
    assert verdict()["selection"] == "quick"
    assert verdict()["left_out"] == ["complexity.entropy[grad_cam]"]
    refused = ask("--explain-output=next", "--explain-reference=out")
    assert refused.ret == 4
    refused.stderr.fnmatch_lines(["*only a part of the gate was run here (--quick)*"])
