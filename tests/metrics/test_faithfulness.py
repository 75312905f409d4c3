"""Faithfulness on models whose dependence on pixels is known."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from explain_gate.metrics import faithfulness
from explain_gate.metrics.fill import impute, inpaint

SIDE = 20


def _corner(pixels: torch.Tensor) -> torch.Tensor:
    """Looks at the mean of the upper left quarter and nowhere else."""
    seen = 6 * (pixels[:, :, : SIDE // 2, : SIDE // 2].mean(dim=(1, 2, 3)) - 0.6)
    return torch.stack([seen, -seen], dim=1)


def _picture() -> torch.Tensor:
    """Bright where the model looks, dark elsewhere: the mean of the image is below the quarter's."""
    pixels = torch.zeros(2, 3, SIDE, SIDE)
    pixels[:, :, : SIDE // 2, : SIDE // 2] = 1
    return pixels


def _map(row: int, column: int) -> torch.Tensor:
    maps = torch.zeros(2, SIDE, SIDE)
    half = SIDE // 2
    maps[:, row * half : (row + 1) * half, column * half : (column + 1) * half] = 1
    return maps


def _batch(fake_batch: Any, maps: torch.Tensor) -> Any:
    return fake_batch(pixels=_picture(), maps=maps, scores=_corner)


def test_the_right_map_is_faithful_and_the_wrong_one_is_not(fake_batch: Any) -> None:
    """Where the model looks: low deletion, high insertion, positive gain and ROAD. Where it does not: the opposite."""
    right, wrong = _batch(fake_batch, _map(0, 0)), _batch(fake_batch, _map(1, 1))
    for name, sign in (("deletion_auc", -1), ("insertion_auc", 1), ("deletion_gain", 1), ("road", 1)):
        # A blur keeps the brightness of a whole quarter, which is all that this model looks at.
        options = {} if name == "road" else {"fill": "mean"}
        better, worse = (getattr(faithfulness, name)(batch, **options) for batch in (right, wrong))
        assert (sign * (better - worse) > 0.01).all(), name
    assert (faithfulness.deletion_gain(right, fill="mean") > 0).all()
    assert (faithfulness.road(right) > 0).all()
    assert (faithfulness.road(wrong) < 0).all()


def test_deletion_by_hand(fake_batch: Any) -> None:
    """Two steps, mean fill: probabilities at 0, 1/2 and 1 of the pixels gone, under the trapezoid."""
    batch = _batch(fake_batch, _map(0, 0) + 0.5 * _map(0, 1))
    scores = 6 * (torch.tensor([1.0, 0.25, 0.25]) - 0.6)
    heights = torch.sigmoid(2 * scores).double()
    expected = 0.25 * heights[0] + 0.5 * heights[1] + 0.25 * heights[2]
    found = faithfulness.deletion_auc(batch, steps=2, fill="mean")
    assert found.tolist() == pytest.approx([expected.item()] * 2, abs=1e-6)


def test_only_order_counts(fake_batch: Any) -> None:
    """A monotone change of the map leaves deletion, insertion and ROAD as they are."""
    maps = torch.rand(2, SIDE, SIDE, generator=torch.Generator().manual_seed(3))
    for name in ("deletion_auc", "insertion_auc", "road"):
        function = getattr(faithfulness, name)
        one, other = function(_batch(fake_batch, maps)), function(_batch(fake_batch, maps.exp() * 7))
        torch.testing.assert_close(one, other)


def test_flat_maps_are_drawn_and_not_read_from_the_corner(fake_batch: Any) -> None:
    """Pixels of equal relevance go in a drawn order: half of them leave half of the quarter, not all of it or none."""
    batch = _batch(fake_batch, torch.ones(2, SIDE, SIDE))
    scores = 6 * (torch.tensor([1.0, 0.5 + 0.5 * 0.25, 0.25]) - 0.6)
    heights = torch.sigmoid(2 * scores).double()
    expected = (0.25 * heights[0] + 0.5 * heights[1] + 0.25 * heights[2]).item()
    assert faithfulness.deletion_auc(batch, steps=2, fill="mean").mean().item() == pytest.approx(expected, abs=0.15)


def test_sensitivity_n_is_1_for_a_linear_model(fake_batch: Any) -> None:
    """Weight times pixel explains a linear score exactly; its negative is exactly wrong."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(3, SIDE, SIDE, generator=generator)
    pixels = torch.randn(2, 3, SIDE, SIDE, generator=generator)

    def scores(images: torch.Tensor) -> torch.Tensor:
        total = (images * weight).flatten(1).sum(dim=1)
        return torch.stack([total, -total], dim=1)

    exact = (pixels * weight).sum(dim=1)
    batch = fake_batch(pixels=pixels, maps=exact, scores=scores)
    assert faithfulness.sensitivity_n(batch, grid=10).tolist() == pytest.approx([1, 1], abs=1e-4)
    batch = fake_batch(pixels=pixels, maps=-exact, scores=scores)
    assert faithfulness.sensitivity_n(batch, grid=10).tolist() == pytest.approx([-1, -1], abs=1e-4)


def test_a_random_map_has_no_gain_on_average(fake_batch: Any) -> None:
    """Moved elsewhere, a random map deletes as well as before: the mean gain over many images is near 0."""
    count = 60
    maps = torch.rand(count, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    batch = fake_batch(pixels=_picture()[:1].expand(count, 3, SIDE, SIDE), maps=maps, scores=_corner)
    assert faithfulness.deletion_gain(batch, steps=5).mean().item() == pytest.approx(0, abs=0.01)


def test_filling_keeps_what_is_known_and_follows_a_ramp() -> None:
    """Outside the hole nothing changes, inside a ramp goes on nearly straight, with noise where it is asked for."""
    ramp = torch.linspace(0, 1, 32).expand(1, 3, 32, 32).clone()
    hole = torch.zeros(1, 32, 32, dtype=torch.bool)
    hole[:, 10:20, 12:20] = True
    filled = inpaint(ramp.masked_fill(hole[:, None], 9.0), hole)
    assert torch.equal(filled[~hole[:, None].expand_as(ramp)], ramp[~hole[:, None].expand_as(ramp)])
    assert (filled - ramp).abs().max().item() < 0.06
    noisy = impute(ramp, hole, torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    assert 0 < (noisy - inpaint(ramp, hole)).abs().max().item() < 0.05


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("deletion_auc", {"steps": 0}),
        ("insertion_auc", {"fill": "black"}),
        ("deletion_gain", {"draws": 0}),
        ("road", {"shares": [1.5]}),
        ("sensitivity_n", {"share": 0}),
    ],
)
def test_parameters_are_checked(fake_batch: Any, name: str, arguments: dict[str, Any]) -> None:
    """What cannot be used is refused."""
    with pytest.raises(ValueError, match="must"):
        getattr(faithfulness, name)(_batch(fake_batch, _map(0, 0)), **arguments)
