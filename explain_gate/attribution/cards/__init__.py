"""One card a method: all that documentation, report, planner and schema know of it. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping

from explain_gate.attribution.cards import (
    attention,
    cam,
    expected_gradients,
    gradients,
    integrated_gradients,
    kernel_shap,
    occlusion,
    rise,
    score_cam,
)
from explain_gate.attribution.cards.card import Method

__all__ = ["METHODS", "Method"]

_IN_ORDER = (
    gradients,
    integrated_gradients,
    expected_gradients,
    cam,
    score_cam,
    occlusion,
    rise,
    kernel_shap,
    attention,
)

METHODS: Mapping[str, Method] = {card.key: card for module in _IN_ORDER for card in module.CARDS}
"""By name."""
