import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from pytorch_grad_cam import GradCAM, GradCAMPlusPlus, LayerCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch.nn.functional import interpolate

from explain_gate.attribution.attribute import attribute
from explain_gate.errors import ModelError
from explain_gate.vision import torchvision


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(0)
    return torchvision.models.resnet18(weights=None).eval()


def scaled(maps):
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low)


def test_grad_cam_of_a_known_network():
    """With weights c_k on the mean of feature map k, the gradients' means are c_k / places: Grad-CAM is known."""
    body = torch.nn.Conv2d(2, 3, 1, bias=False)
    head = torch.nn.Linear(3, 2, bias=False)
    network = torch.nn.Sequential(body, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), head)
    images = torch.randn(2, 2, 4, 4)
    result = attribute(network, images, [0, 1], "grad_cam")
    expected = torch.einsum("nk,nkhw->nhw", head.weight[[0, 1]], body(images)).relu() / 16
    assert torch.allclose(result.maps, expected, atol=1e-6)
    assert result.kind == "positive"


def test_grad_cam_equals_captum(resnet, pictures):
    """The same as Captum's LayerGradCam with its ReLU, upsampled bilinearly."""
    targets = torch.tensor([1, 5, 9])
    ours = attribute(resnet, pictures, targets, "grad_cam").maps
    coarse = LayerGradCam(resnet, resnet.layer4).attribute(pictures, target=targets, relu_attributions=True)
    peer = interpolate(coarse, size=(64, 64), mode="bilinear")[:, 0]
    assert (ours - peer).norm() / peer.norm() <= 1e-4


@pytest.mark.parametrize("layer", ["layer4", "layer3"])
@pytest.mark.parametrize(("method", "peer"), [("grad_cam", GradCAM), ("layer_cam", LayerCAM)])
def test_cams_equal_pytorch_grad_cam(resnet, pictures, method, peer, layer):
    """The same as pytorch-grad-cam, which scales every map to 0..1."""
    targets = [1, 5, 9]
    ours = attribute(resnet, pictures, targets, method, layer=layer).maps
    with peer(resnet, [resnet.get_submodule(layer)]) as cam:
        theirs = torch.from_numpy(cam(pictures, [ClassifierOutputTarget(target) for target in targets]))
    assert (scaled(ours) - theirs).norm() / theirs.norm() <= 1e-4


def test_grad_cam_plus_plus_equals_pytorch_grad_cam_where_its_epsilon_does_not_matter(resnet, pictures):
    """The peer adds 1e-6 to squared gradients; with scores a million times larger that has no weight any more.

    Our weights do not depend on the scale of the score, and so are right for the plain network too.
    """
    plain = attribute(resnet, pictures, [1, 5, 9], "grad_cam_plus_plus").maps
    loud = torch.nn.Sequential(resnet, Scale(1e6)).eval()
    ours = attribute(loud, pictures, [1, 5, 9], "grad_cam_plus_plus", target_layer="0.layer4").maps
    with GradCAMPlusPlus(loud, [resnet.layer4]) as cam:
        theirs = torch.from_numpy(cam(pictures, [ClassifierOutputTarget(target) for target in (1, 5, 9)]))
    assert (scaled(ours) - theirs).norm() / theirs.norm() <= 1e-4
    assert plain.isfinite().all()
    assert (plain.amax((1, 2)) > 0).all()


class Scale(torch.nn.Module):
    """Scores times a number."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, scores):
        """Larger scores."""
        return scores * self.factor


def test_grad_cam_plus_plus_of_a_known_network():
    """Equations 10 and 19 on one feature map per class: w = sum relu(G) / (2 + sum(A) G)."""
    network = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(8, 1, bias=False)).double()
    images = torch.rand(1, 2, 2, 2, dtype=torch.float64)
    grads = network[2].weight.view(1, 2, 2, 2)
    result = attribute(network, images, [0], "grad_cam_plus_plus", target_layer="0").maps
    sums = images.sum((2, 3), keepdim=True)
    alphas = grads**2 / (2 * grads**2 + sums * grads**3)
    weights = (alphas * grads.relu()).sum((2, 3), keepdim=True)
    assert torch.allclose(result.double(), (weights * images).sum(1).relu(), atol=1e-6)


@pytest.mark.parametrize(("channels", "side"), [(3, 6), (40, 4)])
def test_eigen_cam_is_the_first_singular_component(channels, side):
    """The projection on the first right singular vector, for more places than channels and the reverse."""
    network = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(channels * side**2, 2)).double()
    images = torch.randn(2, channels, side, side, dtype=torch.float64)
    result = attribute(network, images, [0, 1], "eigen_cam", target_layer="0").maps
    for image, shown in zip(images, result, strict=True):
        flat = image.relu().flatten(1).T.numpy()
        _, _, right = np.linalg.svd(flat, full_matrices=False)
        expected = flat @ right[0]
        expected *= np.sign(expected.sum())
        assert np.allclose(shown.flatten().numpy(), expected.clip(min=0), atol=1e-5)


@pytest.mark.parametrize("method", ["grad_cam", "grad_cam_plus_plus", "layer_cam", "eigen_cam", "score_cam"])
def test_cams_on_transformers(vit, swin, pictures, method):
    """CAM methods find the token grid of a ViT and of a Swin by themselves."""
    for network in (vit, swin):
        maps = attribute(network, pictures, [0, 1, 2], method).maps
        assert maps.shape == (3, 64, 64)
        assert (maps.amax((1, 2)) > 0).any()


def test_grad_cam_on_a_vit_equals_pytorch_grad_cam(vit, pictures):
    """The same as pytorch-grad-cam with a hand-written reshape_transform."""
    with GradCAM(
        vit,
        [vit.encoder.layers[-1].ln_1],
        reshape_transform=lambda tokens: tokens[:, 1:].unflatten(1, (4, 4)).permute(0, 3, 1, 2),
    ) as cam:
        theirs = torch.from_numpy(cam(pictures, [ClassifierOutputTarget(target) for target in (0, 1, 2)]))
    ours = attribute(vit, pictures, [0, 1, 2], "grad_cam").maps
    assert (scaled(ours) - theirs).norm() / theirs.norm() <= 1e-4


def test_several_layers_count_alike(resnet, pictures):
    """Of several layers each map is scaled to a maximum of 1, and their mean taken."""
    one, other, both = (
        attribute(resnet, pictures, [1, 5, 9], "grad_cam", layer=layers).maps
        for layers in ("layer3", "layer4", ["layer3", "layer4"])
    )
    expected = (one / one.amax((1, 2), keepdim=True) + other / other.amax((1, 2), keepdim=True)) / 2
    assert torch.allclose(both, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["vgg11", "densenet121", "mobilenet_v2"])
def test_in_place_layers_behind_the_target_do_no_harm(name):
    """VGG, DenseNet and MobileNet change activations in place behind the layer; the map is still Captum's."""
    torch.manual_seed(0)
    network = torchvision.models.get_model(name, weights=None).eval()
    pictures = torch.randn(2, 3, 64, 64)
    layer = {"vgg11": "features.18", "densenet121": "features.denseblock4", "mobilenet_v2": "features.17"}[name]
    ours = attribute(network, pictures, [3, 4], "grad_cam", target_layer=layer).maps
    for module in network.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    coarse = LayerGradCam(network, network.get_submodule(layer)).attribute(
        pictures, target=torch.tensor([3, 4]), relu_attributions=True
    )
    peer = interpolate(coarse, size=(64, 64), mode="bilinear")[:, 0]
    assert (ours - peer).norm() / peer.norm() <= 1e-4


def test_a_layer_without_places_is_an_error(resnet, pictures):
    """A layer that puts out a vector is refused with the key to change."""
    with pytest.raises(ModelError, match="target layer fc must put out a feature map"):
        attribute(resnet, pictures, [0, 1, 2], "grad_cam", target_layer="fc")
