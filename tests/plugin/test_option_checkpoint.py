"""--explain-checkpoint: other weights than model.checkpoint."""

from __future__ import annotations

import sys

from plugin.conftest import both_ways
from safetensors.torch import save_file


@both_ways("checkpoint", "reversed.safetensors")
def test_the_weights_that_are_named_are_measured(gate, ask, verdict, monkeypatch, given):
    """A version that takes each class for the other one fails, although the built-in weights pass."""
    monkeypatch.syspath_prepend(str(gate))
    sys.modules.pop("tinymodel", None)
    import tinymodel

    state = tinymodel.build().state_dict()
    state["head.weight"] = -state["head.weight"]
    save_file(state, gate / "reversed.safetensors")
    options, ini = given
    assert ask("--explain-output=out", *options, ini=ini).ret == 1
    assert verdict()["findings"][0]["value"] == 0.0


def test_a_file_that_is_not_there_is_exit_4(ask):
    """Before anything is measured."""
    result = ask("--explain-checkpoint=none.safetensors")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*checkpoint does not exist*"])
