"""Maps become pictures and regions become paths, without lying about either."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from explain_gate.publishing.pictures.overlays import layer, normalised, outline, save_map_layer, scale_of


def area(path):
    """The area inside an even-odd path of straight lines (shoelace formula, loops oriented alike)."""
    total = 0.0
    for loop in filter(None, path.split("M")):
        points = np.array([[float(x) for x in point.split()] for point in loop.rstrip("Z").split("L")])
        x, y = points.T
        total += 0.5 * float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    return total


def test_a_square_is_four_sides():
    """The outline of a rectangle has few points and strays by no more than the tolerance."""
    region = np.zeros((40, 60), bool)
    region[10:30, 20:50] = True
    path = outline(region)
    assert len(re.findall(r"[ML]", path)) <= 8
    assert area(path) == pytest.approx(600, abs=0.35 * 100)


def test_holes_and_parts_are_loops_of_their_own():
    """A ring and a block beside it give three loops, the hole running the other way."""
    region = np.zeros((40, 60), bool)
    region[5:35, 5:35] = True
    region[15:25, 15:25] = False
    region[5:15, 45:55] = True
    path = outline(region)
    assert path.count("M") == 3
    assert area(path) == pytest.approx(region.sum(), abs=0.35 * 200)


def test_no_region_is_no_path():
    """An empty region has no outline."""
    assert outline(np.zeros((8, 8), bool)) == ""


@settings(deadline=None, max_examples=60, derandomize=True)
@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_any_region_has_a_closed_outline_of_its_area(region):
    """Whatever the shape, touching corners included: every loop closes, a cut corner costs an eighth of a pixel."""
    path = outline(region, tolerance=0.0)
    assert path.count("M") == path.count("Z")
    corners = 4 * int(region.sum())
    assert abs(area(path) - region.sum()) <= 0.125 * corners


def test_strong_is_opaque_and_weak_is_clear():
    """Opacity rises with magnitude on both scales; zero is invisible."""
    ramp = np.linspace(-1, 1, 21, dtype=np.float32)[None]
    diverging = layer(ramp, "diverging")[0]
    assert diverging[10, 3] == 0
    assert diverging[0, 3] == diverging[20, 3] > 200
    assert diverging[0, 2] > diverging[0, 0]
    assert diverging[20, 0] > diverging[20, 2]
    sequential = layer(np.abs(ramp), "sequential")[0, 10:]
    assert (np.diff(sequential[:, 3].astype(int)) > 0).all()
    lightness = sequential[:, :3] @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(lightness) >= 0).all()


@pytest.mark.parametrize("map_", [np.full((8, 8), np.nan), np.zeros((8, 8)), np.full((8, 8), 0.5), -np.ones((8, 8))])
def test_a_flat_or_broken_map_has_no_picture(tmp_path, map_):
    """Nothing is drawn where there is nothing to see."""
    assert not save_map_layer(map_.astype(np.float16), "sequential", tmp_path / "map.webp")
    assert not list(tmp_path.iterdir())


def test_a_layer_is_a_transparent_picture_of_the_maps_size(tmp_path):
    """The file is as large as the map and has transparency."""
    map_ = np.zeros((20, 30), np.float16)
    map_[5:9, 10:20] = 1
    assert save_map_layer(map_, "sequential", tmp_path / "maps" / "map.webp", smooth=True)
    with Image.open(tmp_path / "maps" / "map.webp") as picture:
        assert (picture.size, picture.mode) == ((30, 20), "RGBA")


def test_one_outlier_does_not_hide_the_map():
    """A single hot pixel saturates instead of dimming everything else."""
    map_ = np.full((50, 50), 0.1, np.float32)
    map_[:25] = 0.2
    map_[0, 0] = 100
    assert normalised(map_, "sequential")[1, 1] == 1


def test_the_scale_follows_the_kind_or_the_data():
    """Signed maps diverge; where no kind is known, negative values decide."""
    assert scale_of("signed", np.ones((1, 2, 2))) == "diverging"
    assert scale_of("positive", -np.ones((1, 2, 2))) == "sequential"
    assert scale_of(None, np.array([[[np.nan, -1.0]]])) == "diverging"
    assert scale_of(None, np.ones((1, 2, 2))) == "sequential"
