import pytest
import torch

from explain_gate.attribution.attribute import attribute, explain
from explain_gate.attribution.base import Probe
from explain_gate.errors import OptionError


def test_linear_networks(formula):
    """On a linear network the map is w (x - mean of the drawn references), so its sum is f(x) - mean f(x')."""
    weights = torch.randn(12, dtype=torch.float64)
    images = torch.randn(1, 3, 2, 2)
    references = torch.randn(2, 3, 2, 2)
    network = formula(lambda flat: (flat @ weights)[:, None])
    maps = attribute(network, images, [0], "expected_gradients", references=references, samples=400).maps
    shares = [(weights.view(3, 2, 2) * (images[0] - reference)).sum(0) for reference in references.double()]
    # The draw decides how often each reference came up; the map lies between the two on one line.
    share = (maps[0].double() - shares[1]) / (shares[0] - shares[1])
    assert share.std() < 1e-4
    assert 0.4 < share.mean() < 0.6


def test_one_reference_is_integrated_gradients(smooth, images, targets):
    """With one reference the expectation is Integrated Gradients from it."""
    reference = torch.zeros(1, 3, 16, 16)
    expected = attribute(smooth, images, targets, tolerance=1e-6, max_steps=2000).maps
    maps = attribute(smooth, images, targets, "expected_gradients", references=reference, samples=300).maps
    assert (maps - expected).norm() / expected.norm() <= 1e-3


def test_the_sum_estimates_the_change_of_the_score(reused, images, targets):
    """The map adds up to f(x) - E f(x') within the noise of the draws."""
    maps = attribute(reused, images, targets, "expected_gradients", samples=300).maps
    with Probe(reused) as probe:
        noise = torch.randn(300, 3, 16, 16, generator=torch.Generator().manual_seed(1))
        for row, target in enumerate(targets):
            empty = probe.scores(noise, target.repeat(300))
            change = probe.scores(images[row : row + 1], target[None])[0] - empty.mean()
            assert (maps[row].sum() - change).abs() < 6 * empty.std() / 300**0.5 + 0.02


def test_references_that_are_image_files(formula, images, targets):
    """A path is read by the probe, which knows the preprocessing; without it that is an error."""
    network = formula(lambda flat: flat.sum(1, keepdim=True).repeat(1, 4))
    with Probe(network, read_images=lambda _: torch.ones(1, 3, 16, 16)) as probe:
        maps = explain(probe, "expected_gradients", images, targets, "abcde", {"references": "typical/"}).maps
    assert torch.allclose(maps, (images - 1).sum(1), atol=1e-5)
    with pytest.raises(OptionError, match="need the preprocessing of a gate"):
        attribute(network, images, targets, "expected_gradients", references="typical/")


@pytest.mark.parametrize("options", [{"samples": 0}, {"references": "cats"}, {"references": torch.zeros(2, 3, 8, 8)}])
def test_options_out_of_range(reused, images, targets, options):
    """Options that cannot be used are refused."""
    with pytest.raises(OptionError, match="must be"):
        attribute(reused, images, targets, "expected_gradients", **options)
