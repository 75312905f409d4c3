"""Everyday operations: what each keeps, what it changes, and that it is the same every time."""

import pytest
import torch

from explain_gate.metrics.operations import OPERATIONS, operate, tried


def _picture(channels: int = 3, height: int = 40, width: int = 56) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    layers = [0.2 + 0.6 * rows, 0.5 + 0.3 * torch.sin(20 * columns), 0.3 + 0.4 * columns * rows, rows * 0 + 0.4]
    noise = 0.05 * torch.rand(channels, height, width, generator=torch.Generator().manual_seed(3))
    return torch.stack(layers[:channels]) + noise


@pytest.mark.parametrize(("operation", "strength"), tried(), ids=lambda one: getattr(one, "name", str(one)))
def test_an_operation_gives_a_picture_of_the_same_shape_and_range_that_it_has_changed(operation, strength):
    """Every operation at every strength changes a coloured picture and stays in [0, 1]."""
    picture = _picture()
    after = operate(picture, operation, strength, torch.Generator().manual_seed(0))
    assert after.shape == picture.shape
    assert after.isfinite().all()
    assert float(after.min()) >= 0
    assert float(after.max()) <= 1
    assert not torch.allclose(after, picture, atol=1e-4)


@pytest.mark.parametrize("channels", [1, 4])
def test_pictures_of_any_number_of_channels_and_of_odd_sizes_are_taken(channels):
    """Operations that need colours leave other pictures alone; none of them raises."""
    picture = _picture(channels, 33, 37)
    for operation, strength in tried():
        after = operate(picture, operation, strength, torch.Generator().manual_seed(0))
        assert after.shape == picture.shape, operation.name
        assert after.isfinite().all(), operation.name


def test_the_same_seed_gives_the_same_grain_and_another_seed_another():
    """What is random in an operation comes from the generator alone."""
    picture = _picture()
    grain = next(operation for operation in OPERATIONS if operation.name == "grain")
    first, again, other = (operate(picture, grain, 0.1, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_names_are_unique():
    """A name says one operation; reports and keys use it."""
    names = [operation.name for operation in OPERATIONS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("name", "strength", "expected"),
    [
        ("brighter", 0.1, lambda p: (p + 0.1).clamp(0, 1)),
        ("haze", 0.25, lambda p: 0.75 * p + 0.25 * 0.85),
        ("faded", 0.1, lambda p: 0.1 + 0.9 * p),
    ],
)
def test_what_has_a_closed_form_follows_it(name, strength, expected):
    """Tone operations are the formulas that they are named after."""
    picture = _picture()
    operation = next(one for one in OPERATIONS if one.name == name)
    after = operate(picture, operation, strength, torch.Generator())
    torch.testing.assert_close(after, expected(picture))


def test_a_turn_of_the_hue_keeps_grey_grey():
    """The hue turns around the grey axis, so what has no colour does not change."""
    grey = torch.rand(1, 20, 20, generator=torch.Generator().manual_seed(1)).expand(3, -1, -1)
    operation = next(one for one in OPERATIONS if one.name == "hue")
    torch.testing.assert_close(operate(grey, operation, 0.7, torch.Generator()), grey)
