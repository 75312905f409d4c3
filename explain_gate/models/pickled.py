"""torch's unpickler held to weights and plain hyperparameters; what else a file holds is named, never run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from explain_gate.models.names import SHOWN

_LIGHTNING = "torch.save(YourModule.load_from_checkpoint(FILE, weights_only=False).state_dict(), 'weights.pt')"
_RECIPES = {
    "ultralytics": "torch.save(ultralytics.YOLO(FILE).model.float().state_dict(), 'weights.pt')",
    "lightning": _LIGHTNING,
    "pytorch_lightning": _LIGHTNING,
    "lightning_fabric": _LIGHTNING,
    "fastai": "torch.save(load_learner(FILE).model.state_dict(), 'weights.pt')",
    "torchao": "gate the weights before they were quantised",
}
_WHERE_TRUSTED = (
    "torch.save(torch.load(FILE, weights_only=False)['state_dict'], 'weights.pt'), or, of a whole pickled model, "
    "torch.save(torch.load(FILE, weights_only=False).state_dict(), 'weights.pt')"
)
_PLAIN_TYPES = (
    "argparse.Namespace",
    "types.SimpleNamespace",
    *(f"pathlib{place}.{name}" for place in ("", "._local") for name in ("Path", "PosixPath", "WindowsPath")),
    *(f"pathlib{place}.{name}" for place in ("", "._local") for name in ("PurePath", "PurePosixPath")),
    *(f"datetime.{name}" for name in ("datetime", "date", "time", "timedelta", "timezone")),
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
    *("numpy.dtype", "numpy.ndarray"),
    *(f"numpy.dtypes.{kind}DType" for kind in ("Float16", "Float32", "Float64", "Bool", "UInt8", "UInt16", "UInt32")),
    *(f"numpy.dtypes.{kind}DType" for kind in ("UInt64", "Int8", "Int16", "Int32", "Int64", "Str", "Bytes")),
    *("decimal.Decimal", "fractions.Fraction", "uuid.UUID"),
)
"""Hyperparameters beside the weights. Their values do not matter, so each is read as nothing and not built."""


@contextmanager
def plain_types_skipped() -> Iterator[None]:
    """Within, torch's list of safe types knows the plain ones, by classes of their names that hold nothing."""
    before = torch.serialization.get_safe_globals()
    parts = [name.rpartition(".") for name in _PLAIN_TYPES]
    torch.serialization.add_safe_globals(
        [type(name, (_Unread,), {"__module__": module, "__qualname__": name}) for module, _, name in parts]
    )
    try:
        yield
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(before)


class _Unread:
    """Stands where a hyperparameter of a plain type was written; holds nothing and does nothing."""

    def __new__(cls, *_: Any) -> _Unread:
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        """What was written is dropped."""


def refused(path: Path, error: Exception) -> str:
    """What torch's list of safe types does not have, and how to save the weights without it."""
    try:
        named = [
            name for name in torch.serialization.get_unsafe_globals_in_checkpoint(str(path)) if name not in _PLAIN_TYPES
        ]
    except Exception:  # noqa: BLE001 - damaged bytes, or a form of pickle that torch cannot list
        named = []
    if not named and "global" not in str(error).lower() and "reduce" not in str(error):
        return f"{path}: not a readable checkpoint ({first_line(error)})"
    root = next((name.partition(".")[0] for name in named if name.partition(".")[0] in _RECIPES), "")
    told = f" ({', '.join(named[:SHOWN])})" if named else ""
    return (
        f"{path}: holds pickled code{told}, which could run anything here, so it is not read. Where you trust the "
        f"file, save the weights alone: {_RECIPES.get(root, _WHERE_TRUSTED)}"
    )


def first_line(error: Exception) -> str:
    """What an error says first; its type where it says nothing."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__
