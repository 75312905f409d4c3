"""One card a metric, one file a family: all that documentation, report, planner and schema know of them. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping

from explain_gate.metrics.cards import (
    agreement,
    alignment,
    completeness,
    complexity,
    discrimination,
    drift,
    faithfulness,
    performance,
    randomization,
    reliance,
    review,
    stability,
    strategies,
)
from explain_gate.metrics.cards.card import Applies, Family, Metric

__all__ = ["FAMILIES", "METRICS", "Applies", "Family", "Metric"]

_IN_ORDER = (
    alignment,
    strategies,
    reliance,
    performance,
    drift,
    review,
    randomization,
    completeness,
    stability,
    faithfulness,
    agreement,
    discrimination,
    complexity,
)
"""In the order in which a reviewer wants the answers."""

FAMILIES: Mapping[str, Family] = {module.FAMILY.name: module.FAMILY for module in _IN_ORDER}
"""By name, in the reviewer's order."""

METRICS: Mapping[str, Metric] = {card.key: card for module in _IN_ORDER for card in module.CARDS}
"""By key, such as `alignment.iou`."""
