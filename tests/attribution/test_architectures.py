"""Methods on the architectures that teams ship; small variants and small images where the architecture allows."""

import copy

import pytest
import torch

from explain_gate.attribution import METHODS
from explain_gate.attribution.attribute import attribute
from explain_gate.errors import ModelError
from explain_gate.vision import torchvision

NAMES = [
    "resnet18",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "efficientnet_b0",
    "densenet121",
    "vgg11_bn",
    "convnext_tiny",
    "vit",
    "swin",
]
CHEAP = {
    "gradient": {},
    "gradient_x_input": {},
    "smooth_grad": {"samples": 2},
    "integrated_gradients": {"max_steps": 9},
    "expected_gradients": {"samples": 2},
    "grad_cam": {},
    "grad_cam_plus_plus": {},
    "layer_cam": {},
    "eigen_cam": {},
    "occlusion": {"window": 32},
    "rise": {"masks": 4},
    "kernel_shap": {"parts": 4, "samples": 14},
}
TARGETS = [1, 4]


@pytest.fixture(scope="module", params=NAMES)
def network(request):
    torch.manual_seed(0)
    if request.param == "vit":
        vit = torchvision.models.vision_transformer.VisionTransformer(64, 16, 2, 2, 16, 32, num_classes=5)
        torch.nn.init.normal_(vit.heads.head.weight)  # it starts at zero
        return vit.train()
    if request.param == "swin":
        return torchvision.models.swin_transformer.SwinTransformer([4, 4], 16, [1, 1], [2, 2], [4, 4], num_classes=5)
    if request.param == "vgg11_bn":
        vgg = torchvision.models.vgg11_bn(weights=None, init_weights=False)
        vgg.classifier = torch.nn.Linear(512 * 7 * 7, 5)  # the original is 100 million weights of waiting
        return vgg.train()
    return torchvision.models.get_model(request.param, weights=None, num_classes=5).train()


def test_every_method(network, pictures):
    """All methods give finite maps, in train mode with dropout and in-place layers, and CAMs find their layer."""
    before = [module.training for module in network.modules()]
    for method, options in CHEAP.items():
        maps = attribute(network, pictures[:2], TARGETS, method, **options).maps
        assert maps.shape == (2, 64, 64), method
        assert maps.isfinite().all(), method
        assert maps.abs().max() > 0 or METHODS[method].kind == "positive", method  # a CAM may be cut to nothing
    assert before == [module.training for module in network.modules()]


def test_gradients_are_those_of_the_module(network, pictures):
    """Chunks, frozen parameters, folding and channels-last change nothing (in float64, where no ReLU flips)."""
    network = copy.deepcopy(network).double()
    ours = attribute(network, pictures[:2], TARGETS, "gradient_x_input").maps
    network.eval()
    images = pictures[:2].double().requires_grad_()
    (grads,) = torch.autograd.grad(network(images)[[0, 1], TARGETS].sum(), images)
    expected = (grads * images).sum(1).detach().float()
    assert (ours - expected).norm() / expected.norm() <= 1e-6


def test_a_segmentation_model(pictures):
    """With a target function a segmenter is explained: here by the mean score of a class over the picture."""
    torch.manual_seed(0)
    network = torchvision.models.segmentation.lraspp_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=3
    )
    with pytest.raises(ModelError, match=r"got a tensor of shape \(\d+, 3, 64, 64\)"):
        attribute(network, pictures, [0, 1, 2], "gradient")

    def mean_score(output):
        return output["out"].mean((2, 3))

    for method, options in CHEAP.items():
        maps = attribute(network, pictures[:2], [0, 2], method, target=mean_score, **options).maps
        assert maps.isfinite().all(), method
        assert maps.abs().max() > 0 or METHODS[method].kind == "positive", method
    result = attribute(network, pictures[:1], [2], target=mean_score, tolerance=0.05)
    assert result.details["completeness_error"].item() <= 0.05


def test_a_target_may_ask_where(pictures):
    """A target of (output, targets) gives one score per image: the class's score in the upper left quarter."""

    def quarter(output, targets):
        return output["out"][torch.arange(len(targets)), targets, :32, :32].mean((1, 2))

    torch.manual_seed(0)
    network = torchvision.models.segmentation.lraspp_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=3
    )
    maps = attribute(network, pictures, [0, 1, 2], "grad_cam", target=quarter, target_layer="backbone.16").maps
    assert maps.shape == (3, 64, 64)


@pytest.fixture(scope="module", params=["any batch size", "batches of two"])
def exported(request, tmp_path_factory):
    torch.manual_seed(0)
    network = torchvision.models.resnet18(weights=None, num_classes=5).double().eval()
    dynamic = ({0: torch.export.Dim.DYNAMIC},) if request.param == "any batch size" else None
    file = tmp_path_factory.mktemp("exported") / "model.pt2"
    torch.export.save(torch.export.export(network, (torch.randn(2, 3, 64, 64).double(),), dynamic_shapes=dynamic), file)
    return torch.export.load(file).module(), network


@pytest.mark.parametrize(
    "method", ["gradient", "integrated_gradients", "guided_backprop", "occlusion", "rise", "kernel_shap", "smooth_grad"]
)
def test_exported_programs(exported, pictures, method):
    """A .pt2 gives what the module gives, for methods that need only the input, whatever batch it was exported for."""
    program, network = exported
    options = CHEAP.get(method, {})
    ours = attribute(program, pictures, [0, 1, 2], method, **options).maps
    expected = attribute(network, pictures, [0, 1, 2], method, **options).maps
    assert (ours - expected).norm() / expected.norm() <= 1e-6


@pytest.mark.parametrize(
    ("method", "told"), [("grad_cam", "calls no submodules"), ("score_cam", "calls no submodules")]
)
def test_exported_programs_have_no_layers(exported, pictures, method, told):
    """Methods that need layers say so, and what to use instead."""
    with pytest.raises(ModelError, match="calls no submodules"):
        attribute(exported[0], pictures, [0, 1, 2], method)


def test_timm_models(pictures):
    """CAM and attention methods on timm's networks and transformers, class and register tokens included."""
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    for name, options in {
        "resnet10t": {},
        "vit_tiny_patch16_224": {"img_size": 64, "depth": 2},
        "vit_tiny_patch16_224.reg": {"img_size": 64, "depth": 2, "reg_tokens": 4},
        "swin_tiny_patch4_window7_224": {"img_size": 64, "window_size": 4, "depths": (1, 1), "num_heads": (2, 2)},
    }.items():
        network = timm.create_model(name.partition(".")[0], pretrained=False, num_classes=5, **options)
        methods = ["gradient", "grad_cam", "layer_cam", "eigen_cam"]
        if name.startswith("vit"):
            methods += ["attention_rollout", "gradient_attention"]
        for method in methods:
            maps = attribute(network, pictures, [0, 1, 2], method).maps
            assert maps.shape == (3, 64, 64), (name, method)
            assert maps.isfinite().all(), (name, method)
