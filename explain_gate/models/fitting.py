"""A checkpoint's tensors -> a module that carries them: which of them are meant, and that there is no doubt."""

from __future__ import annotations

import copy
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from explain_gate.errors import ModelError
from explain_gate.models.checkpoint import Contents, read_checkpoint
from explain_gate.models.misfit import misfit
from explain_gate.models.names import COUNTERS, bare_name, grouped, last_part, listed
from explain_gate.models.tensors import kind_fault
from explain_gate.models.weights import ModelState, Weights

KEY = "model.checkpoint_key"

_TRIED = 200
"""Prefixes whose tensors are compared with the model's."""


def load_checkpoint(
    module: torch.nn.Module,
    path: Path,
    *,
    key: str | None = None,
    classes: Callable[[], int | None] = lambda: None,
) -> tuple[str, ...]:
    """Put a checkpoint's weights into a module.

    One prefix that all names have in common (`model.`, `module.`) is taken off where that, and only that, makes them
    fit. Counters, and one of two tied names, may be missing; a loss's or a metric's tensors may lie beside.

    Args:
        module: what the weights belong to.
        path: a file, an index of shards, or a folder that holds one.
        key: which weights of the file, by the keys on the way to them joined with dots; None asks where there are
            several.
        classes: how many the data names, for the message about a head of another size.

    Returns:
        What a reader should know: where the weights were, what was left out, and how they were cast.

    Raises:
        ModelError: the file cannot be read, its weights do not fit, or it holds several that do.
    """
    contents = read_checkpoint(path)
    own = ModelState(module)
    if not own.tensors:
        raise ModelError(f"{path}: the model has no weights that a checkpoint could hold; remove model.checkpoint")
    chosen = _chosen(contents, module, [own, *(ModelState(module, prefix) for prefix in own.shared())], key, classes)
    chosen.put_into(module)
    return tuple(chosen.notes(key))


def _chosen(
    contents: Contents,
    module: torch.nn.Module,
    owns: Sequence[ModelState],
    key: str | None,
    classes: Callable[[], int | None],
) -> Weights:
    """The one set of weights that is meant; `owns` are the model's names, and those inside of what wraps all of it.

    Raises:
        ModelError: none fits, or several do.
    """
    if key is not None and not any(name.startswith(f"{key}.") for name in contents.tensors):
        what = f"is {type(contents.others[key]).__name__}" if key in contents.others else "is not in it"
        what = "is one tensor" if key in contents.tensors else what
        raise ModelError(
            f"{contents.path}: {KEY} must name weights in the checkpoint, but {key} {what}; there are "
            f"{listed(contents.places())}"
        )
    tried = [_candidates(contents, own, key) for own in owns]
    candidates = next((some for some in tried if some and not some[0].faults), None)
    if candidates is None:
        best = max((one for some in tried for one in some), key=lambda one: len(one.alike), default=None)
        best = best or Weights(contents, key or _fullest(contents), owns[0])
        renamed = _renamed(best, module)
        if renamed is None or renamed.faults:
            raise ModelError(misfit(best, classes))
        candidates = [renamed, *(one for one in tried[0] if one is not best)]
    first = candidates[0]
    if key is not None and first.prefix == key:
        return first
    if len(several := _several(first, candidates, key)) > 1:
        raise ModelError(
            f"{contents.path}: holds several sets of weights: "
            f"{listed([one or 'the names without a prefix' for one in several])}. "
            f"Say which of them is shipped, e.g. {KEY}: {next(one for one in several if one)}"
        )
    if beside := first.beside(key):
        raise ModelError(
            f"{contents.path}: the weights under {first.prefix} fit, but beside them are {listed(grouped(beside))}. "
            f"If those are no part of the model, write {KEY}: {first.prefix}"
        )
    return first


def _candidates(contents: Contents, own: ModelState, key: str | None) -> list[Weights]:
    """Paths below which there are names of the model, those with most first."""
    counted: Counter[str] = Counter()
    for name in contents.tensors:
        if key is not None and not name.startswith(f"{key}."):
            continue
        parts = name.split(".")
        least = len(key.split(".")) if key else 0
        for position in range(least, len(parts)):
            if bare_name(".".join(parts[position:])) in own.tensors:
                counted[".".join(parts[:position])] += 1
    prefixes = [prefix for prefix, _ in counted.most_common(_TRIED)]
    weights = [
        Weights(contents, prefix, own)
        for prefix in prefixes
        if (prefix == key or bare_name(f"{prefix}.") == f"{prefix}.")
        # One prefix is taken off on one side: off both, a layer would be renamed.
        and not (own.wrapped and contents.mapping_around(prefix) != prefix)
    ]
    return sorted(weights, key=lambda one: (bool(one.faults), -len(one.alike)))


def _fullest(contents: Contents) -> str:
    """The mapping with most tensors."""
    return Counter(contents.level.values()).most_common(1)[0][0]


def _renamed(weights: Weights, module: torch.nn.Module) -> Weights | None:
    """The weights under the names that the module's own loading code gives them, such as those of an earlier version.

    None where that code refuses them, leaves one of the model's tensors as it was, or drops a number.
    """
    own, faults = weights.own, weights.faults
    numbers = {name: value for name, value in weights.state.items() if last_part(name) not in COUNTERS}
    if own.wrapped or own.others or any(fault.what not in ("missing", "unexpected") for fault in faults):
        return None
    if any(kind_fault(value) or not value.is_floating_point() for value in numbers.values()):
        return None
    twin = copy.deepcopy(module)
    with torch.no_grad():
        for value in twin.state_dict().values():
            if value.is_floating_point():
                value.fill_(torch.nan)
    try:
        twin.load_state_dict(OrderedDict((own.actual.get(name, name), value) for name, value in weights.state.items()))
    except Exception:  # noqa: BLE001 - a module may load its state with code of its own; what does not fit is told
        return None
    state = twin.state_dict()
    loaded = {name: state[actual] for name, actual in own.actual.items() if last_part(name) not in COUNTERS}
    if any(bool(value.isnan().any()) for value in loaded.values()):
        return None
    if sum(value.numel() for value in loaded.values()) != sum(value.numel() for value in numbers.values()):
        return None
    renamed = Weights(weights.contents, weights.prefix, own)
    renamed.state, renamed.renamed = loaded, True
    return renamed


def _several(first: Weights, candidates: Sequence[Weights], key: str | None) -> list[str]:
    """Paths of all weights of the model that might be meant: the first, and those that have other values."""
    own = first.own
    outside = [
        one
        for one in candidates
        if one is not first and not one.prefix.startswith(f"{first.prefix}." if first.prefix else "")
    ]
    same = [one.prefix for one in outside if first.same_values(one)]
    rivals = [one.prefix for one in outside if 2 * len(one.alike) >= len(own.tensors) and one.prefix not in same]
    # Inside of the key that somebody wrote, nothing outside of it is asked about.
    averages = first.averages() if key is None else []
    told = [one for one in averages if not any(f"{other}.".startswith(f"{one}.") for other in [*rivals, *same])]
    return [first.prefix, *rivals, *told]
