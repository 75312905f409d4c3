import pytest
import torch

from explain_gate.attribution.attribute import attribute
from explain_gate.attribution.base import Probe
from explain_gate.attribution.rise import _mask
from explain_gate.errors import OptionError


def test_it_is_its_definition(reused, images, targets):
    """The probability of each masked image, averaged with the masks as weights."""
    maps = attribute(reused, images, targets, "rise", masks=30, grid=4).maps
    with Probe(reused) as probe:
        masks = torch.stack([_mask(probe, number, (16, 16), 4, 0.5) for number in range(30)])
        for row, target in enumerate(targets):
            chances = probe.logits(images[row] * masks[:, None]).softmax(1)[:, target]
            expected = (chances[:, None, None] * masks).sum(0) / masks.sum(0)
            assert torch.allclose(maps[row], expected, atol=1e-5)


def test_masks_are_shifted_one_by_one():
    """Masks lie in 0..1, are half visible on average, and each has its own shift."""
    probe = Probe(torch.nn.Flatten())
    masks = torch.stack([_mask(probe, number, (32, 48), 4, 0.5) for number in range(200)])
    assert masks.shape == (200, 32, 48)
    assert masks.min() >= 0
    assert masks.max() <= 1
    assert abs(masks.mean() - 0.5) < 0.02
    assert masks.mean(0).std() < 0.06


def test_it_finds_the_pixels_that_count(formula):
    """Where only one corner decides, the map peaks there."""
    network = formula(
        lambda flat: torch.stack([flat.view(-1, 3, 16, 16)[:, :, :4, :4].sum((1, 2, 3)), flat[:, 0] * 0], 1)
    )
    maps = attribute(network, torch.ones(1, 3, 16, 16), [0], "rise", masks=400, grid=4).maps
    place = int(maps[0].argmax())
    assert place // 16 < 6
    assert place % 16 < 6


def test_one_score_per_image(formula):
    """Without classes there is no probability: scores above the smallest one are averaged, so nothing is negative."""
    network = formula(lambda flat: -flat.sum(1, keepdim=True))
    maps = attribute(network, torch.ones(1, 3, 16, 16), [0], "rise", masks=50).maps
    assert maps.min() >= 0


@pytest.mark.parametrize("options", [{"masks": 0}, {"grid": 1}, {"visible": 1.0}])
def test_options_out_of_range(reused, images, targets, options):
    """Options that cannot be used are refused."""
    with pytest.raises(OptionError, match="masks must be"):
        attribute(reused, images, targets, "rise", **options)
