"""The model and its variants: each opened once, and the model is as it was when all are closed."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from explain_gate.attribution.base import Probe
from explain_gate.measuring.asking.variants import Variants

PIXELS = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def module():
    """A small network."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2)).eval()


@pytest.fixture
def variants(module):
    """Of it, as a run makes them."""
    return Variants(module, lambda one, seed, **more: Probe(one, seed=seed, **more), seed=3)


def test_each_variant_is_opened_once(variants):
    """A twin is built anew for no metric."""
    with variants:
        assert variants.probe is variants.probe
        assert variants.twin(0) is variants.twin(0)
        assert variants.twin(0) is not variants.twin(1)
        assert variants.again.seed == variants.probe.seed + 1


def test_a_twin_answers_otherwise_and_the_same_for_the_same_seed(module):
    """Re-initialised, by the gate's seed and its own."""

    def answers(seed: int, own: int) -> torch.Tensor:
        with Variants(module, lambda one, seed, **more: Probe(one, seed=seed, **more), seed=seed) as variants:
            return variants.twin(own).logits(PIXELS)

    assert torch.equal(answers(3, 0), answers(3, 0))
    for other in (answers(3, 1), answers(4, 0), module(PIXELS).detach()):
        assert not torch.allclose(answers(3, 0), other)


def test_the_model_is_as_it_was(module, variants):
    """Weights, whether they learn, and the mode; whatever was asked of its twins."""
    module[0].weight.requires_grad_()
    module.train()
    before = {name: one.clone() for name, one in module.state_dict().items()}
    with variants:
        variants.probe.logits(PIXELS)
        variants.twin(0).logits(PIXELS)
        cascade, _ = variants.cascade(0, 2, PIXELS[:1], torch.tensor([0]))
        cascade.randomize(0)
    assert module.training
    assert module[0].weight.requires_grad
    assert all(torch.equal(one, before[name]) for name, one in module.state_dict().items())


def test_other_weights_are_loaded_into_a_copy(module, variants, tmp_path):
    """The model under test keeps its own."""
    other = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2)).eval()
    torch.save(other.state_dict(), tmp_path / "other.pt")
    with variants:
        assert torch.allclose(variants.version(str(tmp_path / "other.pt")).logits(PIXELS), other(PIXELS), atol=1e-6)
        assert torch.allclose(variants.probe.logits(PIXELS), module(PIXELS), atol=1e-6)


def test_passes_of_all_models_count(variants):
    """A run says what it cost."""
    with variants:
        variants.probe.logits(PIXELS)
        variants.twin(0).gradients(PIXELS, torch.tensor([0, 1]))
        assert variants.passes() == (4, 2)


def test_another_precision_is_a_copy(module, variants):
    """The numbers of the run stay in float32."""
    with variants:
        assert variants.converted("cpu", "float64").logits(PIXELS).dtype == torch.float64
    assert module[0].weight.dtype == torch.float32
