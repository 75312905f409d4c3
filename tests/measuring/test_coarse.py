"""A warning where a map's cells are larger than a region, for the rules that lay one on the other."""

from __future__ import annotations

import numpy as np

from explain_gate.measuring.coarse import too_coarse
from explain_gate.records import ImageRow, Rule


def _row(image: str, area: float | None) -> ImageRow:
    return ImageRow(image=image, label=0, class_name="cat", accepted=(0,), digest=image, predicted=0, probability=1.0,
                    region_area=area, region_reason=None)  # fmt: skip


IMAGES = [_row("a.png", 0.01), _row("b.png", 0.5), _row("c.png", None)]
DETAILS = {"grad_cam": {"cells": np.array([49.0, 49.0, 49.0])}, "saliency": {}}


def _rule(check: str, method: str | None) -> Rule:
    return Rule(check=check, method=method, class_name=None, better="higher", at_least=0.1)


def test_the_regions_that_no_cell_fits_in_are_told_with_what_to_write() -> None:
    """Half a cell of 49 on one of the two images that have a region."""
    (told,) = too_coarse([_rule("alignment.iou/tight", "grad_cam")], DETAILS, IMAGES)
    assert told.startswith("1 of 2 regions are smaller than a cell of grad_cam's maps, which have 49 (a.png: 0.49")
    assert "alignment.iou/tight cannot tell them" in told
    assert "methods.grad_cam.layer" in told


def test_rules_without_regions_or_of_fine_maps_are_not_told() -> None:
    """Sparsity asks for no region, saliency has a value a pixel, and behaviour has no map."""
    rules = [
        _rule("complexity.gini", "grad_cam"),
        _rule("alignment.iou", "saliency"),
        _rule("reliance.object_only", None),
    ]
    assert too_coarse(rules, DETAILS, IMAGES) == []
