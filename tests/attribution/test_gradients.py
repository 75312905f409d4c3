import torch
from captum.attr import Saliency

from explain_gate.attribution.attribute import attribute


def test_gradient_of_a_linear_network_is_its_weights(formula):
    """On a linear network the gradient is the weights, of which the largest magnitude over channels is taken."""
    weights = torch.randn(3, 2 * 3 * 3, dtype=torch.float64)
    result = attribute(formula(lambda flat: flat @ weights.T), torch.randn(4, 2, 3, 3), [0, 1, 2, 1], "gradient")
    expected = weights.view(3, 2, 3, 3).abs().amax(1)[[0, 1, 2, 1]]
    assert torch.allclose(result.maps.double(), expected, rtol=1e-6)
    assert result.kind == "magnitude"


def test_gradient_equals_captum(reused, images, targets):
    """The same as Captum's Saliency, with the maximum over the channels."""
    ours = attribute(reused, images, targets, "gradient").maps
    peer = Saliency(reused.eval()).attribute(images.requires_grad_(), target=targets).amax(1)
    assert (ours - peer).norm() / peer.norm() <= 1e-4
