"""Randomization metrics on maps whose correlation is known."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from explain_gate.errors import NotMeasurable
from explain_gate.metrics import randomization

RAMP = torch.arange(64.0).view(1, 8, 8)


def _batch(fake_batch: Any, **given: Any) -> Any:
    return fake_batch(pixels=torch.zeros(1, 3, 8, 8), maps=RAMP, **given)


def test_a_map_that_survives_has_correlation_1(fake_batch: Any) -> None:
    """The same map after re-initialisation, whatever its scale."""
    assert randomization.correlation(_batch(fake_batch, randomized=[3 * RAMP + 1])).item() == pytest.approx(1)


def test_a_flat_map_has_nothing_in_common(fake_batch: Any) -> None:
    """A re-initialised model that gives a flat map: 0, not NaN; the mean is over seeds."""
    flat = torch.zeros_like(RAMP)
    assert randomization.correlation(_batch(fake_batch, randomized=[flat])).item() == 0
    assert randomization.correlation(_batch(fake_batch, randomized=[flat, RAMP]), seeds=2).item() == pytest.approx(0.5)


def test_excess_is_over_pairs_of_other_images(fake_batch: Any) -> None:
    """Correlation 1 where random pairs of maps have 0.3: 0.7 too much."""
    batch = _batch(fake_batch, randomized=[RAMP], pair=0.3)
    assert randomization.excess_correlation(batch).item() == pytest.approx(0.7)


def test_a_cascade_is_the_mean_of_its_steps(fake_batch: Any) -> None:
    """Steps of 1, 0 and -1 give 0; the map of the trained model is not among them; every step is noted."""
    steps = [("head", RAMP), ("middle", torch.zeros_like(RAMP)), ("stem", -RAMP)]
    batch = _batch(fake_batch, steps=steps)
    assert randomization.cascade(batch, steps=3).item() == pytest.approx(0)
    assert {name: round(values.item(), 6) for name, values in batch.notes.items()} == {
        "1 head": 1.0,
        "2 middle": 0.0,
        "3 stem": -1.0,
    }


def test_complexity_rises_by_hand(fake_batch: Any) -> None:
    """Two equally full bins before, four after: log 4 / log 2 - 1 = 1; a flat map afterwards gives -1."""
    two = torch.tensor([[[0.0, 0.0], [1.0, 1.0]]])
    four = torch.tensor([[[0.0, 1.0], [2.0, 3.0]]])
    batch = fake_batch(pixels=torch.zeros(1, 3, 2, 2), maps=two, randomized=[four])
    assert randomization.complexity_rise(batch, bins=4).item() == pytest.approx(1)
    batch = fake_batch(pixels=torch.zeros(1, 3, 2, 2), maps=two, randomized=[torch.zeros_like(two)])
    assert randomization.complexity_rise(batch).item() == -1


def test_a_map_of_one_bin_has_no_entropy_to_rise(fake_batch: Any) -> None:
    """A flat map is unmeasured."""
    batch = fake_batch(pixels=torch.zeros(1, 3, 2, 2), maps=torch.ones(1, 2, 2), randomized=[torch.rand(1, 2, 2)])
    with pytest.raises(NotMeasurable, match="entropy is 0"):
        randomization.complexity_rise(batch)


def test_labels_compare_with_the_given_checkpoint(fake_batch: Any) -> None:
    """The opposite map gives -1; without a checkpoint the parameter is named."""
    batch = _batch(fake_batch, versions={"permuted.pt": -RAMP})
    assert randomization.labels(batch, checkpoint="permuted.pt").item() == pytest.approx(-1)
    with pytest.raises(ValueError, match="checkpoint must name"):
        randomization.labels(batch)


@pytest.mark.parametrize("function", ["correlation", "cascade", "complexity_rise"])
def test_at_least_one_seed(fake_batch: Any, function: str) -> None:
    """No seeds are no measurement."""
    with pytest.raises(ValueError, match="seeds must be at least 1"):
        getattr(randomization, function)(_batch(fake_batch), seeds=0)
