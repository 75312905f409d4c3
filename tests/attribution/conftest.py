"""Small networks with known behaviour."""

import pytest
import torch

from explain_gate.vision import torchvision  # before the peers import torchvision by themselves

swin_transformer = torchvision.models.swin_transformer
vision_transformer = torchvision.models.vision_transformer


class ReusedInplace(torch.nn.Module):
    """What breaks other libraries: one in-place ReLU used everywhere, functional calls, dropout, batch norm."""

    def __init__(self, classes=4):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(8)
        self.second = torch.nn.Conv2d(8, 12, 3, stride=2, padding=1)
        self.relu = torch.nn.ReLU(inplace=True)
        self.dropout = torch.nn.Dropout(0.5)
        self.head = torch.nn.Linear(12, classes)

    def forward(self, images):
        """Class scores."""
        hidden = self.relu(self.norm(self.first(images)))
        hidden = self.relu(self.second(hidden))
        hidden = torch.nn.functional.relu_(hidden - 0.05)
        hidden = torch.nn.functional.adaptive_avg_pool2d(hidden, 1).flatten(1)
        return self.head(self.dropout(hidden))


@pytest.fixture
def reused():
    torch.manual_seed(3)
    network = ReusedInplace()
    network.norm.running_mean.normal_(generator=torch.Generator().manual_seed(1))
    return network


@pytest.fixture
def images():
    return torch.randn(5, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def targets():
    return torch.tensor([0, 1, 2, 3, 0])


class Formula(torch.nn.Module):
    """A network given by a function of the flattened image, in float64, whose attributions are known."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.register_buffer("precision", torch.zeros(1, dtype=torch.float64))

    def forward(self, images):
        """What the function says."""
        return self.function(images.flatten(1))


@pytest.fixture
def formula():
    return Formula


@pytest.fixture
def smooth():
    """A small convolutional network without kinks, in float64."""
    torch.manual_seed(5)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 6, 3, padding=1),
        torch.nn.Tanh(),
        torch.nn.Conv2d(6, 8, 3, stride=2, padding=1),
        torch.nn.Softplus(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(8, 4),
    ).double()


@pytest.fixture
def vit():
    """Torchvision's ViT, small: 64 x 64 pixels in 4 x 4 patches, a class token, two blocks."""
    torch.manual_seed(0)
    network = vision_transformer.VisionTransformer(64, 16, 2, 2, 16, 32, num_classes=5)
    torch.nn.init.normal_(network.heads.head.weight)
    return network.eval()


@pytest.fixture
def swin():
    """Torchvision's Swin, small: a 16 x 16 grid attended in windows, merged to 8 x 8."""
    torch.manual_seed(0)
    return swin_transformer.SwinTransformer([4, 4], 16, [1, 1], [2, 2], [4, 4], num_classes=5).eval()


@pytest.fixture
def pictures():
    return torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(2))
