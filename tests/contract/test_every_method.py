"""What every method in the table promises, whatever the network does inside."""

import gc
import weakref

import pytest
import torch

from explain_gate.attribution import METHODS
from explain_gate.attribution.attribute import attribute, explain
from explain_gate.attribution.base import Probe

METHOD_NAMES = sorted(METHODS)
SIZE = 32


class Awkward(torch.nn.Module):
    """One in-place ReLU used everywhere, a functional call, dropout, batch norm; one weight frozen by its owner."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.norm = torch.nn.BatchNorm2d(6)
        self.second = torch.nn.Conv2d(6, 8, 3, stride=2, padding=1)
        self.relu = torch.nn.ReLU(inplace=True)
        self.dropout = torch.nn.Dropout(0.5)
        self.head = torch.nn.Linear(8, 4)
        self.first.weight.requires_grad = False

    def forward(self, images):
        """Class scores."""
        hidden = self.relu(self.norm(self.first(images)))
        hidden = self.relu(self.second(hidden))
        hidden = torch.nn.functional.adaptive_avg_pool2d(hidden, 1).flatten(1)
        return self.head(self.dropout(hidden))


class Transformer(torch.nn.Module):
    """Two blocks of attention over a class token and a grid of patches, one by module and one by function."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 8, 8, stride=8)
        self.token = torch.nn.Parameter(torch.randn(1, 1, 8))
        self.norm = torch.nn.LayerNorm(8)
        self.second = torch.nn.Linear(8, 24)
        self.attention = torch.nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True)
        self.head = torch.nn.Linear(8, 4)
        self.first.weight.requires_grad = False

    def forward(self, images):
        """Class scores."""
        tokens = self.first(images).flatten(2).mT
        tokens = torch.cat([self.token.expand(len(tokens), -1, -1), tokens], dim=1)
        parts = self.second(self.norm(tokens)).unflatten(2, (3, 2, 4)).permute(2, 0, 3, 1, 4)
        mixed = torch.nn.functional.scaled_dot_product_attention(*parts)
        tokens = tokens + mixed.transpose(1, 2).flatten(2)
        tokens = tokens + self.attention(*[self.norm(tokens)] * 3, need_weights=False)[0]
        return self.head(tokens[:, 0])


# What keeps this file fast; defaults are tried in the methods' own tests.
CHEAP = {
    "smooth_grad": {"samples": 5},
    "expected_gradients": {"samples": 10},
    "rise": {"masks": 50},
    "kernel_shap": {"parts": 9, "samples": 64},
    "occlusion": {"window": 8},
}


def run(network, images, method, keys=None, **options):
    keys = KEYS[: len(images)] if keys is None else keys
    return attribute(network, images, TARGETS[: len(images)], method, keys=keys, **CHEAP.get(method, {}), **options)


@pytest.fixture
def network(method):
    torch.manual_seed(1)
    network = (Transformer() if "attention" in METHODS[method].needs else Awkward()).train()
    network.norm.eval()
    network.head.weight.grad = torch.full_like(network.head.weight, 7.0)
    return network


@pytest.fixture
def images():
    return torch.randn(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


TARGETS = torch.tensor([2, 0, 3])
KEYS = ("a", "b", "c")


def state(network):
    return (
        [module.training for module in network.modules()],
        [parameter.requires_grad for parameter in network.parameters()],
        [None if parameter.grad is None else parameter.grad.sum().item() for parameter in network.parameters()],
        [tensor.sum().item() for tensor in network.state_dict().values()],
        [hook for module in network.modules() for hook in (*module._forward_hooks, *module._forward_pre_hooks)],
        [hook for module in network.modules() for hook in (*module._backward_hooks, *module._backward_pre_hooks)],
    )


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_shape_kind_and_values(network, images, method):
    """Maps are (N, H, W), float32, detached, finite, of the kind on the card, and say something."""
    result = run(network, images, method)
    assert result.method == method
    assert result.kind == METHODS[method].kind
    assert result.maps.shape == (3, SIZE, SIZE)
    assert result.maps.dtype == torch.float32
    assert not result.maps.requires_grad
    assert result.maps.isfinite().all()
    assert result.maps.abs().amax((1, 2)).max() > 0
    if result.kind != "signed":
        assert result.maps.min() >= 0
    assert all(detail.shape == (3,) for detail in result.details.values())
    assert ("completeness_error" in result.details) == METHODS[method].has_path


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_deterministic_by_seed(network, images, method):
    """The same seed gives the same map bit for bit, whatever the global generator does; and it is left alone."""
    torch.manual_seed(1)
    first = run(network, images, method, seed=3).maps
    torch.manual_seed(2)
    before = torch.get_rng_state()
    again = run(network, images, method, seed=3).maps
    assert torch.equal(first, again)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_independent_of_the_batch(network, images, method):
    """An image's map does not depend on what else is in the batch, on the order, or on the chunk size."""
    whole = run(network, images, method).maps
    turned = attribute(
        network, images.flip(0), TARGETS.flip(0), method, keys=KEYS[::-1], **CHEAP.get(method, {})
    ).maps.flip(0)
    cheap = CHEAP.get(method)
    with Probe(network, batch=2) as probe:
        alone = torch.cat(
            [explain(probe, method, images[i : i + 1], TARGETS[i : i + 1], KEYS[i], cheap).maps for i in range(3)]
        )
    scale = whole.abs().max()
    assert (whole - turned).abs().max() <= 1e-4 * scale
    assert (whole - alone).abs().max() <= 1e-4 * scale


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_the_network_is_left_as_it_was(network, images, method):
    """Hooks are gone; training, requires_grad, .grad, parameters and buffers are as before."""
    before = state(network)
    run(network, images, method)
    assert state(network) == before


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_the_network_is_left_as_it_was_after_an_exception(network, images, method):
    """The same when the network raises in the middle."""
    before = state(network)
    calls = []

    def fail(*_):
        calls.append(1)
        if len(calls) > 1:
            raise ZeroDivisionError

    handle = network.second.register_forward_hook(fail)
    with pytest.raises(ZeroDivisionError):
        run(network, images, method)
    handle.remove()
    assert state(network) == before


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_under_no_grad(network, images, method):
    """A caller's no_grad changes nothing."""
    plain = run(network, images, method).maps
    with torch.no_grad():
        inside = run(network, images, method).maps
    assert torch.equal(plain, inside)


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_channels_last(network, images, method):
    """The memory format of the images changes nothing but rounding."""
    plain = run(network, images, method).maps
    last = run(network, images.contiguous(memory_format=torch.channels_last), method).maps
    assert (plain - last).abs().max() <= 1e-4 * plain.abs().max()


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_half_precision(network, images, method):
    """A bfloat16 network gives finite float32 maps that resemble those in full precision."""
    full = run(network, images, method).maps
    half = run(network.to(torch.bfloat16), images, method).maps
    assert half.dtype == torch.float32
    assert half.isfinite().all()
    for one, other in zip(full, half, strict=True):
        if one.abs().max() > 0:
            assert torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1] > 0.8


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_passes_are_counted(network, images, method):
    """What a method costs is what the network saw."""
    seen = []
    handle = network.first.register_forward_hook(lambda _, args, __: seen.append(len(args[0])))
    with Probe(network) as probe:
        explain(probe, method, images, TARGETS, KEYS, CHEAP.get(method))
    handle.remove()
    assert probe.passes.forward == sum(seen) - (1 if "layers" in METHODS[method].needs else 0)


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_memory_does_not_grow(network, images, method):
    """Nothing is kept after a call, so that two hundred calls take what one takes."""
    small = images[:1, :, :16, :16].contiguous()
    run(network, small, method)
    gc.collect()
    before = tensors_alive()
    for _ in range(200 if method in {"gradient", "grad_cam", "attention_rollout"} else 20):
        result = run(network, small, method)
    kept = weakref.ref(result.maps)
    del result
    gc.collect()
    assert kept() is None
    assert tensors_alive() <= before


def tensors_alive():
    return sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())
