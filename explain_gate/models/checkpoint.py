"""A checkpoint file or folder -> its tensors by name; nothing in a file is executed. See `fitting` too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from explain_gate.errors import ModelError
from explain_gate.models.checkpoint_files import file_in, read_file, read_shards
from explain_gate.models.names import SHOWN

_MOST_DEPTH = 32
_MOST_VALUES = 2_000_000  # mappings that hold one another must not go on for ever


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contents:
    """What a checkpoint holds, however its writer nested it; a path joins the keys on the way with dots.

    `tensors` are by path, in the order of the file. `level` says in which mapping each lies. `others` are all
    other values by path, mappings and lists included; the root is "".
    """

    path: Path
    tensors: Mapping[str, torch.Tensor]
    level: Mapping[str, str]
    others: Mapping[str, Any]

    def under(self, prefix: str) -> dict[str, torch.Tensor]:
        """Tensors below a path, by what follows it."""
        start = f"{prefix}." if prefix else ""
        return {name[len(start) :]: value for name, value in self.tensors.items() if name.startswith(start)}

    def mapping_around(self, prefix: str) -> str:
        """The innermost mapping of the file that a path lies in or is."""
        parts = prefix.split(".") if prefix else []
        for length in range(len(parts), -1, -1):
            place = ".".join(parts[:length])
            if isinstance(self.others.get(place), Mapping):
                return place
        return ""

    def places(self) -> list[str]:
        """Where there are weights: mappings that hold tensors, else what the names at the root begin with."""
        held = list(dict.fromkeys(self.level.values()))
        return held if held != [""] else list(dict.fromkeys(name.partition(".")[0] for name in self.tensors))


def read_checkpoint(path: Path) -> Contents:
    """A checkpoint's tensors by path; nothing in the file is executed.

    A file of safetensors or of torch.save, an index of shards, or a folder that holds one of them.

    Raises:
        ModelError: it is missing, damaged, of another format, pickled code, or holds no tensors.
    """
    if path.is_dir():
        path = file_in(path)
    if path.name.endswith(".index.json"):
        return _contents(read_shards(path), path)
    return _contents(read_file(path), path)


def _contents(loaded: Any, path: Path) -> Contents:
    if isinstance(loaded, torch.Tensor) or not isinstance(loaded, Mapping):
        raise ModelError(f"{path}: must hold a state dict, got {type(loaded).__name__}")
    tensors: dict[str, torch.Tensor] = {}
    level: dict[str, str] = {}
    others: dict[str, Any] = {}
    for count, (place, name, value) in enumerate(_walk(loaded, "", 0, path)):
        if count > _MOST_VALUES:
            raise ModelError(f"{path}: holds more than {_MOST_VALUES} values")
        if name in tensors or (name in others and isinstance(value, torch.Tensor)):
            raise ModelError(f"{path}: holds two values under the name {name}")
        if isinstance(value, torch.Tensor):
            tensors[name], level[name] = value, place
        else:
            others[name] = value
    if not tensors:
        keys = ", ".join(map(str, list(loaded)[:SHOWN])) or "nothing"
        raise ModelError(f"{path}: must hold a state dict, but there is no tensor in it; it has {keys}")
    return Contents(path=path, tensors=tensors, level=level, others=others)


def _walk(value: Any, name: str, depth: int, path: Path, around: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every value with the mapping it lies in and its path."""
    yield around, name, value
    if depth > _MOST_DEPTH:
        raise ModelError(f"{path}: is nested more than {_MOST_DEPTH} deep")
    entries: list[tuple[Any, Any]] = []
    if isinstance(value, Mapping):
        entries = list(value.items())
    elif isinstance(value, list | tuple) and any(isinstance(one, Mapping | torch.Tensor | list) for one in value):
        entries = list(enumerate(value))
    for key, one in entries:
        yield from _walk(one, f"{name}.{key}" if name else str(key), depth + 1, path, name)
