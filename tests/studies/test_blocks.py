"""Parts of a network: which there are, and exchanging what they put out."""

import pytest
import torch
from torch import nn

from explain_gate.attribution.base import Probe
from explain_gate.errors import ModelError
from explain_gate.studies.blocks import (
    MOST,
    channel_axis,
    channels_of,
    exchanged,
    find_blocks,
    places_of,
    read,
    without_channels,
)


def parts(module, size=32):
    """Names of the parts, and the head."""
    with Probe(module.eval(), fold_norms=False) as probe:
        blocks, head = find_blocks(probe, torch.zeros(1, 3, size, size), torch.zeros(1, dtype=torch.int64))
    return [block.name for block in blocks], head


def test_containers_are_opened_and_their_blocks_are_not():
    """A ResNet's blocks, in order, and its last layer."""
    from torchvision.models import resnet18

    names, head = parts(resnet18())
    assert names[0] == "conv1"
    assert names[4:6] == ["layer1.0", "layer1.1"]
    assert (names[-1], head) == ("fc", "fc")
    assert len(names) <= MOST


def test_what_is_called_twice_is_no_part():
    """Its output would be that of either call."""

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.mix, self.head = nn.Conv2d(3, 3, 1), nn.Linear(3, 2)

        def forward(self, x):
            return self.head(self.mix(self.mix(x)).mean((2, 3)))

    assert parts(Twice()) == (["head"], "head")


def test_a_network_without_parts_is_told():
    """There is nothing to exchange."""

    class Alone(nn.Module):
        def forward(self, x):
            return x.mean((2, 3))

    with pytest.raises(ModelError, match="it calls no submodules"):
        parts(Alone())


def test_what_was_read_is_safe_from_operations_in_place_and_can_be_put_back():
    """A chain that gets all of a part's output forgets what it was given."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.LazyLinear(2)).eval()
    one, other = torch.randn(2, 2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = net(one)
        with read(net, ("0",), "3") as (outputs, features):
            net(one)
        assert bool((outputs["0"] < 0).any())
        assert features[0].shape == (2, 4 * 36)
        with exchanged(net, "0", outputs["0"], None):
            assert torch.equal(net(other), wanted)
        assert not torch.equal(net(other), wanted)


@pytest.mark.parametrize(
    ("shape", "inside"), [((5, 4, 4), (1, 1, 4, 4)), ((4, 4, 50), (1, 4, 4, 1)), ((17, 5), (1, 17, 1))]
)
def test_places_in_every_layout(shape, inside):
    """Convolutional, channels last, and tokens whose first belongs to no place."""
    region = torch.zeros(1, 16, 16, dtype=torch.bool)
    region[:, :8] = True
    on, beside = places_of(region, shape)
    assert on.shape == inside
    assert int(on.sum()) == int(beside.sum()) == 8
    assert places_of(region, (5,)) is None


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((7, 4, 4), 1), ((4, 4, 7), 3), ((17, 7), 2), ((7,), 1), ((7, 1, 1), 1), ((3, 2, 4, 4), None)],
)
def test_channels_in_every_layout(shape, axis):
    """Convolutional, channels last, tokens, vectors, pooled; of what has one axis more nobody knows."""
    assert channel_axis(shape, (16, 16)) == axis
    if axis is not None:
        output = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
        means = channels_of(output, axis)
        assert means.shape == (2, 7)
        assert torch.allclose(means[:, 3], output.select(axis, 3).reshape(2, -1).mean(dim=1))


def test_a_channel_becomes_its_mean_everywhere():
    """The others are as they were, and so is the network behind it."""
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten()).eval()
    image, means = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(0)), torch.arange(4.0)
    with torch.no_grad():
        before = net(image).view(2, 4, 25)
        with without_channels(net, "0", 1, (1, 3), means):
            after = net(image).view(2, 4, 25)
        assert torch.equal(net(image).view(2, 4, 25), before)
    assert torch.equal(after[:, (0, 2)], before[:, (0, 2)])
    assert torch.equal(after[:, (1, 3)], torch.tensor([1.0, 3.0])[None, :, None].expand(2, 2, 25))
