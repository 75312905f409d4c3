"""Names and shapes in a checkpoint file, and the plain texts beside them, read without unpickling anything."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explain_gate.commands.survey.pickles import Tensor, followed

_MOST_BYTES = 50_000_000
_MOST_DEPTH = 4
_NONSENSE = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError, MemoryError),
    *(EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError),
)
"""What damaged bytes and instructions without sense make a reader raise."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """What a checkpoint says of itself: `shapes` by name, without what they were nested in, and `texts` beside them."""

    shapes: Mapping[str, tuple[int, ...]]
    texts: Mapping[str, Any]

    @property
    def head(self) -> tuple[str, int] | None:
        """Name and outputs of the last layer: the last weight of two axes, or of four that are 1 x 1."""
        for name, shape in reversed(list(self.shapes.items())):
            if name.endswith("weight") and (len(shape) == 2 or (len(shape) == 4 and shape[2:] == (1, 1))):
                return name, shape[0]
        return None

    def fits(self, names: Mapping[str, tuple[int, ...]]) -> bool:
        """Whether a model has all of these weights and no other, by name and shape, but for one prefix and counters."""
        ours = {name: shape for name, shape in self.shapes.items() if not name.endswith("num_batches_tracked")}
        theirs = {name: shape for name, shape in names.items() if not name.endswith("num_batches_tracked")}
        return any({name.removeprefix(prefix): shape for name, shape in ours.items()} == theirs for prefix in _PREFIXES)


_PREFIXES = ("", "module.", "model.", "model.module.", "net.", "backbone.", "_orig_mod.", "model._orig_mod.")


def weights_in(path: Path) -> Weights | None:
    """What is in a file; None where it cannot be told without building it."""
    try:
        if path.name.endswith(".safetensors"):
            return _safetensors(path)
        with zipfile.ZipFile(path) as archive:
            record = next((one for one in archive.infolist() if one.filename.endswith("data.pkl")), None)
            if record is None or record.file_size > _MOST_BYTES:
                return None
            root = followed(archive.read(record))
    except _NONSENSE:
        return None
    return _of(root)


def _safetensors(path: Path) -> Weights:
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > _MOST_BYTES:
            raise ValueError("no header of safetensors")
        header = json.loads(stream.read(length))
    texts = header.pop("__metadata__", {})
    return Weights(shapes={name: tuple(entry["shape"]) for name, entry in header.items()}, texts=texts)


def _of(root: Any) -> Weights | None:
    """The state dict among what was saved: the mapping with most tensors, those of averaged weights included."""
    if not isinstance(root, dict):
        return None
    most = max(_mappings(root), key=lambda one: sum(isinstance(value, Tensor) for value in one.values()))
    shapes = {str(name): value.shape for name, value in most.items() if isinstance(value, Tensor)}
    texts: dict[str, Any] = {
        str(name): value for name, value in root.items() if isinstance(value, str | int | float | bool)
    }
    nested = root.get("hyper_parameters")
    if isinstance(nested, dict):
        texts["hyper_parameters"] = {
            str(name): value for name, value in nested.items() if isinstance(value, str | int | float | bool)
        }
    return Weights(shapes=shapes, texts=texts) if shapes else None


def _mappings(root: dict[Any, Any]) -> list[dict[Any, Any]]:
    """The mapping and those in it, a few levels deep; each once, however often the file names it."""
    seen = {id(root): root}
    level = [root]
    for _ in range(_MOST_DEPTH):
        inner = {id(value): value for one in level for value in one.values() if isinstance(value, dict)}
        level = [value for key, value in inner.items() if key not in seen]
        seen |= inner
    return list(seen.values())
