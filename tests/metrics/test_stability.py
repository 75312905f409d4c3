"""Stability of methods that are or are not stable."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from explain_gate.errors import NotMeasurable
from explain_gate.metrics import stability


def _blobs() -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(40.0), torch.arange(40.0), indexing="ij")
    blob = torch.exp(-((rows - 18) ** 2 + (columns - 22) ** 2) / 120)
    return blob.expand(2, 3, 40, 40).clone()


def _steady(pixels: torch.Tensor) -> torch.Tensor:
    return torch.tensor([[1.0, 0.0]]).expand(len(pixels), 2)


def test_a_map_without_relevance_that_has_none_again_is_the_same_map(fake_batch: Any) -> None:
    """Zeros rank nothing; they are stable where they come again, and not where something else does."""
    for again, value in ((torch.zeros(2, 40, 40), 1), (_blobs()[:, 0], 0)):
        batch = fake_batch(pixels=_blobs(), maps=torch.zeros(2, 40, 40), scores=_steady)
        batch.explain_again = lambda again=again: again
        assert stability.rerun_correlation(batch).tolist() == [value, value]


def test_a_map_that_moves_with_the_image_is_stable(fake_batch: Any) -> None:
    """A method that shows the image itself, warped back after every change, stays nearly the same."""
    pixels = _blobs()
    batch = fake_batch(pixels=pixels, maps=pixels[:, 0], scores=_steady)
    assert stability.augmentation_correlation(batch).min().item() > 0.97


def test_a_map_that_does_not_follow_is_not(fake_batch: Any) -> None:
    """A method that draws a new map each time has correlation near 0."""
    generator = torch.Generator().manual_seed(0)
    batch = fake_batch(
        pixels=_blobs(),
        maps=torch.rand(2, 40, 40, generator=generator),
        scores=_steady,
        method=lambda pixels, _: torch.rand(len(pixels), 40, 40, generator=generator),
    )
    assert stability.augmentation_correlation(batch).abs().max().item() < 0.1


def test_changes_that_flip_the_prediction_do_not_count(fake_batch: Any) -> None:
    """Where every change flips it, the image is unmeasured."""
    pixels = _blobs()

    def flips(images: torch.Tensor) -> torch.Tensor:
        same = torch.tensor([float(torch.equal(image, own)) for image, own in zip(images, pixels, strict=True)])
        return torch.stack([same, 1 - same], dim=1)

    with pytest.raises(NotMeasurable, match="no slight change"):
        stability.augmentation_correlation(fake_batch(pixels=pixels, maps=pixels[:, 0], scores=flips))


def test_max_sensitivity_of_the_image_itself(fake_batch: Any) -> None:
    """For the map m(x) = x the change is the noise: below radius over the map's root mean square, above half of it."""
    pixels = torch.full((1, 3, 20, 20), 2.0)
    value = stability.max_sensitivity(fake_batch(pixels=pixels), radius=0.1, draws=5).item()
    assert 0.5 * 0.1 / 2 < value < 0.1 / 2
    assert stability.max_sensitivity(fake_batch(pixels=pixels), radius=0.0).item() == 0


def test_max_sensitivity_does_not_depend_on_scale(fake_batch: Any) -> None:
    """A method that multiplies its maps by a number is as sensitive as before."""
    pixels = torch.rand(2, 3, 10, 10) + 1
    one = stability.max_sensitivity(fake_batch(pixels=pixels))
    batch = fake_batch(pixels=pixels, method=lambda images, _: 50 * images[:, 0])
    torch.testing.assert_close(one, stability.max_sensitivity(batch), atol=1e-5, rtol=1e-4)


def test_versions_and_devices_are_compared_by_rank(fake_batch: Any) -> None:
    """An equal map has 1, its opposite -1; retraining takes the mean."""
    ramp = torch.arange(100.0).view(1, 10, 10)
    versions = {"a.pt": ramp.square(), "b.pt": -ramp, "cpu float64": ramp + 1}
    batch = fake_batch(pixels=torch.zeros(1, 3, 10, 10), maps=ramp, versions=versions)
    assert stability.retrain_correlation(batch, checkpoints=["a.pt"]).item() == pytest.approx(1)
    assert stability.retrain_correlation(batch, checkpoints=["a.pt", "b.pt"]).item() == pytest.approx(0)
    assert stability.device_correlation(batch).item() == pytest.approx(1)


def test_rerun_of_a_deterministic_method_is_1(fake_batch: Any) -> None:
    """The same map again."""
    pixels = torch.rand(2, 3, 10, 10)
    assert stability.rerun_correlation(fake_batch(pixels=pixels, maps=pixels[:, 0])).tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("retrain_correlation", {}, "list of at least one"),
        ("retrain_correlation", {"checkpoints": "a.pt"}, "list of at least one"),
        ("max_sensitivity", {"draws": 0}, "at least 1"),
        ("device_correlation", {"dtype": "int8"}, "float64"),
    ],
)
def test_parameters_are_checked(fake_batch: Any, name: str, arguments: dict[str, Any], told: str) -> None:
    """What cannot be used is refused, with what can."""
    batch = fake_batch(pixels=torch.zeros(1, 3, 4, 4), maps=torch.rand(1, 4, 4))
    with pytest.raises(ValueError, match=told):
        getattr(stability, name)(batch, **arguments)
