"""What a box reaches is computed alone, and the result is that of whole images: for every layer, or not used at all."""

import hypothesis
import pytest
import torch
from hypothesis import strategies as st
from networks import WritesThroughViews
from torch import nn
from torch.nn import functional

from explain_gate.attribution.attribute import attribute
from explain_gate.attribution.local import LocalTensor, whole

SIDE = 24


class Residual(nn.Module):
    """A block beside its input, added in place or out of place, or put beside it as channels."""

    def __init__(self, join):
        super().__init__()
        self.join = join
        self.inside = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, groups=2), nn.ReLU(inplace=True))
        self.narrow = nn.Conv2d(8, 4, 1)

    def forward(self, maps):
        """As the join says."""
        changed = self.inside(maps)
        if self.join == "cat":
            return self.narrow(torch.cat([maps, changed], 1))
        if self.join == "add_":
            changed += maps
            return changed
        return maps * changed if self.join == "mul" else maps - changed


LAYERS = {
    "conv": lambda: nn.Conv2d(4, 4, 3, padding=1),
    "even conv": lambda: nn.Conv2d(4, 4, (2, 4), padding=(1, 2)),
    "strided conv": lambda: nn.Conv2d(4, 4, 3, stride=2, padding=1),
    "wide conv": lambda: nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4),
    "skipping conv": lambda: nn.Conv2d(4, 4, 1, stride=2),
    "same conv": lambda: nn.Conv2d(4, 4, 5, padding="same"),
    "reflecting conv": lambda: nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
    "max pool": lambda: nn.MaxPool2d(3, 2, 1),
    "max pool of rest": lambda: nn.MaxPool2d(2, ceil_mode=True),
    "average pool": lambda: nn.AvgPool2d(2),
    "average pool with edge": lambda: nn.AvgPool2d(3, 1, 1),
    "average pool without edge": lambda: nn.AvgPool2d(3, 1, 1, count_include_pad=False),
    "norm": lambda: nn.BatchNorm2d(4),
    "group norm": lambda: nn.GroupNorm(2, 4),
    "relu": lambda: nn.ReLU(inplace=True),
    "swish": nn.Hardswish,
    "gelu": nn.GELU,
    "dropout": nn.Dropout,
    "upsample": lambda: nn.Upsample(scale_factor=1.5, mode="bilinear"),
    **{join: lambda join=join: Residual(join) for join in ("add_", "sub", "mul", "cat")},
}


@hypothesis.settings(max_examples=80, deadline=None, derandomize=True)
@hypothesis.given(
    names=st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=5),
    places=st.lists(st.tuples(st.integers(0, SIDE - 5), st.integers(0, SIDE - 3)), min_size=1, max_size=4),
    seed=st.integers(0, 99),
)
def test_equals_whole_images(names, places, seed):
    """Any layers in any order, boxes anywhere: the versions' feature maps are those of the versions as whole images."""
    torch.manual_seed(seed)
    network = nn.Sequential(*(LAYERS[name]() for name in names)).double().eval()
    base = torch.randn(1, 4, SIDE, SIDE, dtype=torch.float64)
    patch = torch.randn(len(places), 4, 5, 3, dtype=torch.float64)
    top, left = torch.tensor(places).T
    with torch.no_grad():
        expected = network(ordinary(base, patch, places))
        found = whole(network(LocalTensor(base.clone(), patch, top, left)))
    assert torch.allclose(found, expected, atol=1e-12)


def ordinary(base, patch, places):
    """The versions, made the plain way."""
    images = base.repeat(len(patch), 1, 1, 1)
    for image, pixels, (top, left) in zip(images, patch, places, strict=True):
        image[:, top : top + patch.shape[2], left : left + patch.shape[3]] = pixels
    return images


def test_computes_little():
    """Two convolutions spread a change of 3 x 3 pixels to 7 x 7; no more of the map is computed for each version."""
    network = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.ReLU(), nn.Conv2d(1, 1, 3, padding=1)).eval()
    place = torch.tensor([0, 10, 20])
    with torch.no_grad():
        found = network(LocalTensor(torch.zeros(1, 1, 32, 32), torch.ones(3, 1, 3, 3), place, place))
    assert found.patch.shape == (3, 1, 7, 7)
    assert found.shape == (3, 1, 32, 32)


class ReadsPositions(nn.Module):
    """Uses the positions that pooling found, which are not there for boxes."""

    def forward(self, images):
        """Unpooled pixels, summed by quarters."""
        pooled, at = functional.max_pool2d(images, 2, return_indices=True)
        return functional.adaptive_avg_pool2d(functional.max_unpool2d(pooled, at, 2), 2).flatten(1)


class AsksForNumbers(nn.Module):
    """Leaves torch."""

    def forward(self, images):
        """Means by channel."""
        return torch.from_numpy(images.numpy().mean((2, 3)))


class ChangesItsInput(nn.Module):
    """Normalises in place, as some do."""

    def forward(self, images):
        """Means by channel."""
        return functional.relu_(images).sub_(0.5).mean((2, 3)) * torch.tensor([1.0, 2.0, 3.0], device=images.device)


class MixesEverything(nn.Module):
    """Scales every place by something that depends on all."""

    def forward(self, images):
        """Gated means."""
        return (images * images.mean((2, 3), keepdim=True).sigmoid()).square().mean((2, 3))


class LooksAtValues(nn.Module):
    """Takes another way for bright images."""

    def forward(self, images):
        """Means or maxima."""
        return images.amax((2, 3)) if images.mean() > 0 else images.mean((2, 3))


@pytest.mark.parametrize(
    "kind", [ReadsPositions, WritesThroughViews, AsksForNumbers, ChangesItsInput, MixesEverything, LooksAtValues]
)
def test_any_module(kind):
    """Whatever a module does, occlusion is the loss of its own score."""
    images = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(4))
    module = kind()
    module.weight = nn.Parameter(torch.zeros(1))  # its precision
    maps = attribute(module, images, [0, 2], "occlusion", window=4, stride=4).maps
    for row, target in enumerate([0, 2]):
        whole_score = module(images[row : row + 1].clone())[0, target]
        for top in range(0, 12, 4):
            for left in range(0, 12, 4):
                covered = images[row : row + 1].clone()
                covered[:, :, top : top + 4, left : left + 4] = 0
                loss = whole_score - module(covered)[0, target]
                assert maps[row, top, left].item() == pytest.approx(loss.item(), abs=1e-5)


class LeavesTorchForSome(nn.Module):
    """Only bright images take the way that boxes cannot go."""

    def forward(self, images):
        """Means by channel."""
        return AsksForNumbers()(images) if images.mean() > 0 else images.mean((2, 3))


def test_each_image_is_looked_at_by_itself():
    """That the first image can be passed in boxes says nothing of the second."""
    images = torch.stack([torch.full((3, 8, 8), -1.0), torch.full((3, 8, 8), 1.0)])
    module = LeavesTorchForSome()
    module.weight = nn.Parameter(torch.zeros(1))  # its precision
    together = attribute(module, images, [0, 0], "occlusion", window=4, stride=4).maps
    assert torch.allclose(together, torch.tensor([-0.25, 0.25])[:, None, None].expand(2, 8, 8))


def test_a_small_memory_budget(reused, images, targets):
    """Few versions at a time give the same maps."""
    expected = attribute(reused, images, targets, "occlusion").maps
    maps = attribute(reused, images, targets, "occlusion", memory_budget=40_000).maps
    assert torch.allclose(maps, expected, atol=1e-6)
