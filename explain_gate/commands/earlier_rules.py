"""Rules as earlier scaffolds wrote them: whoever still has one has not chosen it, so `upgrade` writes today's instead.

A bound that a team set itself is in none of these rows, so it stays. `performance.accuracy` is not here: how right a
model has to be is a team's own to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EARLIER: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "alignment.iou": (
        {"methods": ["grad_cam"], "at_least": 0.20, "per_class": True},
        {"methods": ["grad_cam"], "at_least": 0.25, "per_class": True},
    ),
    "alignment.pointing_game": (
        {"methods": ["grad_cam"], "at_least": 0.60},
        {"methods": ["grad_cam"], "at_least": 0.60, "per_class": True},
        {"methods": ["grad_cam"], "at_least": 0.63},
    ),
    "alignment.lift": (
        {"methods": ["grad_cam"], "at_least": 1.1, "per_class": True},
        {"methods": ["grad_cam"], "at_least": 1.5, "per_class": True},
        {"methods": ["grad_cam"], "at_least": 1.75, "per_class": True},
    ),
    "completeness.relative_error": ({"at_most": 0.02, "statistic": "max"},),
    "stability.rerun_correlation": ({"at_least": 0.98, "sample": 20},),
    "reliance.background_gap": (
        {"at_most": 0.15, "per_class": True},
        {"at_most": 0.10, "must_catch": 0.6, "per_class": True},
    ),
    "reliance.background_follow": (
        {"at_most": 0.15},
        {"at_most": 0.20},
        {"at_most": 0.10, "must_catch": 0.6, "per_class": True},
    ),
    "reliance.background_only": (
        {"at_most": 0.5, "per_class": True},
        {"at_most": 0.30, "must_catch": 0.85, "per_class": True},
    ),
    "reliance.object_only": (
        {"at_least": 0.6, "per_class": True},
        {"at_most": 0.05, "must_catch": 0.5, "per_class": True},
    ),
    "reliance.style_follow": ({"at_most": 0.20, "must_catch": 0.75, "per_class": True},),
    "reliance.transplant_follow": (
        {"at_most": 0.30, "per_class": True, "sample": 20},
        {"at_most": 0.45, "per_class": True, "sample": 20},
        {"at_most": 0.45, "per_class": True, "sample": 60},
        {"at_most": 0.45, "per_class": True, "sample": 60, "max_unmeasured": 0.5},
        {"at_most": 0.05, "must_catch": 0.5, "per_class": True},
    ),
    "reliance.transplant_follow/inside": (
        {"at_most": 0.45, "per_class": True, "sample": 20, "parameters": {"place": "inside"}},
        {"at_most": 0.45, "per_class": True, "sample": 60, "parameters": {"place": "inside"}},
        {"at_most": 0.50, "per_class": True, "sample": 20, "parameters": {"place": "inside"}},
        {"at_most": 0.10, "must_catch": 0.5, "per_class": True, "parameters": {"place": "inside"}},
        {"at_most": 0.30, "must_catch": 0.8, "per_class": True, "parameters": {"place": "inside"}},
    ),
}
