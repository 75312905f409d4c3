"""What data.preprocessing refuses: two ways to say the same, numbers that do not fit."""

from __future__ import annotations

import pytest

from explain_gate.config import PreprocessingSection


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"weights": "a", "timm": "b"}, "must name one of weights, timm"),
        ({"timm": "a", "mean": [0, 0, 0], "std": [1, 1, 1]}, "timm already says .* remove mean, std"),
        ({"transform": "a:b", "range": [0, 1]}, "transform already says .* remove range"),
        ({"pad": 4, "resize": 4}, "remove resize and crop"),
        ({"interpolation": "bicubic"}, "write one of them"),
        ({"channels": 1, "mean": [0, 0, 0], "std": [1, 1, 1]}, "must have 1 numbers each, one per channel, got 3"),
        ({"channels": 1, "order": "bgr"}, "of three colours"),
        ({"range": [5, 5]}, "low first"),
        ({"range": [0, 5], "window": [1, 2]}, "write one"),
        ({"pad": {"size": 5, "colour": [1, 2]}}, "one number or 3"),
    ],
)
def test_what_contradicts_is_refused(section, told):
    """Two ways to say the same, numbers that do not fit."""
    with pytest.raises(ValueError, match=told):
        PreprocessingSection(**section)
