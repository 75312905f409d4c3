import pytest
import torch
from captum.attr import GuidedBackprop, InputXGradient, Saliency
from hypothesis import given, settings
from hypothesis import strategies as st

from explain_gate.attribution.attribute import attribute
from explain_gate.attribution.base import Probe
from explain_gate.errors import ModelError, OptionError
from explain_gate.vision import torchvision


def test_gradient_of_a_linear_network_is_its_weights(formula):
    """On a linear network the gradient is the weights, of which the largest magnitude over channels is taken."""
    weights = torch.randn(3, 2 * 3 * 3, dtype=torch.float64)
    result = attribute(formula(lambda flat: flat @ weights.T), torch.randn(4, 2, 3, 3), [0, 1, 2, 1], "gradient")
    expected = weights.view(3, 2, 3, 3).abs().amax(1)[[0, 1, 2, 1]]
    assert torch.allclose(result.maps.double(), expected, rtol=1e-6)


def test_gradient_equals_captum(reused, images, targets):
    """The same as Captum's Saliency, with the maximum over the channels."""
    ours = attribute(reused, images, targets, "gradient").maps
    peer = Saliency(reused.eval()).attribute(images.requires_grad_(), target=targets).amax(1)
    assert (ours - peer).norm() / peer.norm() <= 1e-4


def test_gradient_x_input_equals_captum(reused, images, targets):
    """The same as Captum's InputXGradient, summed over the channels."""
    ours = attribute(reused, images, targets, "gradient_x_input").maps
    peer = InputXGradient(reused.eval()).attribute(images.requires_grad_(), target=targets).sum(1)
    assert (ours - peer).norm() / peer.norm() <= 1e-4


@settings(deadline=None, max_examples=15, derandomize=True)
@given(seed=st.integers(0, 1000), factor=st.floats(-4, 4).filter(lambda factor: abs(factor) > 0.1))
def test_linearity(seed, factor):
    """Gradients of a f + g are a times those of f plus those of g."""
    torch.manual_seed(seed)
    one, other = (
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2)).double()
        for _ in range(2)
    )

    class Sum(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = torch.nn.ModuleList([one, other])

        def forward(self, images):
            """The combination of both."""
            return factor * one(images) + other(images)

    images = torch.randn(2, 3, 2, 2)
    both, first, second = (attribute(module, images, [0, 1], "gradient_x_input").maps for module in (Sum(), one, other))
    assert torch.allclose(both, factor * first + second, atol=1e-5)


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("mean", lambda grads: grads.mean(0).abs().amax(0)),
        ("squared", lambda grads: grads.square().mean(0).amax(0)),
        ("variance", lambda grads: grads.var(0, correction=0).amax(0)),
    ],
)
def test_smooth_grad_is_its_definition(reused, images, targets, variant, expected):
    """The mean, mean square and variance of the gradients at the seeded noisy copies."""
    maps = attribute(
        reused, images, targets, "smooth_grad", samples=6, noise=0.2, variant=variant, keys="abcde", seed=4
    ).maps
    with Probe(reused, seed=4) as probe:
        for row, image in enumerate(images):
            noises = [torch.randn(image.shape, generator=probe.generator("abcde"[row], f"noise {i}")) for i in range(6)]
            noisy = image + 0.2 * (image.max() - image.min()) * torch.stack(noises)
            _, grads = probe.gradients(noisy, targets[row].repeat(6))
            assert torch.allclose(maps[row], expected(grads), atol=1e-6)


def test_smooth_grad_of_a_linear_network(formula):
    """Noise does not change the gradient of a linear network: the mean is the gradient, the variance is nothing."""
    network = formula(lambda flat: flat @ torch.arange(12.0, dtype=torch.float64)[:, None])
    images = torch.randn(1, 3, 2, 2)
    plain = attribute(network, images, [0], "gradient").maps
    assert torch.allclose(attribute(network, images, [0], "smooth_grad").maps, plain)
    assert attribute(network, images, [0], "smooth_grad", variant="variance").maps.abs().max() < 1e-4


@pytest.mark.parametrize("name", ["resnet18", "vgg11"])
def test_guided_backprop_equals_captum(name, pictures):
    """The same as Captum's GuidedBackprop where every ReLU is a module of its own."""
    torch.manual_seed(0)
    network = torchvision.models.get_model(name, weights=None, num_classes=10).eval()
    ours = attribute(network, pictures, [0, 1, 2], "guided_backprop").maps
    for module in network.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False
    if name == "resnet18":  # Captum needs each ReLU to be used once
        for block in [block for layer in ("layer1", "layer2", "layer3", "layer4") for block in getattr(network, layer)]:
            block.relu = Once(block.relu)
    peer = GuidedBackprop(network).attribute(pictures, target=torch.tensor([0, 1, 2])).abs().amax(1)
    assert (ours - peer).norm() / peer.norm() <= 1e-4


class Once(torch.nn.Module):
    """Two ReLU modules that are used in turn."""

    def __init__(self, _):
        super().__init__()
        self.modules_in_turn = torch.nn.ModuleList([torch.nn.ReLU(), torch.nn.ReLU()])
        self.turn = 0

    def forward(self, hidden):
        """ReLU, by one module and then the other."""
        self.turn = 1 - self.turn
        return self.modules_in_turn[1 - self.turn](hidden)


@pytest.mark.parametrize(
    "rectify",
    [
        torch.nn.ReLU(),
        torch.nn.ReLU(inplace=True),
        torch.relu,
        torch.nn.functional.relu,
        torch.nn.functional.relu_,
        lambda hidden: hidden.relu(),
        lambda hidden: hidden.relu_(),
        torch.nn.functional.relu6,
    ],
)
def test_every_way_to_write_a_relu_is_guided(rectify):
    """Modules, functions, methods and in-place calls all cut negative gradients."""

    class Network(torch.nn.Module):
        def forward(self, images):
            """Of x - y through a ReLU each: plain gradients are 1 and -1, guided ones 1 and 0."""
            hidden = rectify(images * 1)
            return (hidden[:, 0] - hidden[:, 1]).flatten(1).sum(1, keepdim=True)

    images = torch.rand(1, 2, 2, 2)
    images[:, 0] = -1  # dead
    assert attribute(Network(), images, [0], "guided_backprop").maps.abs().sum() == 0
    assert attribute(Network(), images.abs(), [0], "guided_backprop").maps.min() == 1


def test_guided_backprop_without_relus_is_refused(smooth, images, targets):
    """A network without ReLUs is an error, not the plain gradient under another name."""
    with pytest.raises(ModelError, match="needs a network with ReLUs"):
        attribute(smooth, images, targets, "guided_backprop")


@pytest.mark.parametrize(
    "options", [{"samples": 0}, {"samples": 1, "variant": "variance"}, {"noise": 0}, {"variant": "median"}]
)
def test_options_out_of_range(reused, images, targets, options):
    """Options that cannot be used are refused."""
    with pytest.raises(OptionError, match="must be"):
        attribute(reused, images, targets, "smooth_grad", **options)
