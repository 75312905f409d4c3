"""Completeness: do attributions along a path add up to the change of the score? (Sundararajan 2017, axiom 3)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def relative_error(details: Mapping[str, Tensor]) -> Tensor:
    """|sum of attributions - D| / max(|D|, 0.1 max_c |D_c|), D = f(x) - f(baseline), per image.

    The floor keeps an image whose target score hardly changes from dividing by nothing. Returns (N,), not negative,
    lower is better; 0.05 is a bug signal, 0.01 is for audits.
    """
    return details["completeness_error"].double()


def path_residual(details: Mapping[str, Tensor]) -> Tensor:
    """The absolute errors of the path's intervals, added up, over the same denominator.

    Errors of opposite sign cannot cancel here as they can in the total. Returns (N,), at least `relative_error`,
    lower is better.
    """
    return details["path_residual"].double()
