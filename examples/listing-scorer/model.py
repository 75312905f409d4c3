"""The scorer: a small convolutional network with one output, a score from 0 to 100."""

import itertools

from torch import Tensor, nn


class Scorer(nn.Module):
    """Shapes: pictures (N, 3, 64, 64), scores (N, 1)."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 16, 24, 32)
        self.features = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(a, b, 3, 2 if n < 2 else 1, 1), nn.BatchNorm2d(b), nn.ReLU())
                for n, (a, b) in enumerate(itertools.pairwise(widths))
            )
        )
        self.head = nn.Linear(widths[-1], 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Scores of pictures."""
        return 50 + 30 * self.head(self.features(pictures).mean((2, 3)))


def build() -> nn.Module:
    """A scorer with random weights."""
    return Scorer()
