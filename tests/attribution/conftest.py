"""Small networks with known behaviour, and one torch thread so that numbers do not depend on the machine."""

import pytest
import torch

import explain_gate.vision  # noqa: F401  # before the peers import torchvision by themselves


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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
