import pytest
import torch

from explain_gate.attribution.base import Probe
from explain_gate.attribution.fold import fold
from explain_gate.vision import torchvision


def trained(network):
    """Give batch norms statistics as training would."""
    draw = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=draw)
            module.running_var.uniform_(0.5, 2, generator=draw)
            module.weight.data.uniform_(0.5, 1.5, generator=draw)
            module.bias.data.normal_(0, 0.1, generator=draw)
    return network.eval()


@pytest.mark.parametrize(
    ("name", "pairs"), [("resnet18", 20), ("mobilenet_v2", 52), ("densenet121", 59), ("efficientnet_b0", 49)]
)
def test_scores_and_gradients_stay(name, pairs, pictures):
    """Folding changes nothing but rounding (in float64, where no ReLU flips), and leaves the module itself alone."""
    torch.manual_seed(0)
    network = trained(torchvision.models.get_model(name, weights=None)).double()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    folded = fold(network)
    assert len(folded.convolutions) == pairs
    results = []
    for fold_norms in (False, True):
        with Probe(network, fold_norms=fold_norms) as probe:
            results.append(probe.gradients(pictures, torch.tensor([1, 2, 3])))
    for plain, quick in zip(*results, strict=True):
        assert (plain - quick).norm() / plain.norm() <= 1e-9
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert sum(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules()) >= pairs


def test_other_tensors_are_shared():
    """The copy holds new tensors for folded convolutions only."""
    network = trained(torchvision.models.resnet18(weights=None))
    own = {id(parameter) for parameter in network.parameters()}
    new = [name for name, parameter in fold(network).module.named_parameters() if id(parameter) not in own]
    assert len(new) == 40
    assert not any(name.startswith("fc") for name in new)


class Pair(torch.nn.Module):
    """A convolution and a batch norm, with something in the way of folding them."""

    def __init__(self, way):
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 4, 3)
        self.norm = torch.nn.BatchNorm2d(4)
        self.way = way

    def forward(self, images):
        """Scores."""
        return self.way(self, images).mean((2, 3))


def also_seen(network, images):
    hidden = network.convolution(images)
    return network.norm(hidden) + hidden


def used_twice(network, images):
    return network.norm(network.convolution(images)) + network.convolution(images * 2)


def depends_on_data(network, images):
    hidden = network.convolution(images)
    return network.norm(hidden) if images.sum() > 0 else hidden


def plain(network, images):
    return network.norm(network.convolution(images))


@pytest.mark.parametrize("way", [also_seen, used_twice, depends_on_data])
def test_what_cannot_be_proved_is_not_folded(way, pictures):
    """A convolution that something else sees, that is used twice, or that data decides about, is left as it is."""
    network = trained(Pair(way))
    folded = fold(network)
    assert not folded.convolutions
    assert torch.equal(folded.module(pictures), network(pictures))
    assert len(fold(trained(Pair(plain))).convolutions) == 1


def test_hooked_layers_are_not_folded():
    """A user's hook on the pair sees what it saw before."""
    network = trained(Pair(plain))
    network.norm.register_forward_hook(lambda *_: None)
    assert not fold(network).convolutions


def test_a_folded_convolution_can_be_looked_at(pictures):
    """A target layer that was folded shows its own output, before the batch norm."""
    network = trained(Pair(plain))
    seen = []
    with Probe(network) as probe:
        probe.activations_of(
            pictures, torch.tensor([0, 1, 2]), ["convolution"], lambda _, __, activations: seen.extend(activations)
        )
    assert torch.allclose(torch.cat(seen), network.convolution(pictures), atol=1e-6)


def test_changed_weights_are_noticed(pictures):
    """Weights that change inside the block change the scores."""
    network = trained(Pair(plain))
    targets = torch.tensor([0, 1, 2])
    with Probe(network) as probe:
        probe.scores(pictures, targets)
        with torch.no_grad():
            network.convolution.weight.mul_(2)
        changed = probe.scores(pictures, targets)
    assert torch.allclose(changed, network(pictures).gather(1, targets[:, None])[:, 0], atol=1e-5)
