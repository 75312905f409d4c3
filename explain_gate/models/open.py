"""A model source and a checkpoint -> ModelUnderTest: built, loaded safely, frozen in eval mode, with a digest."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import inspect
import json
import pickle
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from explain_gate import vision  # before any of the user's code, which may import torchvision
from explain_gate.config import GateConfig
from explain_gate.data.git_lfs import pointer_fault
from explain_gate.errors import ModelError
from explain_gate.records import ModelUnderTest

_WRAPPERS = ("state_dict", "model_state_dict", "model")
_SHOWN = 6
_POINTER_SIGNS = ("invalid load key, 'v'", "Unsupported operand 118")


def load_model(
    config: GateConfig, *, source: str | None = None, checkpoint: str | Path | None = None
) -> ModelUnderTest:
    """The model that thresholds.yaml names, or the overrides given on the command line.

    Raises:
        ModelError: the source cannot be imported or called, or the checkpoint cannot be read or does not fit.
    """
    section = config.sections.model
    source = source or section.source
    # An empty checkpoint says that there is none, whatever the file names.
    named = Path(checkpoint) if checkpoint else section.checkpoint if checkpoint is None else None
    chosen = None if named is None else named if checkpoint else config.resolve(named)
    module = _build(source, dict(section.arguments), config.path.parent)
    if chosen is not None:
        _fit(module, read_state(chosen), chosen)
    freeze(module, source)
    layers = section.target_layer
    return ModelUnderTest(
        module=module,
        source=source,
        checkpoint=str(chosen) if chosen else None,
        digest=digest_of(module, source, section.arguments),
        target_layers=() if layers == "auto" else (layers,) if isinstance(layers, str) else tuple(layers),
        name=section.name or source.rpartition("/")[2].rpartition(":")[2] or source,
    )


def freeze(module: torch.nn.Module, source: str) -> None:
    """Eval mode, and no parameter wants a gradient.

    Raises:
        ModelError: a frozen TorchScript module, whose weights are part of its code.
    """
    module.eval()
    for parameter in module.parameters():  # TorchScript has no requires_grad_
        parameter.requires_grad = False
    if isinstance(module, torch.jit.ScriptModule) and not any(True for _ in module.parameters()):
        raise ModelError(
            f"{source}: a TorchScript module without parameters (torch.jit.freeze or optimize_for_inference made them "
            "part of its code), so no other weights can be put in to test the explanations. Save it before it is "
            "frozen: torch.jit.script(model).save('model.pt')"
        )


def build_module(config: GateConfig, source: str) -> torch.nn.Module:
    """The module as its source builds it, without the checkpoint.

    Raises:
        ModelError: the source cannot be imported or called.
    """
    return _build(source, dict(config.sections.model.arguments), config.path.parent)


def load_target(config: GateConfig) -> Callable[..., Any] | None:
    """`model.target`: what turns the model's output into scores, for whoever asks the model; None where it is not set.

    Raises:
        ModelError: as load_function.
    """
    name = config.sections.model.target
    return load_function(name, config.path.parent, "model.target") if name else None


def load_function(reference: str, folder: Path, what: str) -> Callable[..., Any]:
    """`package.module:name` -> the callable; `folder` is importable, as a repository's root is for its tests.

    Raises:
        ModelError: there is no such module or name, or it is not callable.
    """
    module_name, _, attribute = reference.partition(":")
    if not module_name or not attribute:
        raise ModelError(f"{what} must be package.module:callable, got {reference}")
    make_importable(folder)
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except ModuleNotFoundError as error:
        raise ModelError(
            f"{what} {reference}: no module named {error.name}; it is looked for in {folder}, {Path.cwd()} and the "
            "installed packages"
        ) from error
    except AttributeError as error:
        raise ModelError(f"{what} {reference}: {error}") from error
    except Exception as error:  # an import runs the user's code, which may raise anything
        raise ModelError(f"{what} {reference}: importing it raised {type(error).__name__}: {error}") from error
    if not callable(found):
        raise ModelError(f"{what} {reference}: must be callable, got {type(found).__name__}")
    return found  # type: ignore[no-any-return]


def make_importable(folder: Path) -> None:
    """A gate's folder, and the one that the process was started in, are where a team's own modules are looked for."""
    for place in (str(folder), str(Path.cwd())):
        if place not in sys.path:
            sys.path.insert(0, place)


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


def digest_of(module: torch.nn.Module, source: str, arguments: Mapping[str, Any]) -> str:
    """SHA-256 over the source, its arguments and every tensor of the state (name, dtype, shape, bytes)."""
    content = hashlib.sha256()
    content.update(json.dumps([source, arguments], sort_keys=True, default=str).encode())
    for name, tensor in sorted(module.state_dict().items()):
        if not isinstance(tensor, torch.Tensor):
            content.update(f"{name} {tensor!r}".encode())
            continue
        content.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        flat = tensor.detach().cpu().contiguous().flatten()
        if flat.numel():
            content.update(flat.view(torch.uint8).numpy().tobytes())
    for code in _compiled_code(module):
        content.update(code.encode())
    return content.hexdigest()


def _compiled_code(module: torch.nn.Module) -> list[str]:
    """What TorchScript modules do, which no source file says; nothing for any other module."""
    return [
        f"{name} {layer.code}"
        for name, layer in module.named_modules()
        if isinstance(layer, torch.jit.ScriptModule) and hasattr(layer, "forward")
    ]


def _build(source: str, arguments: dict[str, Any], folder: Path) -> torch.nn.Module:
    kind, _, name = source.partition(":")
    if kind == "torchvision":
        build = _torchvision_builder(name)
        arguments = {"weights": None, **arguments}
        if "weights_backbone" in inspect.signature(build).parameters:
            arguments = {"weights_backbone": None, **arguments}
    elif kind == "timm":
        build = _timm_builder(name)
    elif kind == "models":
        raise ModelError(f"{source}: a registered model is fetched by `explain-gate run`, not here")
    elif source.endswith(".pt2"):
        return _exported(folder / source)
    else:
        build = load_function(source, folder, "model.source")
    try:
        module = build(**arguments)
    except Exception as error:  # the user's own code may raise anything
        # What torch.load says of a file that starts with the v of "version https://git-lfs".
        pointer = ". It seems to have read a Git LFS pointer: fetch the file with `git lfs pull`"
        hint = pointer if any(sign in str(error) for sign in _POINTER_SIGNS) else ""
        raise ModelError(f"model.source {source}: calling it raised {type(error).__name__}: {error}{hint}") from error
    if not isinstance(module, torch.nn.Module):
        raise ModelError(f"model.source {source}: must return a torch.nn.Module, got {type(module).__name__}")
    return module


def _torchvision_builder(name: str) -> Callable[..., Any]:
    models = vision.torchvision.models
    try:
        return models.get_model_builder(name)  # type: ignore[no-any-return]
    except ValueError as error:
        near = difflib.get_close_matches(name.lower(), models.list_models(), _SHOWN)
        hint = f"; there are {', '.join(near)}" if near else ""
        raise ModelError(f"model.source torchvision:{name}: torchvision has no such model{hint}") from error


def _timm_builder(name: str) -> Callable[..., Any]:
    try:
        import timm
    except ModuleNotFoundError as error:
        raise ModelError(
            f"model.source timm:{name}: timm is not installed; pip install 'explain-gate[timm]'"
        ) from error

    def build(**arguments: Any) -> Any:
        return timm.create_model(name, **{"pretrained": False, **arguments})

    return build


def _exported(path: Path) -> torch.nn.Module:
    """A torch.export archive as a module. Its eval mode was fixed when it was exported."""
    if not path.is_file():
        raise ModelError(f"{path}: model.source does not exist")
    if fault := pointer_fault(path):
        raise ModelError(fault)
    try:
        module = torch.export.load(path).module()
    except Exception as error:  # torch.export raises many kinds for a damaged archive
        raise ModelError(f"{path}: not a readable torch.export archive ({error})") from error
    # An exported module refuses eval(); what it does was decided at export time.
    module.eval = lambda: module  # type: ignore[method-assign]
    module.train = lambda mode=True: module  # type: ignore[method-assign]  # noqa: ARG005
    return module


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


def _fit(module: torch.nn.Module, state: Mapping[str, torch.Tensor], path: Path) -> None:
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
