"""The tensors below one path of a checkpoint, held against the names and shapes of a module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from explain_gate.errors import ModelError
from explain_gate.models.checkpoint import Contents
from explain_gate.models.names import (
    AVERAGED_WORDS,
    COUNTERS,
    TRAINING_WORDS,
    bare_name,
    grouped,
    is_of_a_loss,
    is_of_training,
    last_part,
    listed,
    words_of,
)
from explain_gate.models.tensors import castable, dtype_told, holds_same, kind_fault, shape_told


class ModelState:
    """The module's side: every name of its state without wrappers' parts, and what may be missing."""

    def __init__(self, module: torch.nn.Module, shared: str = "") -> None:
        self.wrapped = bool(shared)
        state = module.state_dict(keep_vars=True)
        self.actual = {bare_name(name).removeprefix(shared): name for name in state}
        self.tensors = {
            bare: state[name] for bare, name in self.actual.items() if isinstance(state[name], torch.Tensor)
        }
        self.others = {bare: state[name] for bare, name in self.actual.items() if bare not in self.tensors}
        # Buffers that are not saved: old checkpoints may have them still.
        self.unsaved = {
            bare_name(name).removeprefix(shared): value
            for name, value in module.named_buffers()
            if bare_name(name).removeprefix(shared) not in self.actual
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
class Fault:
    """One name that does not fit; `what` is missing, unexpected, twice, shape, kind or tied."""

    what: str
    name: str
    theirs: str = ""
    ours: str = ""


class Weights:
    """The tensors below one path of a checkpoint, held against the model's."""

    def __init__(self, contents: Contents, prefix: str, own: ModelState) -> None:
        self.contents, self.prefix, self.own = contents, prefix, own
        self.renamed = False
        self.state: dict[str, torch.Tensor] = {}
        self.twice: list[str] = []
        for name, value in contents.under(prefix).items():
            bare = bare_name(name)
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
            if last_part(name) not in COUNTERS and not any(one in self.state for one in self.own.tied.get(name, [name]))
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
            and last_part(name) not in COUNTERS
            and not any(name.startswith(f"{other}.") for other in self.own.others)
            and not (name in self.own.unsaved and holds_same(value, self.own.unsaved[name]))
        ]

    @cached_property
    def left_out(self) -> dict[str, None]:
        """Names of a loss or metric, which the model does not have."""
        children = {name.partition(".")[0] for name in self.own.actual}
        names = (name for name in self.state if is_of_a_loss(name) and name.partition(".")[0] not in children)
        return dict.fromkeys(names)

    @cached_property
    def faults(self) -> list[Fault]:
        """All that does not fit; none where it does."""
        return [
            *(Fault(what="missing", name=name, ours=shape_told(self.own.tensors.get(name))) for name in self.missing),
            *(
                Fault(what="unexpected", name=name, theirs=shape_told(self.state[name]), ours=self._built(name))
                for name in self.unexpected
            ),
            *(Fault(what="twice", name=name, theirs=shape_told(self.state[name])) for name in self.twice),
            *self._misfits(),
        ]

    def _misfits(self) -> Iterable[Fault]:
        for name, mine in self.own.tensors.items():
            if name not in self.state:
                continue
            theirs = self.state[name]
            if name not in self.alike:
                yield Fault(what="shape", name=name, theirs=shape_told(theirs), ours=shape_told(mine))
            elif fault := kind_fault(theirs):
                yield Fault(what="kind", name=name, theirs=fault, ours=dtype_told(mine))
            elif not castable(theirs, mine, counter=last_part(name) in COUNTERS):
                yield Fault(what="kind", name=name, theirs=dtype_told(theirs), ours=dtype_told(mine))
            partner = next((one for one in self.own.tied.get(name, ()) if one in self.state), name)
            if partner != name and not holds_same(theirs, self.state[partner]):
                yield Fault(what="tied", name=name, theirs="other values", ours=f"is {partner}")

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

    def same_values(self, other: Weights) -> bool:
        """Whether it makes no difference which of the two is taken."""
        names = self.alike | other.alike
        return all(
            name in self.state and name in other.state and holds_same(self.state[name], other.state[name])
            for name in names
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
            and last_part(name) not in COUNTERS
            and not is_of_a_loss(name[len(start) :])
        ]

    def averages(self) -> list[str]:
        """Paths elsewhere in the file whose name says that averaged weights are kept there."""
        places: dict[str, None] = {}
        for name in self.contents.tensors:
            if name.startswith(f"{self.prefix}." if self.prefix else ""):
                continue
            parts = name.split(".")[:-1]
            for position, part in enumerate(parts):
                if words_of(part) & AVERAGED_WORDS:
                    places[".".join(parts[: position + 1])] = None
                    break
                if words_of(part) & TRAINING_WORDS:
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
        left = [
            name for name in (*self.left_out, *outside) if not is_of_training(name) and last_part(name) not in COUNTERS
        ]
        if left:
            told.append(f"left out: {listed(grouped(left))}")
        if self.renamed:
            told.append("names of an earlier version, renamed by the model's own loading code")
        casts = Counter(
            (dtype_told(self.state[name]), dtype_told(mine))
            for name, mine in self.own.tensors.items()
            if name in self.state and self.state[name].dtype != mine.dtype and last_part(name) not in COUNTERS
        )
        told += [f"{count} tensors cast from {theirs} to the model's {ours}" for (theirs, ours), count in casts.items()]
        kept = {dtype_told(mine) for name, mine in self.own.tensors.items() if name in self.state and mine.itemsize < 4}
        kept &= {"float16", "bfloat16"}
        if kept:
            told.append(f"the model's own weights are {' and '.join(sorted(kept))}")
        return told

    def _built(self, name: str) -> str:
        return "built, not saved, with other values" if name in self.own.unsaved else ""

    def _other(self, name: str) -> Any:
        return self.contents.others.get(f"{self.prefix}.{name}" if self.prefix else name)
