"""Maps as they were kept: of one method or of a pair, and drawn ones of other images."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from explain_gate.errors import NotMeasurable
from explain_gate.measuring.asking.batch import MeasuredBatch
from explain_gate.measuring.asking.capability import Request
from explain_gate.measuring.asking.maps import KeptMaps
from explain_gate.seeds import lowest, pairs


class Pictures:
    """Ten pictures; the first two are the same file under two names."""

    def digest(self, row: int) -> str:
        """Of a picture's file."""
        return "same" if row < 2 else str(row)

    def key(self, row: int) -> str:
        """What draws know it by."""
        return f"{self.digest(row)}:{row}"

    def lowest(self, rows, count, *, seed, own="", purpose):
        """So many of these rows."""
        return lowest(rows, count, digest=self.key, name=str, seed=seed, own=own, purpose=purpose)

    def pairs(self, rows, count, *, seed, purpose):
        """So many pairs of different files."""
        return pairs(rows, count, digest=self.key, name=str, content=self.digest, seed=seed, purpose=purpose)


@pytest.fixture
def kept():
    """Maps of ten pictures by two methods; that of the third has no map, that of the fourth is negative in part."""
    made = KeptMaps(Pictures(), seed=0)
    values = np.random.default_rng(0).random((10, 4, 4)).astype(np.float16)
    values[2] = np.nan
    values[3, 0] = -1
    usable = np.arange(10) != 2
    for name, maps in (("grad_cam", values), ("lrp", values[::-1].copy())):
        made.maps[name], made.usable[name] = maps, usable
    made.details["grad_cam"] = {"steps": np.arange(10.0)}
    return made


def batch(kept: KeptMaps, *rows: int, method: str = "grad_cam", **more) -> MeasuredBatch:
    """Images of a request about a method."""
    samples = [SimpleNamespace(index=row, pixels=torch.zeros(3, 4, 4), ignored=None) for row in rows]
    request = Request(samples=samples, logits=torch.zeros(len(rows), 2), method=method, **more)
    return MeasuredBatch(request, SimpleNamespace(maps=kept))


def test_relevance_is_the_positive_part_and_a_map_without_one_is_zero(kept):
    """A map that lies nowhere was not kept."""
    asked = batch(kept, 2, 3)
    assert asked.maps[0].abs().sum() == 0
    assert asked.maps[1].min() == -1
    assert asked.relevance.min() == 0


def test_a_controls_maps_take_the_place_of_the_kept_ones(kept):
    """A random map is asked the same questions."""
    given = torch.ones(1, 4, 4)
    assert torch.equal(batch(kept, 0, maps=given).relevance, given)


def test_a_pair_has_two_maps_of_each_image(kept):
    """Of the first and of the second method."""
    asked = batch(kept, 0, method="grad_cam+lrp")
    assert torch.equal(asked.first[0], torch.from_numpy(kept.maps["grad_cam"][0].astype(np.float32)))
    assert torch.equal(asked.second[0], torch.from_numpy(kept.maps["lrp"][0].astype(np.float32)))


def test_details_are_those_of_the_images(kept):
    """As the method reported them."""
    assert batch(kept, 7, 1).details["steps"].tolist() == [7.0, 1.0]


def test_other_maps_are_of_other_files_that_have_one(kept):
    """A copy of the picture, and one without a map, are none to compare with; the draw is the image's own."""
    assert set(kept.peers(0, "grad_cam", 20)) == {3, 4, 5, 6, 7, 8, 9}
    assert kept.peers(0, "grad_cam", 3) == kept.peers(0, "grad_cam", 20)[:3]
    assert batch(kept, 0).other_maps(0, 3).shape == (3, 4, 4)


def test_without_other_maps_there_is_nothing_to_compare_with(kept):
    """A reason, not a number."""
    kept.usable["grad_cam"] = np.arange(10) < 2
    with pytest.raises(NotMeasurable, match="no other image has a map"):
        batch(kept, 0).other_maps(0, 3)
    with pytest.raises(NotMeasurable, match="fewer than two maps of different images"):
        kept.pair_correlation("grad_cam", 5)


def test_the_correlation_of_pairs_is_computed_once(kept):
    """All images of a set share it."""
    value = kept.pair_correlation("grad_cam", 5)
    assert -1 <= value <= 1
    kept.maps["grad_cam"] = kept.maps["grad_cam"][::-1]
    assert kept.pair_correlation("grad_cam", 5) == value
    assert all(Pictures().digest(one) != Pictures().digest(other) for one, other in kept.pair_rows("grad_cam", 5))
