"""A checkpoint file -> its tensors -> a module that carries them; nothing in the file is executed."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from explain_gate.data.git_lfs import pointer_fault
from explain_gate.errors import ModelError

_WRAPPERS = ("state_dict", "model_state_dict", "model")
_SHOWN = 6


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """A checkpoint's tensors by name; nothing in the file is executed.

    Raises:
        ModelError: the file is missing, damaged, pickled code, or not a state dict.
    """
    if not path.is_file():
        raise ModelError(f"{path}: checkpoint does not exist")
    if fault := pointer_fault(path):
        raise ModelError(fault)
    if path.suffix != ".safetensors" and _is_compiled(path):
        raise ModelError(
            f"{path}: is a TorchScript archive, a whole model, not weights alone. Name a function as model.source that "
            "loads it, e.g. def build(): return torch.jit.load(FILE), and no model.checkpoint; or save the weights: "
            "safetensors.torch.save_file(torch.jit.load(FILE).state_dict(), 'model.safetensors')"
        )
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return dict(load_file(path))
        except (SafetensorError, OSError, ValueError) as error:
            raise ModelError(f"{path}: not a readable safetensors file ({error})") from error
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path}: holds pickled code, which could run anything here, so it is not read. Save the weights alone: "
            "safetensors.torch.save_file(model.state_dict(), 'model.safetensors')"
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ModelError(f"{path}: not a readable checkpoint ({str(error).splitlines()[0]})") from error
    return _state_in(loaded, path)


def fit(module: torch.nn.Module, state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Put a checkpoint's tensors into a module.

    Raises:
        ModelError: names or shapes differ; the message lists them.
    """
    own = {name: value for name, value in module.state_dict().items() if isinstance(value, torch.Tensor)}
    missing = [name for name in own if name not in state]
    unexpected = [name for name in state if name not in own]
    shapes = [
        f"{name} is {tuple(state[name].shape)}, the model's is {tuple(own[name].shape)}"
        for name in own
        if name in state and own[name].shape != state[name].shape
    ]
    faults = [
        f"{what}: {', '.join(names[:_SHOWN])}" + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
        for what, names in (("missing", missing), ("not in the model", unexpected), ("other shape", shapes))
        if names
    ]
    if faults:
        raise ModelError(f"{path}: checkpoint does not fit the model.\n  " + "\n  ".join(faults))
    module.load_state_dict(dict(state))


def _is_compiled(path: Path) -> bool:
    """Whether a file is an archive that torch.jit.save wrote: those hold code."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any("/code/" in name for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _state_in(loaded: Any, path: Path) -> dict[str, torch.Tensor]:
    for wrapper in _WRAPPERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(wrapper), Mapping):
            loaded = loaded[wrapper]
            break
    if not isinstance(loaded, Mapping) or not loaded:
        raise ModelError(f"{path}: must hold a state dict, got {type(loaded).__name__}")
    strange = [str(name) for name, value in loaded.items() if not isinstance(value, torch.Tensor)]
    if strange:
        raise ModelError(f"{path}: must hold tensors only, but {', '.join(strange[:_SHOWN])} are not tensors")
    state = {str(name): value for name, value in loaded.items()}
    if all(name.startswith("module.") for name in state):  # DataParallel's wrapping
        state = {name.removeprefix("module."): value for name, value in state.items()}
    return state
