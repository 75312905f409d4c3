"""Stability: is it the same map when nothing that matters has changed?"""

from __future__ import annotations

from torch import Tensor

from explain_gate.metrics.batch import Batch
from explain_gate.metrics.correlation import spearman


def rerun_correlation(batch: Batch) -> Tensor:
    """Spearman with the map measured again with another seed, batch size and thread count.

    Returns (N,), in [-1, 1], higher is better; 1 for a deterministic method up to rounding.
    """
    return spearman(batch.maps, batch.explain_again())
