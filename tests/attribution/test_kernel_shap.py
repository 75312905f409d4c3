import itertools

import pytest
import torch
from captum.attr import ShapleyValues
from hypothesis import given, settings
from hypothesis import strategies as st

from explain_gate.attribution.attribute import attribute
from explain_gate.attribution.kernel_shap import _grid, _superpixels
from explain_gate.errors import OptionError


def exact(function, image, label):
    """Shapley values of the regions by their definition: the mean over all orders of what a region adds."""
    parts = int(label.max()) + 1
    values = torch.zeros(parts, dtype=torch.float64)
    orders = list(itertools.permutations(range(parts)))
    for order in orders:
        shown = torch.zeros_like(image)
        before = function(shown[None])
        for part in order:
            shown = torch.where(label == part, image, shown)
            after = function(shown[None])
            values[part] += float(after - before) / len(orders)
            before = after
    return values


@settings(deadline=None, max_examples=10, derandomize=True)
@given(seed=st.integers(0, 1000))
def test_few_parts_give_exact_shapley_values(seed):
    """Where all coalitions fit into the samples, the values are Shapley's, by definition and by Captum."""
    torch.manual_seed(seed)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    network = network.double()
    images = torch.randn(1, 3, 4, 4, dtype=torch.float64)
    maps = attribute(network, images, [1], "kernel_shap", parts=4, samples=14).maps
    label = _grid(images[0], 4)
    with torch.no_grad():
        values = exact(lambda image: network(image)[0, 1], images[0], label)
    assert torch.allclose(maps[0].double(), values[label] / 4, atol=1e-6)
    peer = ShapleyValues(network).attribute(images, target=1, feature_mask=label.repeat(1, 3, 1, 1))
    assert torch.allclose(maps, peer[:, 0].float() / 4, atol=1e-6)


def test_linear_networks(formula):
    """On a linear network each region gets the sum of w (x - x'), however few coalitions are drawn."""
    weights = torch.randn(3 * 49, dtype=torch.float64)
    images = torch.randn(2, 3, 7, 7)
    network = formula(lambda flat: (flat @ weights)[:, None])
    maps = attribute(network, images, [0, 0], "kernel_shap", samples=128).maps
    assert torch.allclose(maps.double(), (weights.view(3, 7, 7) * images).sum(1), atol=1e-4)


def test_symmetry_and_sensitivity(formula):
    """Regions that play the same part get the same value, and those that play none get nothing."""
    network = formula(lambda flat: (flat[:, :1] * flat[:, 1:2]) + flat[:, :1] + flat[:, 1:2])
    maps = attribute(network, torch.full((1, 1, 2, 2), 2.0), [0], "kernel_shap", parts=4, samples=14).maps[0]
    assert torch.allclose(maps, torch.tensor([[4.0, 4.0], [0.0, 0.0]]), atol=1e-6)


def test_the_map_adds_up(reused, images, targets):
    """The map sums to the change of the score, also with drawn coalitions and superpixels."""
    for segments in ("grid", "superpixels"):
        maps = attribute(reused, images, targets, "kernel_shap", segments=segments, parts=16, samples=64).maps
        reused.eval()
        with torch.no_grad():
            change = (reused(images) - reused(torch.zeros_like(images))).gather(1, targets[:, None])[:, 0]
        assert torch.allclose(maps.sum((1, 2)), change, atol=1e-4)


def test_drawn_coalitions_come_close(reused, images, targets):
    """Drawn coalitions approach the exact values as there are more of them."""
    wanted = attribute(reused, images, targets, "kernel_shap", parts=9, samples=510).maps
    few, many = (attribute(reused, images, targets, "kernel_shap", parts=9, samples=n).maps for n in (40, 400))
    assert (many - wanted).norm() < (few - wanted).norm()
    assert (many - wanted).norm() / wanted.norm() < 0.2


def test_superpixels_follow_colour():
    """Two halves of different colour are not mixed in one superpixel."""
    image = torch.zeros(3, 32, 32)
    image[:, :, 17:] = 4
    label = _superpixels(image, 16)
    assert label.max() + 1 >= 8
    left, right = set(label[:, :15].flatten().tolist()), set(label[:, 20:].flatten().tolist())
    assert not left & right


@pytest.mark.parametrize("options", [{"segments": "slices"}, {"parts": 1}, {"parts": 49, "samples": 50}])
def test_options_out_of_range(reused, images, targets, options):
    """Options that cannot be used are refused."""
    with pytest.raises(OptionError, match="must be"):
        attribute(reused, images, targets, "kernel_shap", **options)
