"""The demo's model: a small convolutional network whose last feature map still shows where it looks."""

from __future__ import annotations

from torch import nn

WIDTHS = (16, 32, 48, 48)


def build(classes: int = 5) -> nn.Module:
    """A stem, three blocks, global average pooling and one linear layer; random weights of torch's current seed.

    Shapes: input (N, 3, 80, 80), normalised; last feature map (N, 48, 10, 10); logits (N, classes). Other sizes from
    32 pixels work too: the feature map is an eighth of the input.

    Args:
        classes: Number of logits, at least 2.
    """
    stem, *blocks = WIDTHS
    layers = [_block(3, stem, stride=2)]
    layers += [
        nn.Sequential(_block(before, after, stride=stride), _block(after, after, stride=1))
        for before, after, stride in zip(WIDTHS, blocks, (2, 2, 1), strict=False)
    ]
    return nn.Sequential(nn.Sequential(*layers), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(WIDTHS[-1], classes))


def _block(before: int, after: int, *, stride: int) -> nn.Sequential:
    # In-place ReLUs as in torchvision's models, so that the demo walks the same road as a user's network.
    convolution = nn.Conv2d(before, after, kernel_size=3, stride=stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True))
