"""Where the nodes of a path go, and what lucky errors hide."""

import math

import torch

from explain_gate.attribution.path import Node, Path


def path_of(alphas, scores, slopes, products, *, scale=1.0, tolerance=0.01):
    path = Path(scale=scale, tolerance=tolerance)
    path.start(
        [
            Node(alpha=alpha, score=score, slope=slope, product=torch.tensor([product]))
            for alpha, score, slope, product in zip(alphas, scores, slopes, products, strict=True)
        ]
    )
    return path


def test_lucky_cancellation_does_not_stop():
    """Large errors of opposite sign add up to nothing, and the path is refined all the same."""
    path = path_of([0, 0.5, 1], [0.0, 1.0, 2.0], [4.0, 2.0, 0.0], [[4.0, 0.0], [2.0, 0.0], [0.0, 0.0]], scale=2.0)
    assert math.fsum(interval.error for interval in path.intervals) == 0
    assert path.wanted(100) == [0.25, 0.75]


def test_nodes_go_where_the_map_jumps():
    """An interval over which the map changes is halved though its own sum is right by luck."""
    jumps = [[1.0, 0.0], [1.0, 0.0], [-3.0, 4.0], [1.0, 0.0], [1.2, 0.0]]
    path = path_of([0, 0.25, 0.5, 0.75, 1], [0.0, 0.25, 0.5, 0.75, 1.02], [1.0, 1.0, 1.0, 1.0, 1.2], jumps)
    assert abs(path.intervals[1].error) == abs(path.intervals[2].error) == 0 < abs(path.intervals[3].error)
    assert set(path.wanted(100)) >= {0.375, 0.625}


def test_an_error_that_the_nodes_do_not_show_is_looked_for():
    """A spike between two equal gradients changes the score: the interval is halved."""
    path = path_of([0, 0.25, 0.5, 0.75, 1], [0.0, 0.25, 0.9, 1.15, 1.4], [1.0, 1.0, 1.0, 1.0, 1.0], [[1.0]] * 5)
    assert path.wanted(7)[0] == 0.375
