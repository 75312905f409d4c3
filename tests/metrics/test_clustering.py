"""Clusters of maps: as many as the spectrum says, whatever the order."""

from __future__ import annotations

import torch
from made_up_maps import drawn, spot

from explain_gate.metrics.clustering import as_they_are, clusters_of, on_their_regions


def test_clusters_do_not_depend_on_the_order_of_maps() -> None:
    """Listed backwards each map has the same number; one cloud of sixty is one cluster."""
    maps, _ = drawn(20, 6)
    features = as_they_are(maps)
    assert clusters_of(features).tolist() == clusters_of(features.flip(0)).tolist()[::-1]
    assert set(clusters_of(as_they_are(drawn(60, 0)[0])).tolist()) == {0}


def test_what_hangs_beside_objects_is_one_place_on_their_regions() -> None:
    """A spot at the upper left corner of each box is the same map once it is cut out around the box."""
    regions = drawn(10, 0)[1]
    corners = [(int(torch.nonzero(one)[0, 0]), int(torch.nonzero(one)[0, 1])) for one in regions]
    maps = torch.stack([spot(*corner, 2) for corner in corners])
    spread = on_their_regions(maps, regions).std(dim=0).max()
    assert spread < 0.25 * as_they_are(maps).std(dim=0).max()


def test_few_maps_are_one_cluster_and_a_few_odd_ones_join_the_nearest() -> None:
    """Seven maps tell nothing; two of twenty on a mark are no strategy."""
    assert set(clusters_of(as_they_are(drawn(7, 3)[0])).tolist()) == {0}
    assert set(clusters_of(as_they_are(drawn(20, 2)[0])).tolist()) == {0}


def test_clusters_are_numbered_from_the_largest() -> None:
    """So the first one is what the model mostly does."""
    told = clusters_of(as_they_are(drawn(20, 6)[0])).tolist()
    assert told == [1] * 6 + [0] * 14
