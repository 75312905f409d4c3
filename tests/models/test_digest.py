"""What makes a model this version and no other."""

from __future__ import annotations

from safetensors.torch import save_file

from explain_gate.models.digest import digest_of
from explain_gate.models.open import load_model


def test_other_weights_are_another_version(config, state, tmp_path):
    """The digest is over every tensor."""
    save_file({name: value + 1 for name, value in state.items()}, tmp_path / "v.safetensors")
    assert load_model(config, checkpoint=tmp_path / "v.safetensors").digest != load_model(config).digest


def test_the_digest_depends_on_names_shapes_and_arguments(config):
    """Equal bytes under another name or argument are not the same model."""
    module = load_model(config).module
    assert digest_of(module, "a:b", {}) != digest_of(module, "a:c", {})
    assert digest_of(module, "a:b", {}) != digest_of(module, "a:b", {"x": 1})
