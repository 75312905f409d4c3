"""A model source -> a module, and `package.module:name` -> a user's function; the checkpoint is not looked at here."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from explain_gate import vision  # before any of the user's code, which may import torchvision
from explain_gate.config import GateConfig
from explain_gate.data.git_lfs import pointer_fault
from explain_gate.errors import ModelError
from explain_gate.models.layout import flavour_of, is_mlflow_model
from explain_gate.models.other_formats import OTHER_FORMATS
from explain_gate.own_code import load_function, make_importable

_SHOWN = 6
_WEIGHTS = frozenset({".safetensors", ".pt", ".pth", ".ckpt", ".bin"})
_WEIGHTS_ALONE = (
    "no code: write model.checkpoint: {}, and as model.source what builds the model (package.module:callable, "
    "torchvision:NAME, timm:NAME); for TorchScript, a function that returns torch.jit.load(FILE), and no checkpoint"
)
_POINTER_SIGNS = ("invalid load key, 'v'", "Unsupported operand 118")


def build_module(config: GateConfig, source: str, *, allow_pickle: bool = False) -> torch.nn.Module:
    """The module as its source builds it, without the checkpoint.

    Args:
        config: the gate.
        source: package.module:callable, torchvision:NAME, timm:NAME, FILE.pt2, or an MLflow model folder.
        allow_pickle: load an MLflow folder whose files run code when they are read.

    Raises:
        ModelError: the source cannot be imported or called.
    """
    return _build(source, dict(config.sections.model.arguments), config.path.parent, allow_pickle=allow_pickle)


def library_builder(source: str) -> Callable[..., Any]:
    """What builds `torchvision:NAME` or `timm:NAME` from its arguments, without weights of the library's own.

    Raises:
        ModelError: the library is not installed, or has no such model.
    """
    kind, _, name = source.partition(":")
    return _torchvision_builder(name) if kind == "torchvision" else _timm_builder(name)


def load_target(config: GateConfig) -> Callable[..., Any] | None:
    """`model.target`: what turns the model's output into scores, for whoever asks the model; None where it is not set.

    Raises:
        ModelError: as load_function.
    """
    name = config.sections.model.target
    return load_function(name, config.path.parent, "model.target") if name else None


def unpickled(folder: Path, told: str, importable: Path, *, allow_pickle: bool) -> torch.nn.Module:
    """The module of an MLflow model folder of the pytorch flavour; its code is in the folder or importable.

    Args:
        folder: where MLflow wrote the model.
        told: what the folder is called in messages.
        importable: where a model that was logged without its code finds it.
        allow_pickle: somebody trusts whoever wrote the folder.

    Raises:
        ModelError: nobody allowed it, or it cannot be loaded.
    """
    if any(folder.rglob("*.onnx")):
        raise ModelError(f"{told}: is {OTHER_FORMATS['.onnx']}")
    if not allow_pickle:
        raise ModelError(
            f"{told} is pickled ({folder.name}): loading it runs whatever code its author put in, with your "
            "rights. Register weights as safetensors or a torch.export archive instead "
            "(mlflow.pytorch.log_model(model, serialization_format='pt2', input_example=...)), or, if you trust "
            "whoever wrote it, add --allow-pickle"
        )
    import mlflow.pytorch

    make_importable(importable)
    try:
        module = mlflow.pytorch.load_model(str(folder), map_location="cpu")
    except ModuleNotFoundError as error:
        raise ModelError(
            f"{told}: was logged without its code, and there is no module named {error.name} in {importable}, "
            f"{Path.cwd()} and the installed packages; log it with code_paths=[...]"
        ) from error
    except Exception as error:  # a pickle may raise anything
        raise ModelError(f"{told}: cannot be loaded with mlflow.pytorch: {error}") from error
    if not isinstance(module, torch.nn.Module):
        raise ModelError(f"{told}: must hold a torch.nn.Module, got {type(module).__name__}")
    return module


def _build(source: str, arguments: dict[str, Any], folder: Path, *, allow_pickle: bool) -> torch.nn.Module:
    kind = source.partition(":")[0]
    if kind in ("torchvision", "timm"):
        build = library_builder(source)
    elif kind == "models":
        raise ModelError(f"{source}: a registered model is fetched by `explain-gate run`, not here")
    elif source.endswith(".pt2"):
        return _exported(folder / source)
    elif (folder / source).is_dir():
        return _from_folder(folder / source, source, folder, allow_pickle=allow_pickle)
    elif (suffix := Path(source).suffix.lower()) in _WEIGHTS | OTHER_FORMATS.keys() and ":" not in source:
        raise ModelError(f"model.source {source}: is {OTHER_FORMATS.get(suffix, _WEIGHTS_ALONE.format(source))}")
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


def _from_folder(place: Path, source: str, importable: Path, *, allow_pickle: bool) -> torch.nn.Module:
    """An MLflow model folder as a module."""
    flavour, file = flavour_of(place) if is_mlflow_model(place) else ("unknown", None)
    if flavour == "exported" and file is not None:
        return _exported(file)
    if is_mlflow_model(place) and flavour not in ("safetensors", "state_dict"):
        return unpickled(place, f"model.source {source}", importable, allow_pickle=allow_pickle)
    raise ModelError(f"model.source {source}: is {_WEIGHTS_ALONE.format(file or source)}")


def _torchvision_builder(name: str) -> Callable[..., Any]:
    models = vision.torchvision.models
    try:
        build = models.get_model_builder(name)
    except ValueError as error:
        near = difflib.get_close_matches(name.lower(), models.list_models(), _SHOWN)
        hint = f"; there are {', '.join(near)}" if near else ""
        raise ModelError(f"model.source torchvision:{name}: torchvision has no such model{hint}") from error
    backbone = {"weights_backbone": None} if "weights_backbone" in inspect.signature(build).parameters else {}
    return functools.partial(build, **{"weights": None, **backbone})


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
    module.train = lambda mode=True: module  # type: ignore[method-assign]  # noqa: ARG005 - torch's signature
    return module
