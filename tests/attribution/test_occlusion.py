import pytest
import torch
from captum.attr import Occlusion

from explain_gate.attribution.attribute import attribute
from explain_gate.errors import OptionError


def test_linear_networks(formula):
    """With windows that do not overlap, each pixel gets the sum of w (x - x') over its window."""
    weights = torch.randn(48, dtype=torch.float64)
    images = torch.randn(2, 3, 4, 4)
    network = formula(lambda flat: (flat @ weights)[:, None])
    maps = attribute(network, images, [0, 0], "occlusion", window=2, stride=2).maps
    shares = (weights.view(3, 4, 4) * images).sum(1)
    expected = torch.nn.functional.avg_pool2d(shares, 2) * 4
    assert torch.allclose(maps.double(), expected.repeat_interleave(2, 1).repeat_interleave(2, 2), atol=1e-5)


@pytest.mark.parametrize(("window", "stride"), [(5, 5), (6, 3), (7, 4), (16, 16), (1, 1)])
def test_equals_captum(reused, images, targets, window, stride):
    """The same as Captum's Occlusion, also where windows do not divide the image."""
    ours = attribute(reused, images, targets, "occlusion", window=window, stride=stride).maps
    peer = Occlusion(reused.eval()).attribute(
        images, (3, window, window), (3, stride, stride), target=targets, perturbations_per_eval=4
    )[:, 0]
    assert (ours - peer).norm() / peer.norm() <= 1e-4


def test_default_window(reused, images, targets):
    """A seventh of the shorter side, half overlapping."""
    plain = attribute(reused, images, targets, "occlusion").maps
    assert torch.equal(plain, attribute(reused, images, targets, "occlusion", window=2, stride=1).maps)


def test_sensitivity(formula):
    """Pixels the score does not depend on get exactly nothing (sensitivity)."""
    network = formula(lambda flat: flat[:, :1].square())
    maps = attribute(network, torch.ones(1, 1, 4, 4), [0], "occlusion", window=1).maps
    assert maps[0, 0, 0] == 1
    assert maps.abs().sum() == 1


@pytest.mark.parametrize("options", [{"window": 17}, {"window": 0}, {"stride": 0}, {"window": 3, "stride": 4}])
def test_options_out_of_range(reused, images, targets, options):
    """Windows that leave gaps or the image are refused."""
    with pytest.raises(OptionError, match="window must be in"):
        attribute(reused, images, targets, "occlusion", **options)
