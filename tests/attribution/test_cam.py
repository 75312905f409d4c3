import pytest
import torch
from captum.attr import LayerGradCam
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch.nn.functional import interpolate

from explain_gate.attribution.attribute import attribute
from explain_gate.errors import ModelError
from explain_gate.vision import torchvision


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(0)
    return torchvision.models.resnet18(weights=None).eval()


@pytest.fixture(scope="module")
def pictures():
    return torch.randn(3, 3, 96, 96, generator=torch.Generator().manual_seed(2))


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
    peer = interpolate(coarse, size=(96, 96), mode="bilinear")[:, 0]
    assert (ours - peer).norm() / peer.norm() <= 1e-4


@pytest.mark.parametrize("layers", [["layer4"], ["layer3"]])
def test_grad_cam_equals_pytorch_grad_cam(resnet, pictures, layers):
    """The same as pytorch-grad-cam, which scales every map to 0..1."""
    targets = [1, 5, 9]
    ours = attribute(resnet, pictures, targets, "grad_cam", layer=layers).maps
    with GradCAM(resnet, [resnet.get_submodule(name) for name in layers]) as cam:
        peer = torch.from_numpy(cam(pictures, [ClassifierOutputTarget(target) for target in targets]))
    assert (scaled(ours) - peer).norm() / peer.norm() <= 1e-4


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
