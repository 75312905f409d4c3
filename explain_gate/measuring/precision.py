"""Half precision for what tolerates it: which methods may use it, and how far their maps are from those in float32."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch

from explain_gate.attribution import METHODS
from explain_gate.attribution.attribute import explain
from explain_gate.attribution.base import Probe
from explain_gate.data.regression_set import stack
from explain_gate.errors import OptionError
from explain_gate.measuring.asking.resources import Resources
from explain_gate.metrics.correlation import spearman

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
COMPARED = 16
"""Images on which the agreement with float32 is measured."""


def pick_dtype(wanted: str, methods: Iterable[str]) -> torch.dtype:
    """The precision of the model.

    Raises:
        OptionError: an unknown one, or half precision for methods whose sums it would spoil.
    """
    if wanted not in DTYPES:
        raise OptionError(f"dtype must be one of {', '.join(DTYPES)}, got {wanted}")
    spoiled = [name for name in methods if name not in METHODS or METHODS[name].kind != "positive"]
    if wanted != "float32" and spoiled:
        raise OptionError(
            f"dtype {wanted} is for CAM methods and metrics of behaviour; {', '.join(spoiled)} need float32"
        )
    return DTYPES[wanted]


def converted(module: torch.nn.Module, place: torch.device, dtype: torch.dtype) -> torch.nn.Module:
    """The module on its device; in another precision, a copy of it."""
    return module.to(place) if dtype == torch.float32 else copy.deepcopy(module).to(place, dtype)


def agreement(
    make_probe: Callable[[torch.nn.Module, int], Probe],
    module: torch.nn.Module,
    rows: Sequence[int],
    logits: torch.Tensor,
    resources: Resources,
) -> dict[str, Any]:
    """How a run in half precision agrees with float32 on some rows, as JSON.

    Returns:
        `images`, `same_prediction` (share) and `map_correlation` (mean Spearman by method, None without a map).
    """
    data, usable, options = resources.data, resources.maps.usable, resources.options
    samples = [data.sample(row) for row in rows]
    pixels = stack(samples)[0]
    keys = [data.key(row) for row in rows]
    correlations: dict[str, float | None] = {}
    with make_probe(module, 0) as probe:
        pixels = pixels.to(probe.device)
        targets = probe.task.targets([sample.truth for sample in samples]).to(probe.device)
        same = probe.task.same(probe.logits(pixels, targets).cpu(), logits[list(rows)])
        for method, maps in resources.maps.maps.items():
            able = [position for position, row in enumerate(rows) if usable[method][row]]
            if not able:
                correlations[method] = None
                continue
            exact = explain(
                probe, method, pixels[able], targets[able], [keys[position] for position in able], options[method]
            ).maps.cpu()
            mine = torch.from_numpy(maps[[rows[position] for position in able]].astype(np.float32))
            correlations[method] = float(spearman(mine, exact).mean())
    return {"images": len(rows), "same_prediction": float(same.double().mean()), "map_correlation": correlations}
