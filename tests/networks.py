"""Networks trained by no one: one with all that a state dict may hold, whose logits tell its weights, and odd ones."""

from __future__ import annotations

import torch
from torch import nn


class Net(nn.Module):
    """A convolution, a batch norm with its counter, a tied layer, and a buffer that is not saved."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.mix = nn.Linear(4, 4, bias=False)
        self.again = nn.Linear(4, 4, bias=False)
        self.again.weight = self.mix.weight
        self.head = nn.Linear(4, classes)
        self.register_buffer("order", torch.arange(4), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes)."""
        seen = self.stem(images).relu().mean((2, 3))[:, self.order]
        return self.head(self.again(self.mix(seen)))


class Wrapped(nn.Module):
    """Another module around the network, as a source may build it."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Net()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes)."""
        return self.net(images)


def trained(seed: int = 1, classes: int = 3) -> Net:
    """A network whose every tensor is its own, as after training."""
    draw = torch.Generator().manual_seed(seed)
    net = Net(classes)
    with torch.no_grad():
        for value in net.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape, generator=draw) + 0.1)
    return net.eval()


def logits(module: nn.Module) -> torch.Tensor:
    """What a module says of two fixed pictures."""
    pictures = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return module.eval()(pictures.to(next(module.parameters()).dtype))


def under(prefix, state):
    """A state whose every name begins with a prefix."""
    return {f"{prefix}{name}": value for name, value in state.items()}


def without(part, state):
    """A state without the names that hold a part."""
    return {name: value for name, value in state.items() if part not in name}


class WritesThroughViews(nn.Module):
    """Changes half of a feature map in place through a view, which boxes do not share."""

    def forward(self, images):
        """Means by channel, the first channel's doubled."""
        hidden = nn.functional.relu(images)
        hidden[:, :1].mul_(2)
        return hidden.mean((2, 3))
