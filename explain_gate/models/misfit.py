"""Why a checkpoint's weights do not fit a module, in words and a table."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping

from explain_gate.models.names import SHOWN
from explain_gate.models.other_formats import ADAPTER
from explain_gate.models.tensors import is_quantised, shape_told
from explain_gate.models.weights import Weights

_QUANTISED = re.compile(
    r"(?:^|[._])(?:_packed_params|SCB|qweight|qzeros|absmax|quant_map|quant_state|zero_point)(?:\.|$|_)"
)


def misfit(best: Weights, classes: Callable[[], int | None]) -> str:
    """Why nothing fits: one sentence where the kind is known, and the table."""
    contents, own, names = best.contents, best.own, list(best.state)
    if any("lora_A" in name or "lora_B" in name for name in names) and not any("lora_" in name for name in own.tensors):
        return f"{contents.path}: {ADAPTER}"
    if any(_QUANTISED.search(name) for name in names) or any(map(is_quantised, best.state.values())):
        return (
            f"{contents.path}: holds quantised weights, the model that model.source builds does not; write the "
            "checkpoint from before it was quantised, or a model.source that builds the quantised model and loads it"
        )
    where = f", read from {best.prefix}" if best.prefix else ""
    counts = f"{len(best.alike)} of {len(own.tensors)} tensors fit{where}"
    told = f"{contents.path}: checkpoint does not fit the model: {counts}"
    if head := _other_head(best):
        named = classes()
        data = "" if named is None else f", the data names {named}"
        told += f". The checkpoint knows {head[0]} classes, the model is built for {head[1]}{data}"
    return f"{told}.\n{_table(best)}"


def _other_head(weights: Weights) -> tuple[int, int] | None:
    """(theirs, ours) where all that differs is one first dimension: the head was built for other classes."""
    if not weights.faults or any(fault.what != "shape" for fault in weights.faults):
        return None
    sizes = set()
    for fault in weights.faults:
        theirs, ours = weights.state[fault.name].shape, weights.own.tensors[fault.name].shape
        if not theirs or len(theirs) != len(ours) or theirs[1:] != ours[1:]:
            return None
        sizes.add((theirs[0], ours[0]))
    return sizes.pop() if len(sizes) == 1 else None


def _table(weights: Weights) -> str:
    rows = [("what", "name", "checkpoint", "model", "nearest name")]
    missing, unexpected = weights.missing, weights.unexpected
    theirs = {name: shape_told(weights.state[name]) for name in unexpected}
    ours = {name: shape_told(weights.own.tensors.get(name)) for name in missing}
    for what in ("missing", "unexpected", "shape", "kind", "tied", "twice"):
        faults = [fault for fault in weights.faults if fault.what == what]
        for fault in faults[:SHOWN]:
            pool = theirs if what == "missing" else ours if what == "unexpected" else {}
            near = _nearest(fault.name, fault.theirs or fault.ours, pool)
            rows.append((what, fault.name, fault.theirs or "-", fault.ours or "-", near))
        if len(faults) > SHOWN:
            rows.append((what, f"and {len(faults) - SHOWN} more", "", "", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _nearest(name: str, shape: str, pool: Mapping[str, str]) -> str:
    """The name most like it, of its own shape first."""
    for names, like in (([one for one, other in pool.items() if other == shape], 0.5), (list(pool), 0.6)):
        if near := difflib.get_close_matches(name, names, 1, like):
            return near[0]
    return ""
