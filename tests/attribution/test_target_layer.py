import pytest
import torch

import explain_gate as eg
from explain_gate.attribution.target_layer import find_target_layers
from explain_gate.errors import ModelError
from explain_gate.vision import torchvision

IMAGE = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("resnet18", "layer4"),
        ("mobilenet_v2", "features"),
        ("mobilenet_v3_small", "features"),
        ("efficientnet_b0", "features"),
        ("densenet121", "features"),
        ("vgg11", "features.19"),
        ("convnext_tiny", "features"),
        ("squeezenet1_1", "classifier.2"),
        ("shufflenet_v2_x0_5", "conv5"),
    ],
)
def test_the_last_feature_map_is_found(name, layer):
    """Each architecture's last feature map before pooling is found, by its outermost name."""
    assert find_target_layers(torchvision.models.get_model(name, weights=None), IMAGE) == (layer,)


def test_the_module_is_left_as_it_was(reused):
    """Finding the layer leaves no hook, and the training flags as they were."""
    assert find_target_layers(reused, IMAGE) == ("relu",)
    assert all(module.training for module in reused.modules())
    assert not any(module._forward_hooks for module in reused.modules())


def test_without_a_feature_map_the_error_says_what_to_write():
    """A module without feature maps names the key in thresholds.yaml and what layers there are."""
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 64 * 64, 2))
    with pytest.raises(ModelError, match=r"model\.target_layer: NAME"):
        find_target_layers(module, IMAGE)


def test_vision_transformers(vit, swin):
    """In a ViT the last layer whose patches still count is the first norm of the last block; Swin ends in its norm."""
    assert find_target_layers(vit, IMAGE) == ("encoder.layers.encoder_layer_1.ln_1",)
    assert find_target_layers(swin, IMAGE) == ("permute",)


def test_layers_the_score_ignores_are_passed_over():
    """A branch that runs last but does not reach the score is not looked at."""

    class WithUnusedBranch(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = torch.nn.Conv2d(3, 4, 3)
            self.unused = torch.nn.Conv2d(4, 4, 3)

        def forward(self, images):
            """Scores from the body alone."""
            features = self.body(images)
            self.unused(features)
            return features.mean((2, 3))

    assert find_target_layers(WithUnusedBranch(), IMAGE) == ("body",)


class _NoKernel(torch.autograd.Function):
    """As a quantised layer: the output says that it has gradients, and there are none."""

    @staticmethod
    def forward(_, values):
        """The same values."""
        return values.clone()

    @staticmethod
    def backward(_, *__):
        """Nothing comes back."""


def test_behind_a_layer_without_gradients_the_last_map_is_taken():
    """Methods without gradients can use it; the others say why they cannot."""

    class Quantised(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = torch.nn.Conv2d(3, 4, 3)

        def forward(self, images):
            """Scores that no gradient leaves."""
            return _NoKernel.apply(self.body(images).mean((2, 3)))

    assert find_target_layers(Quantised(), IMAGE) == ("body",)
    eg.attribute(Quantised(), IMAGE, [0], method="score_cam")
    for method in ("grad_cam", "gradient"):
        with pytest.raises(ModelError, match=r"no gradient to .*quantised.*score_cam"):
            eg.attribute(Quantised(), IMAGE, [0], method=method)


def test_a_target_function_is_asked_for_the_class_that_is_explained():
    """The search asks the model as everybody else does: through the target function, with the image's own class."""
    asked = []

    class Named(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = torch.nn.Conv2d(3, 4, 3, padding=1)

        def forward(self, images):
            return {"scores": self.body(images).mean((2, 3))}

    def chosen(output, targets):
        asked.extend(targets.tolist())
        return output["scores"].gather(1, targets[:, None])[:, 0]

    assert find_target_layers(Named(), IMAGE, torch.tensor([3]), target=chosen) == ("body",)
    assert asked == [3]
