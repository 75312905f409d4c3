"""The assessor: a small convolutional network with one logit a label."""

import itertools

from torch import Tensor, nn


class Assessor(nn.Module):
    """Shapes: pictures (N, 3, 64, 64), logits (N, 2)."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 16, 24, 32)
        self.features = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(a, b, 3, 2 if n < 2 else 1, 1), nn.BatchNorm2d(b), nn.ReLU())
                for n, (a, b) in enumerate(itertools.pairwise(widths))
            )
        )
        self.head = nn.Linear(widths[-1], 2)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits of pictures."""
        return self.head(self.features(pictures).amax((2, 3)))


def build() -> nn.Module:
    """An assessor with random weights."""
    return Assessor()
