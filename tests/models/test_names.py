"""Names as trainers write them: what wraps a module is taken off, and what no prediction needs is known."""

from __future__ import annotations

import pytest

from explain_gate.models.names import bare_name, grouped, is_of_a_loss, is_of_training, last_part, listed, words_of


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("_orig_mod.stem.weight", "stem.weight"),
        ("stem._orig_mod.weight", "stem.weight"),
        ("_fsdp_wrapped_module.a._checkpoint_wrapped_module.b", "a.b"),
        ("my_orig_mod.weight", "my_orig_mod.weight"),
    ],
)
def test_only_a_wrapper_s_own_part_is_taken_off(name, bare):
    """A layer whose name merely ends like a wrapper's keeps it."""
    assert bare_name(name) == bare


def test_words_are_read_in_every_spelling():
    """Camel case, underscores and numbers."""
    assert words_of("emaModel_2") == {"ema", "model", "2"}
    assert last_part("a.b.weight") == "weight"


def test_a_loss_is_told_from_a_layer_of_a_similar_name():
    """A whole word counts, and only where something lies below it."""
    assert is_of_a_loss("loss_fn.pos_weight")
    assert is_of_a_loss("valAcc.tp")
    assert not is_of_a_loss("glossy.weight")
    assert not is_of_a_loss("loss")
    assert is_of_training("optimizer_states.0.state")
    assert not is_of_training("adapter.optimizer")


def test_a_message_stays_short_however_many_names_there_are():
    """Names of one place are one, and after six the rest is counted."""
    assert grouped(["a.weight", "a.bias", "b.weight"]) == ["a (2 tensors)", "b"]
    assert listed([str(n) for n in range(9)]) == "0, 1, 2, 3, 4, 5 and 3 more"
