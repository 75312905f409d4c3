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
    "reliance.transplant_follow": {"at_most": 0.30},
    "reliance.transplant_follow/inside": {"at_most": 0.50},
    "reliance.occlusion_share": {"at_least": 0.60},
    "reliance.operation_follow": {"at_most": 0.15},
    "reliance.signature_follow": {"at_most": 0.15},
    "reliance.style_follow": {"at_most": 0.25},
}
"""Bounds on the mean, by check. Honest versions on three sets of photographs, two backbones, stayed within: gap 0.02,
margin 0.06, follow 0.06, only 0.37, object_only 0.90, transplant 0.17 and inside 0.49, operation and signature 0.03,
style 0.21."""
