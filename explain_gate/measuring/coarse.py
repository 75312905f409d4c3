"""Maps that are coarser than what people drew: a warning, with what to write, for rules that lay one on a region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from explain_gate.metrics import METRICS
from explain_gate.records import ImageRow, Rule

CELLS = "cells"
"""The detail of a method that says how many cells its maps have; one without has a value for every pixel."""


def too_coarse(
    rules: Sequence[Rule], details: Mapping[str, Mapping[str, NDArray[np.float64]]], images: Sequence[ImageRow]
) -> list[str]:
    """A sentence for each method whose maps have cells larger than the annotated region of an image.

    Args:
        rules: what was planned; only those that compare maps with regions count.
        details: what each method reported of each image.
        images: with the share of the frame that their region has.
    """
    told = []
    for method, columns in details.items():
        mine = [rule for rule in rules if rule.method == method and _lays_maps_on_regions(rule)]
        if not mine or CELLS not in columns:
            continue
        areas = np.array([np.nan if image.region_area is None else image.region_area for image in images])
        covered = areas * columns[CELLS]
        known = np.isfinite(covered)
        small = np.flatnonzero(known & (covered < 1))
        if small.size:
            worst = int(small[np.argmin(covered[small])])
            checks = ", ".join(dict.fromkeys(rule.check for rule in mine))
            told.append(
                f"{small.size} of {int(known.sum())} regions are smaller than a cell of {method}'s maps, which have "
                f"{columns[CELLS][worst]:.0f} ({images[worst].image}: {covered[worst]:.2f} of a cell), so {checks} "
                f"cannot tell them from what surrounds them: write methods.{method}.layer, a finer one, or use a "
                "method that looks at pixels"
            )
    return told


def _lays_maps_on_regions(rule: Rule) -> bool:
    card = METRICS.get(rule.metric)
    return card is not None and card.needs_region and "relevance" in card.takes
