"""What cameras leave in pictures."""

import torch

from explain_gate.metrics.camera import CAMERA


def _after(name, picture, strength, seed=0):
    return CAMERA[name](picture, strength, torch.Generator().manual_seed(seed))


def test_the_pattern_and_the_dust_of_a_sensor_are_the_same_in_every_picture():
    """A sensor is one device: its marks do not come from the generator, as grain does."""
    picture = torch.full((3, 24, 24), 0.5)
    for name, strength in (("sensor pattern", 0.1), ("dust", 0.5)):
        assert torch.equal(_after(name, picture, strength, 0), _after(name, picture, strength, 1)), name
    assert not torch.equal(_after("grain", picture, 0.1, 0), _after("grain", picture, 0.1, 1))


def test_noise_along_rows_is_constant_within_a_row():
    """And along columns within a column."""
    picture = torch.full((3, 24, 24), 0.5)
    rows, columns = _after("row noise", picture, 0.1), _after("column noise", picture, 0.1)
    assert torch.equal(rows, rows[:, :, :1].expand_as(rows))
    assert torch.equal(columns, columns[:, :1].expand_as(columns))


def test_a_vignette_darkens_the_corners_and_light_comes_from_its_side():
    """Where the mark is, is what tells it from a plain change of exposure."""
    picture = torch.full((3, 24, 24), 0.5)
    dark = _after("vignette", picture, 0.5)
    assert float(dark[0, 0, 0]) < float(dark[0, 12, 12])
    above = _after("light from above", picture, 0.3)
    assert float(above[0, 0, 12]) > float(above[0, -1, 12])
