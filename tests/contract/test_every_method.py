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


@pytest.fixture
def network():
    torch.manual_seed(1)
    network = Awkward().train()
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
    result = attribute(network, images, TARGETS, method, keys=KEYS)
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
    first = attribute(network, images, TARGETS, method, seed=3, keys=KEYS).maps
    torch.manual_seed(2)
    before = torch.get_rng_state()
    again = attribute(network, images, TARGETS, method, seed=3, keys=KEYS).maps
    assert torch.equal(first, again)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_independent_of_the_batch(network, images, method):
    """An image's map does not depend on what else is in the batch, on the order, or on the chunk size."""
    whole = attribute(network, images, TARGETS, method, keys=KEYS).maps
    turned = attribute(network, images.flip(0), TARGETS.flip(0), method, keys=KEYS[::-1]).maps.flip(0)
    with Probe(network, batch=2) as probe:
        alone = torch.cat(
            [explain(probe, method, images[i : i + 1], TARGETS[i : i + 1], KEYS[i]).maps for i in range(3)]
        )
    scale = whole.abs().max()
    assert (whole - turned).abs().max() <= 1e-4 * scale
    assert (whole - alone).abs().max() <= 1e-4 * scale


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_the_network_is_left_as_it_was(network, images, method):
    """Hooks are gone; training, requires_grad, .grad, parameters and buffers are as before."""
    before = state(network)
    attribute(network, images, TARGETS, method, keys=KEYS)
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
        attribute(network, images, TARGETS, method, keys=KEYS)
    handle.remove()
    assert state(network) == before


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_under_no_grad(network, images, method):
    """A caller's no_grad changes nothing."""
    plain = attribute(network, images, TARGETS, method, keys=KEYS).maps
    with torch.no_grad():
        inside = attribute(network, images, TARGETS, method, keys=KEYS).maps
    assert torch.equal(plain, inside)


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_channels_last(network, images, method):
    """The memory format of the images changes nothing but rounding."""
    plain = attribute(network, images, TARGETS, method, keys=KEYS).maps
    last = attribute(network, images.contiguous(memory_format=torch.channels_last), TARGETS, method, keys=KEYS).maps
    assert (plain - last).abs().max() <= 1e-4 * plain.abs().max()


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_half_precision(network, images, method):
    """A bfloat16 network gives finite float32 maps that resemble those in full precision."""
    full = attribute(network, images, TARGETS, method, keys=KEYS).maps
    half = attribute(network.to(torch.bfloat16), images, TARGETS, method, keys=KEYS).maps
    assert half.dtype == torch.float32
    assert half.isfinite().all()
    for one, other in zip(full, half, strict=True):
        if one.abs().max() > 0:
            assert torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1] > 0.8


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_passes_are_counted(network, images, method):
    """What a method costs is what the network saw."""
    seen = []
    with Probe(network) as probe:
        handle = network.first.register_forward_hook(lambda _, args, __: seen.append(len(args[0])))
        explain(probe, method, images, TARGETS, KEYS)
        handle.remove()
    assert probe.passes.forward == sum(seen) - (1 if "layers" in METHODS[method].needs else 0)


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_memory_does_not_grow(network, images, method):
    """Nothing is kept after a call, so that two hundred calls take what one takes."""
    small = images[:1, :, :8, :8].contiguous()
    attribute(network, small, TARGETS[:1], method, keys=KEYS[:1])
    gc.collect()
    before = tensors_alive()
    for _ in range(200 if METHODS[method].kind == "positive" else 20):
        result = attribute(network, small, TARGETS[:1], method, keys=KEYS[:1])
    kept = weakref.ref(result.maps)
    del result
    gc.collect()
    assert kept() is None
    assert tensors_alive() <= before


def tensors_alive():
    return sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())
