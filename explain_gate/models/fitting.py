"""A checkpoint's tensors -> a module that carries them: which of them are meant, and why they do not fit."""

from __future__ import annotations

import copy
import difflib
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from explain_gate.errors import ModelError
from explain_gate.models.checkpoint import Contents, adapter, read_checkpoint

KEY = "model.checkpoint_key"

_SHOWN = 6
_TRIED = 200
"""Prefixes whose tensors are compared with the model's."""

_WRAPPERS = re.compile(r"(?:^|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
"""What torch.compile, FSDP and activation checkpointing write into names, at any depth."""

_COUNTERS = frozenset({"num_batches_tracked", "n_averaged", "total_ops", "total_params"})
"""Last parts of names that no prediction depends on: of batch norms, averaging and profilers."""

_BESIDE = frozenset({"criterion", "criterions", "criteria", "loss", "losses", "metric", "metrics", "acc", "accuracy"})
_AVERAGED = frozenset({"ema", "swa", "avg", "averaged", "average", "averaging", "shadow", "polyak"})
_TRAINING = frozenset(
    {"optimizer", "optimizers", "optim", "scheduler", "schedulers", "scaler", "callbacks", "loops", "rng"}
)

_QUANTISED = re.compile(
    r"(?:^|[._])(?:_packed_params|SCB|qweight|qzeros|absmax|quant_map|quant_state|zero_point)(?:\.|$|_)"
)


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
    own = _Own(module)
    if not own.tensors:
        raise ModelError(f"{path}: the model has no weights that a checkpoint could hold; remove model.checkpoint")
    chosen = _chosen(contents, module, [own, *(_Own(module, prefix) for prefix in own.shared())], key, classes)
    chosen.put_into(module)
    return tuple(chosen.notes(key))


class _Own:
    """The module's side: every name of its state without wrappers' parts, and what may be missing."""

    def __init__(self, module: torch.nn.Module, shared: str = "") -> None:
        self.wrapped = bool(shared)
        state = module.state_dict(keep_vars=True)
        self.actual = {_bare(name).removeprefix(shared): name for name in state}
        self.tensors = {
            bare: state[name] for bare, name in self.actual.items() if isinstance(state[name], torch.Tensor)
        }
        self.others = {bare: state[name] for bare, name in self.actual.items() if bare not in self.tensors}
        # Buffers that are not saved: old checkpoints may have them still.
        self.unsaved = {
            _bare(name).removeprefix(shared): value
            for name, value in module.named_buffers()
            if _bare(name).removeprefix(shared) not in self.actual
        }
        ties: dict[tuple[Any, ...], list[str]] = {}
        for name, value in self.tensors.items():
            if not torch.nn.parameter.is_lazy(value) and not value.is_meta and value.numel():
                ties.setdefault((value.data_ptr(), tuple(value.shape), value.stride()), []).append(name)
        self.tied = {name: names for names in ties.values() if len(names) > 1 for name in names}

    def shared(self) -> list[str]:
        """What all its names begin with, where its source wraps the module that was trained: "net.", "net.m."."""
        parts = [name.split(".")[:-1] for name in self.actual]
        depth = 0
        while all(len(one) > depth and one[depth] == parts[0][depth] for one in parts):
            depth += 1
        return [".".join(parts[0][:length]) + "." for length in range(1, depth + 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    """One row of the table."""

    what: str
    name: str
    theirs: str = ""
    ours: str = ""
    nearest: str = ""


class _Weights:
    """The tensors below one path of a checkpoint, held against the model's."""

    def __init__(self, contents: Contents, prefix: str, own: _Own) -> None:
        self.contents, self.prefix, self.own = contents, prefix, own
        self.renamed = False
        self.state: dict[str, torch.Tensor] = {}
        self.twice: list[str] = []
        for name, value in contents.under(prefix).items():
            bare = _bare(name)
            if bare in self.state:
                self.twice.append(bare)
            self.state[bare] = value

    @cached_property
    def alike(self) -> frozenset[str]:
        """Names that both have with one shape."""
        return frozenset(
            name
            for name, mine in self.own.tensors.items()
            if name in self.state and (torch.nn.parameter.is_lazy(mine) or mine.shape == self.state[name].shape)
        )

    @cached_property
    def missing(self) -> list[str]:
        """Names that only the model has."""
        absent = [
            name
            for name in self.own.tensors
            if _last(name) not in _COUNTERS and not any(one in self.state for one in self.own.tied.get(name, [name]))
        ]
        return absent + [name for name in self.own.others if self._other(name) is None]

    @cached_property
    def unexpected(self) -> list[str]:
        """Names that only the checkpoint has."""
        return [
            name
            for name, value in self.state.items()
            if name not in self.own.tensors
            and name not in self.left_out
            and _last(name) not in _COUNTERS
            and not any(name.startswith(f"{other}.") for other in self.own.others)
            and not (name in self.own.unsaved and _same(value, self.own.unsaved[name]))
        ]

    @cached_property
    def left_out(self) -> dict[str, None]:
        """Names of a loss or metric, which the model does not have."""
        children = {name.partition(".")[0] for name in self.own.actual}
        names = (name for name in self.state if _is_beside(name) and name.partition(".")[0] not in children)
        return dict.fromkeys(names)

    @cached_property
    def faults(self) -> list[_Fault]:
        """All that does not fit; none where it does."""
        return [
            *(_Fault(what="missing", name=name, ours=_told(self.own.tensors.get(name))) for name in self.missing),
            *(
                _Fault(what="unexpected", name=name, theirs=_told(self.state[name]), ours=self._built(name))
                for name in self.unexpected
            ),
            *(_Fault(what="twice", name=name, theirs=_told(self.state[name])) for name in self.twice),
            *self._misfits(),
        ]

    def _misfits(self) -> Iterable[_Fault]:
        for name, mine in self.own.tensors.items():
            if name not in self.state:
                continue
            theirs = self.state[name]
            if name not in self.alike:
                yield _Fault(what="shape", name=name, theirs=_told(theirs), ours=_told(mine))
            elif fault := _kind_fault(theirs):
                yield _Fault(what="kind", name=name, theirs=fault, ours=_kind(mine))
            elif not _castable(theirs, mine, counter=_last(name) in _COUNTERS):
                yield _Fault(what="kind", name=name, theirs=_kind(theirs), ours=_kind(mine))
            partner = next((one for one in self.own.tied.get(name, ()) if one in self.state), name)
            if partner != name and not _same(theirs, self.state[partner]):
                yield _Fault(what="tied", name=name, theirs="other values", ours=f"is {partner}")

    def put_into(self, module: torch.nn.Module) -> None:
        """Load them; what may be missing keeps what the model has."""
        state: dict[str, Any] = {}
        for bare, name in self.own.actual.items():
            if bare in self.own.others:
                state[name] = self._other(bare)
                continue
            partner = next((one for one in self.own.tied.get(bare, [bare]) if one in self.state), None)
            state[name] = self.own.tensors[bare].detach() if partner is None else self.state[partner]
        # The names are those of the module as it is, so that its own loading code has nothing to rename.
        current = module.state_dict()  # which says the version of each module too
        current.update(state)
        try:
            module.load_state_dict(current)
        except Exception as error:  # a module may load its state with code of its own
            raise ModelError(f"{self.contents.path}: checkpoint does not fit the model: {error}") from error

    def same_values(self, other: _Weights) -> bool:
        """Whether it makes no difference which of the two is taken."""
        names = self.alike | other.alike
        return all(
            name in self.state and name in other.state and _same(self.state[name], other.state[name]) for name in names
        )

    def beside(self, key: str | None) -> list[str]:
        """Tensors of the same mapping, below `key`, neither the model's nor a loss's, a metric's or a counter."""
        level = self.contents.mapping_around(self.prefix)
        if level == self.prefix:
            return []
        start = f"{level}." if level else ""
        return [
            name
            for name, around in self.contents.level.items()
            if around == level
            and name.startswith(f"{key}." if key else "")
            and not name.startswith(f"{self.prefix}.")
            and _last(name) not in _COUNTERS
            and not _is_beside(name[len(start) :])
        ]

    def averages(self) -> list[str]:
        """Paths elsewhere in the file whose name says that averaged weights are kept there."""
        places: dict[str, None] = {}
        for name in self.contents.tensors:
            if name.startswith(f"{self.prefix}." if self.prefix else ""):
                continue
            parts = name.split(".")[:-1]
            for position, part in enumerate(parts):
                if _words(part) & _AVERAGED:
                    places[".".join(parts[: position + 1])] = None
                    break
                if _words(part) & _TRAINING:
                    break
        return [one for one in places if not f"{self.prefix}.".startswith(f"{one}.")]

    def notes(self, key: str | None) -> list[str]:
        """Where the weights were, what was left out, and how they were cast."""
        told = []
        if self.prefix and self.prefix != key:
            told.append(f"weights read from {self.prefix}")
        within = self.contents.mapping_around(self.prefix)
        outside = [
            name if around == within else f"{around}."
            for name, around in self.contents.level.items()
            if self.prefix and name.startswith(f"{key}." if key else "") and not name.startswith(f"{self.prefix}.")
        ]
        left = [name for name in (*self.left_out, *outside) if not _is_training(name) and _last(name) not in _COUNTERS]
        if left:
            told.append(f"left out: {_listed(_groups(left))}")
        if self.renamed:
            told.append("names of an earlier version, renamed by the model's own loading code")
        casts = Counter(
            (_kind(self.state[name]), _kind(mine))
            for name, mine in self.own.tensors.items()
            if name in self.state and self.state[name].dtype != mine.dtype and _last(name) not in _COUNTERS
        )
        told += [f"{count} tensors cast from {theirs} to the model's {ours}" for (theirs, ours), count in casts.items()]
        kept = {_kind(mine) for name, mine in self.own.tensors.items() if name in self.state and mine.itemsize < 4}
        kept &= {"float16", "bfloat16"}
        if kept:
            told.append(f"the model's own weights are {' and '.join(sorted(kept))}")
        return told

    def _built(self, name: str) -> str:
        return "built, not saved, with other values" if name in self.own.unsaved else ""

    def _other(self, name: str) -> Any:
        return self.contents.others.get(f"{self.prefix}.{name}" if self.prefix else name)


def _chosen(
    contents: Contents,
    module: torch.nn.Module,
    owns: Sequence[_Own],
    key: str | None,
    classes: Callable[[], int | None],
) -> _Weights:
    """The one set of weights that is meant; `owns` are the model's names, and those inside of what wraps all of it.

    Raises:
        ModelError: none fits, or several do.
    """
    if key is not None and not any(name.startswith(f"{key}.") for name in contents.tensors):
        what = f"is {type(contents.others[key]).__name__}" if key in contents.others else "is not in it"
        what = "is one tensor" if key in contents.tensors else what
        raise ModelError(
            f"{contents.path}: {KEY} must name weights in the checkpoint, but {key} {what}; there are "
            f"{_listed(contents.places())}"
        )
    tried = [_candidates(contents, own, key) for own in owns]
    candidates = next((some for some in tried if some and not some[0].faults), None)
    if candidates is None:
        best = max((one for some in tried for one in some), key=lambda one: len(one.alike), default=None)
        best = best or _Weights(contents, key or _fullest(contents), owns[0])
        renamed = _renamed(best, module)
        if renamed is None or renamed.faults:
            raise ModelError(_misfit(best, classes))
        candidates = [renamed, *(one for one in tried[0] if one is not best)]
    first = candidates[0]
    if key is not None and first.prefix == key:
        return first
    if len(several := _several(first, candidates, key)) > 1:
        raise ModelError(
            f"{contents.path}: holds several sets of weights: "
            f"{_listed([one or 'the names without a prefix' for one in several])}. "
            f"Say which of them is shipped, e.g. {KEY}: {next(one for one in several if one)}"
        )
    if beside := first.beside(key):
        raise ModelError(
            f"{contents.path}: the weights under {first.prefix} fit, but beside them are {_listed(_groups(beside))}. "
            f"If those are no part of the model, write {KEY}: {first.prefix}"
        )
    return first


def _fullest(contents: Contents) -> str:
    """The mapping with most tensors."""
    return Counter(contents.level.values()).most_common(1)[0][0]


def _renamed(weights: _Weights, module: torch.nn.Module) -> _Weights | None:
    """The weights under the names that the module's own loading code gives them, such as those of an earlier version.

    None where that code refuses them, leaves one of the model's tensors as it was, or drops a number.
    """
    own, faults = weights.own, weights.faults
    numbers = {name: value for name, value in weights.state.items() if _last(name) not in _COUNTERS}
    if own.wrapped or own.others or any(fault.what not in ("missing", "unexpected") for fault in faults):
        return None
    if any(_kind_fault(value) or not value.is_floating_point() for value in numbers.values()):
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
    loaded = {name: state[actual] for name, actual in own.actual.items() if _last(name) not in _COUNTERS}
    if any(bool(value.isnan().any()) for value in loaded.values()):
        return None
    if sum(value.numel() for value in loaded.values()) != sum(value.numel() for value in numbers.values()):
        return None
    renamed = _Weights(weights.contents, weights.prefix, own)
    renamed.state, renamed.renamed = loaded, True
    return renamed


def _several(first: _Weights, candidates: Sequence[_Weights], key: str | None) -> list[str]:
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


def _candidates(contents: Contents, own: _Own, key: str | None) -> list[_Weights]:
    """Paths below which there are names of the model, those with most first."""
    counted: Counter[str] = Counter()
    for name in contents.tensors:
        if key is not None and not name.startswith(f"{key}."):
            continue
        parts = name.split(".")
        least = len(key.split(".")) if key else 0
        for position in range(least, len(parts)):
            if _bare(".".join(parts[position:])) in own.tensors:
                counted[".".join(parts[:position])] += 1
    prefixes = [prefix for prefix, _ in counted.most_common(_TRIED)]
    weights = [
        _Weights(contents, prefix, own)
        for prefix in prefixes
        if (prefix == key or _bare(f"{prefix}.") == f"{prefix}.")
        # One prefix is taken off on one side: off both, a layer would be renamed.
        and not (own.wrapped and contents.mapping_around(prefix) != prefix)
    ]
    return sorted(weights, key=lambda one: (bool(one.faults), -len(one.alike)))


def _misfit(best: _Weights, classes: Callable[[], int | None]) -> str:
    """Why nothing fits: one sentence where the kind is known, and the table."""
    contents, own, names = best.contents, best.own, list(best.state)
    if any("lora_A" in name or "lora_B" in name for name in names) and not any("lora_" in name for name in own.tensors):
        return f"{contents.path}: {adapter()}"
    if any(_QUANTISED.search(name) for name in names) or any(map(_is_quantised, best.state.values())):
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


def _other_head(weights: _Weights) -> tuple[int, int] | None:
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


def _table(weights: _Weights) -> str:
    rows = [("what", "name", "checkpoint", "model", "nearest name")]
    missing, unexpected = weights.missing, weights.unexpected
    theirs = {name: _told(weights.state[name]) for name in unexpected}
    ours = {name: _told(weights.own.tensors.get(name)) for name in missing}
    for what in ("missing", "unexpected", "shape", "kind", "tied", "twice"):
        faults = [fault for fault in weights.faults if fault.what == what]
        for fault in faults[:_SHOWN]:
            pool = theirs if what == "missing" else ours if what == "unexpected" else {}
            near = _nearest(fault.name, fault.theirs or fault.ours, pool)
            rows.append((what, fault.name, fault.theirs or "-", fault.ours or "-", near))
        if len(faults) > _SHOWN:
            rows.append((what, f"and {len(faults) - _SHOWN} more", "", "", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _nearest(name: str, shape: str, pool: Mapping[str, str]) -> str:
    """The name most like it, of its own shape first."""
    for names, like in (([one for one, other in pool.items() if other == shape], 0.5), (list(pool), 0.6)):
        if near := difflib.get_close_matches(name, names, 1, like):
            return near[0]
    return ""


def _castable(theirs: torch.Tensor, mine: torch.Tensor, *, counter: bool) -> bool:
    """Whether loading keeps what the numbers say: floats become floats, whole numbers only what is exactly them."""
    if theirs.dtype == mine.dtype or counter:
        return True
    if theirs.is_complex() or mine.is_complex():
        return False
    if theirs.is_floating_point() and mine.is_floating_point():
        return bool((theirs.to(mine.dtype).isfinite() == theirs.isfinite()).all())
    if mine.is_floating_point():  # int8 weights without their scales
        return False
    exact = 2 / torch.finfo(theirs.dtype).eps if theirs.is_floating_point() else float("inf")
    cast = theirs.to(mine.dtype)
    return bool((cast.to(theirs.dtype) == theirs).all()) and not bool((theirs.abs() > exact).any())


def _kind_fault(tensor: torch.Tensor) -> str:
    """What keeps a tensor's numbers from being read one by one; nothing for a plain one."""
    if tensor.layout != torch.strided:
        return str(tensor.layout).removeprefix("torch.")
    return "no values" if tensor.is_meta else "quantised" if tensor.is_quantized else ""


def _is_quantised(tensor: torch.Tensor) -> bool:
    return tensor.is_quantized or tensor.dtype in (torch.int8, torch.uint8)


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    if one.shape != other.shape or _kind_fault(one) or _kind_fault(other):
        return False
    return one is other or torch.equal(one.detach().to(other.dtype), other.detach())


def _bare(name: str) -> str:
    return _WRAPPERS.sub("", name)


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _words(part: str) -> set[str]:
    return set(re.split(r"[_\W]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", part).lower()))


def _is_beside(name: str) -> bool:
    """Whether a name belongs to a loss or a metric."""
    return "." in name and bool(_words(name.partition(".")[0]) & _BESIDE)


def _is_training(name: str) -> bool:
    return bool(_words(name.partition(".")[0]) & _TRAINING)


def _groups(names: Iterable[str]) -> list[str]:
    """The first parts of names, each with how many tensors it stands for."""
    counted = Counter(name.rpartition(".")[0] or name for name in names)
    return [f"{group} ({count} tensors)" if count > 1 else group for group, count in counted.items()]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _told(tensor: torch.Tensor | None) -> str:
    if tensor is None:
        return ""
    return "any" if torch.nn.parameter.is_lazy(tensor) else str(tuple(tensor.shape))


def _kind(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
