"""Area means keep the mass and count pixels on a border by their parts."""

import numpy as np

from explain_gate.labels.grid import coarse


def test_cells_are_means_of_their_area():
    """Also where a cell ends within a pixel."""
    np.testing.assert_allclose(coarse(np.arange(16.0).reshape(4, 4), 2, 2), [[2.5, 4.5], [10.5, 12.5]])
    np.testing.assert_allclose(coarse(np.array([[0.0, 3.0, 6.0]]), 1, 2), [[1.0, 5.0]])
    values = np.random.default_rng(0).random((2, 7, 5))
    np.testing.assert_allclose(coarse(values, 3, 4).mean(axis=(1, 2)), values.mean(axis=(1, 2)))
    np.testing.assert_allclose(coarse(values, 7, 5), values)
