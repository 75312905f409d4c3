"""The reader: a small convolutional network of one channel with one logit, above 0 for a nodule."""

import itertools

from torch import Tensor, nn


class Reader(nn.Module):
    """Shapes: radiographs (N, 1, 64, 64), logits (N, 1)."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 16, 24, 32)
        self.features = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(a, b, 3, 2 if n < 2 else 1, 1), nn.BatchNorm2d(b), nn.ReLU())
                for n, (a, b) in enumerate(itertools.pairwise(widths))
            )
        )
        self.head = nn.Linear(widths[-1], 1)

    def forward(self, radiographs: Tensor) -> Tensor:
        """Logits of radiographs."""
        return self.head(self.features(radiographs).amax((2, 3)))


def build() -> nn.Module:
    """A reader with random weights."""
    return Reader()
