"""What is known before a team has measured anything: bounds that honest versions of other data sets hold.

The bounds of rules that count images stand in the scaffold's thresholds.yaml, with how they were chosen in
benchmarks/detection. These are for files that decide behaviour by value.
"""

from __future__ import annotations

from collections.abc import Mapping

BEHAVIOUR: Mapping[str, Mapping[str, float]] = {
    "reliance.background_gap": {"at_most": 0.15},
    "reliance.background_margin": {"at_most": 0.15},
    "reliance.background_follow": {"at_most": 0.15},
    "reliance.background_only": {"at_most": 0.50},
    "reliance.object_only": {"at_least": 0.60},
    "reliance.transplant_follow": {"at_most": 0.15},
    "reliance.transplant_follow/inside": {"at_most": 0.15},
    "reliance.occlusion_share": {"at_least": 0.60},
    "reliance.operation_follow": {"at_most": 0.15},
    "reliance.signature_follow": {"at_most": 0.15},
    "reliance.style_follow": {"at_most": 0.25},
}
"""Bounds on the mean, by check, at least as tight as those that the scaffold had while it decided by value."""
