"""Our numbers against those of Quantus, where its definition is sound, and against the closed form where it is not.

Left out, because nothing there can be compared (the closed forms are in the family's own test file): pixel flipping and
its area (ranks colour values instead of pixels, leaves out the whole image, does not divide by the number of steps),
ROAD (fails on RGB), completeness (asks floats to be equal), MPRT's mean (counts the untouched model).
"""

from __future__ import annotations

import itertools
import os
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from explain_gate.metrics import alignment, complexity, faithfulness, randomization, stability
from explain_gate.metrics.correlation import pearson, spearman

SIDE = 12


@pytest.fixture(scope="module")
def quantus() -> Any:
    """The package; imported late, since it takes a second. A missing one is a failure in CI, a skip elsewhere."""
    if os.environ.get("CI"):
        import quantus as found

        return found
    return pytest.importorskip("quantus", reason="quantus is missing: pip install --no-deps quantus, and scikit-image")


def test_pointing_game_without_ties(quantus: Any) -> None:
    """One strongest pixel: a hit is a hit."""
    maps, regions = _maps(64), _regions(64)
    found = alignment.pointing_game(maps, regions)
    assert 0 < found.mean() < 1
    assert found.tolist() == _ask(quantus.PointingGame, maps, regions)


def test_pointing_game_with_ties() -> None:
    """Of k equal peaks j inside give j / k. Not Quantus: any one of them counts as a hit, so a flat map always hits."""
    region = torch.zeros(1, 4, 4, dtype=torch.bool)
    region[0, 0, :3] = True
    flat = torch.ones(1, 4, 4)
    assert alignment.pointing_game(flat, region).item() == 3 / 16
    two = torch.zeros(1, 4, 4)
    two[0, 0, 0] = two[0, 3, 3] = 2
    assert alignment.pointing_game(two, region).item() == 1 / 2


def test_relevance_mass_of_positive_maps(quantus: Any) -> None:
    """Where no relevance is negative both are the share inside."""
    maps, regions = _maps(64), _regions(64)
    found = alignment.relevance_mass(maps, regions)
    assert found.tolist() == pytest.approx(_ask(quantus.RelevanceMassAccuracy, maps, regions), abs=1e-6)


def test_relevance_mass_of_signed_maps() -> None:
    """The positive part counts: 3 of 4. Not Quantus: signed sums divide 2 by 0 here, and may leave [0, 1]."""
    signed = torch.tensor([[[3.0, -1.0], [1.0, -3.0]]])
    region = torch.tensor([[[True, True], [False, False]]])
    assert alignment.relevance_mass(signed.clamp_min(0), region).item() == 0.75


def test_relevance_rank_without_ties(quantus: Any) -> None:
    """All values different: the K strongest are the same pixels."""
    maps, regions = _maps(64), _regions(64)
    found = alignment.relevance_rank(maps, regions)
    assert found.tolist() == pytest.approx(_ask(quantus.RelevanceRankAccuracy, maps, regions))


def test_relevance_rank_shares_ties(quantus: Any) -> None:
    """With ties ours is the mean of Quantus' over every order of the pixels; one order alone favours the upper left."""
    values = np.array([5, 1, 1, 1, 1, 0], dtype=float)
    inside = np.array([True, True, False, True, False, False])
    orders = np.array(list(itertools.permutations(range(6))))
    maps, regions = (torch.from_numpy(one[orders].reshape(-1, 2, 3)) for one in (values, inside))
    theirs = _ask(quantus.RelevanceRankAccuracy, maps, regions)
    assert len(set(theirs)) > 1
    ours = alignment.relevance_rank(maps, regions)
    assert ours.tolist() == pytest.approx([float(np.mean(theirs))] * len(orders))


def test_gini_is_its_sparseness(quantus: Any) -> None:
    """The same coefficient, of signed maps too; it adds a ten-millionth to every value."""
    maps = torch.randn(32, SIDE, SIDE, generator=torch.Generator().manual_seed(3))
    theirs = _ask(quantus.Sparseness, maps, abs=True)
    assert complexity.gini(maps).tolist() == pytest.approx(theirs, abs=1e-5)


def test_entropy_is_its_complexity_over_the_most_there_can_be(quantus: Any) -> None:
    """Its entropy is in nats and grows with the size of the map; ours times log M is that."""
    for side in (4, SIDE):
        maps = torch.randn(32, side, side, generator=torch.Generator().manual_seed(4))
        theirs = _ask(quantus.Complexity, maps, abs=True)
        assert (complexity.entropy(maps) * np.log(side * side)).tolist() == pytest.approx(theirs, abs=1e-6)


def test_spearman_is_its_similarity(quantus: Any) -> None:
    """Rank correlation with shared ranks for ties, image by image."""
    generator = torch.Generator().manual_seed(5)
    first, second = (torch.randint(0, 9, (8, SIDE, SIDE), generator=generator).double() for _ in range(2))
    second += 0.5 * first
    theirs = quantus.similarity_func.correlation_spearman(
        first.flatten(1).numpy(), second.flatten(1).numpy(), batched=True
    )
    assert spearman(first, second).tolist() == pytest.approx(theirs.tolist(), abs=1e-9)


def test_complexity_rise_is_its_efficient_mprt(quantus: Any, fake_batch: Any) -> None:
    """Rise of the entropy of a hundred bins over each map's own range, as its function counts it."""
    before = _maps(6)
    after = _maps(6, seed=9).square()
    batch = fake_batch(pixels=torch.zeros(6, 1, SIDE, SIDE), maps=before, randomized=[after])
    counted = quantus.complexity_func.discrete_entropy
    old, new = ([counted(one.numpy(), None) for one in maps] for maps in (before, after))
    expected = [(late - early) / early for early, late in zip(old, new, strict=True)]
    assert randomization.complexity_rise(batch).tolist() == pytest.approx(expected, abs=1e-3)


def test_max_sensitivity_reaches_the_same_limit(quantus: Any, fake_batch: Any) -> None:
    """The map is one pixel's value, 1: over many draws both reach the radius, from below.

    With Quantus told our radius and number of draws; its defaults are 0.2 and 200, so its numbers as they come are not
    ours.
    """
    radius, draws = 0.02, 300
    pixels = torch.ones(3, 1, SIDE, SIDE)
    batch = fake_batch(pixels=pixels, method=lambda images, _: _first_pixel(images))
    np.random.seed(0)  # noqa: NPY002 - it draws from numpy's global state
    metric = quantus.MaxSensitivity(nr_samples=draws, lower_bound=radius, disable_warnings=True)
    theirs = metric(
        model=_Linear(),
        x_batch=pixels.numpy(),
        y_batch=np.zeros(3, dtype=int),
        a_batch=None,
        explain_func=_explained,
    )
    ours = stability.max_sensitivity(batch, radius=radius, draws=draws).tolist()
    assert list(theirs) == pytest.approx([radius] * 3, rel=0.05)
    assert ours == pytest.approx([radius] * 3, rel=0.05)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_sensitivity_n_of_a_linear_model(seed: int, fake_batch: Any) -> None:
    """Over random sets of one size, relevance r and contribution c add up cell by cell, so the value is Pearson(r, c).

    Not Quantus: it removes pixels one after the other, compares what all of them cost with the relevance of the last,
    and correlates over the images of its first batch: exact attributions of a linear model get 0.3 there, not 1.
    """
    generator = torch.Generator().manual_seed(seed)
    cells = 6
    weights, relevance = (torch.randn(2, cells, cells, generator=generator) for _ in range(2))
    relevance = relevance + weights
    size = cells * 2
    wide = F.interpolate(weights[:, None], size=(size, size), mode="nearest")
    batch = fake_batch(
        pixels=torch.ones(2, 1, size, size),
        maps=F.interpolate(relevance[:, None], size=(size, size), mode="nearest")[:, 0],
        scores=lambda pixels: (pixels * wide).flatten(1).sum(dim=1, keepdim=True),
    )
    found = faithfulness.sensitivity_n(batch, share=0.3, draws=3000, grid=cells)
    expected = pearson(relevance.flatten(1).double(), weights.flatten(1).double())
    assert found.tolist() == pytest.approx(expected.tolist(), abs=0.04)


class _Linear(torch.nn.Module):
    """What Quantus asks to be given; nothing here depends on it."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)[:, :2]


def _ask(metric: Any, maps: torch.Tensor, regions: torch.Tensor | None = None, **options: Any) -> list[float]:
    """What Quantus says of maps (N, H, W), as they are."""
    asked = metric(normalise=False, disable_warnings=True, **options)
    inside = None if regions is None else regions[:, None].numpy()
    images = np.zeros((len(maps), 1, *maps.shape[1:]), dtype=np.float32)
    labels = np.zeros(len(maps), dtype=int)
    # It writes into the maps that it is given.
    given = maps[:, None].double().numpy().copy()
    return [float(v) for v in asked(model=_Linear(), x_batch=images, y_batch=labels, a_batch=given, s_batch=inside)]


def _maps(count: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(count, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def _regions(count: int) -> torch.Tensor:
    """Rectangles of every size, none empty."""
    regions = torch.zeros(count, SIDE, SIDE, dtype=torch.bool)
    corners = torch.randint(1, SIDE, (count, 2), generator=torch.Generator().manual_seed(2))
    for region, (down, right) in zip(regions, corners.tolist(), strict=True):
        region[:down, :right] = True
    return regions


def _explained(model: Any, inputs: np.ndarray, targets: Any, **_: Any) -> np.ndarray:
    """The same maps in the form that Quantus asks for."""
    return _first_pixel(torch.as_tensor(inputs))[:, None].numpy()


def _first_pixel(images: torch.Tensor) -> torch.Tensor:
    """Maps (N, H, W) that show one pixel's value."""
    maps = torch.zeros(len(images), SIDE, SIDE)
    maps[:, 0, 0] = images.reshape(len(images), -1)[:, 0].float()
    return maps
