import pytest
import torch

from explain_gate.attribution.feature_maps import as_feature_map, token_grid
from explain_gate.errors import ModelError


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((2, 5, 7, 7), (224, 224), (2, 5, 7, 7)),
        ((2, 7, 7, 5), (224, 224), (2, 5, 7, 7)),
        ((2, 7, 7, 7), (224, 224), (2, 7, 7, 7)),
        ((2, 7, 10, 5), (224, 320), (2, 5, 7, 10)),
        ((2, 5, 8, 11), (250, 333), (2, 5, 8, 11)),
        ((2, 197, 5), (224, 224), (2, 5, 14, 14)),
        ((2, 196, 5), (224, 224), (2, 5, 14, 14)),
        ((2, 261, 5), (224, 224), (2, 5, 16, 16)),
        ((2, 141, 5), (160, 224), (2, 5, 10, 14)),
    ],
)
def test_layouts(shape, size, expected):
    """Channels first, channels last and tokens with or without class and register tokens are told apart."""
    assert as_feature_map(torch.zeros(shape), size, "layer").shape == expected


def test_tokens_keep_their_places():
    """Prefix tokens are left out, and the grid is read row by row."""
    grid = torch.arange(6.0).view(1, 1, 2, 3)
    tokens = torch.cat([torch.full((1, 1, 1), 99.0), grid.flatten(2).mT], dim=1)
    assert torch.equal(as_feature_map(tokens, (32, 48), "layer"), grid)


@pytest.mark.parametrize("shape", [(2, 5), (2, 5, 1, 1), (2, 50, 7)])
def test_outputs_without_places(shape):
    """A vector, a pooled map and a sequence that is no grid are refused with what came."""
    with pytest.raises(ModelError, match="target layer head must put out a feature map"):
        as_feature_map(torch.zeros(shape), (224, 210), "head")


def test_no_grid():
    """A sequence longer than any patch grid can explain has none."""
    assert token_grid(150, (224, 224)) is None
