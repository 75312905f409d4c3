"""From a method's name to its maps: what users call, and what a run calls for each batch."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

import explain_gate.vision  # noqa: F401 - before a user's own method, which may import torchvision
from explain_gate.attribution import METHODS
from explain_gate.attribution.base import Probe
from explain_gate.errors import ModelError, OptionError
from explain_gate.records import Attribution
from explain_gate.tasks import DEFAULT, TASKS, task_of


def attribute(
    module: torch.nn.Module,
    images: Tensor,
    targets: Tensor | Sequence[int],
    method: str = "integrated_gradients",
    *,
    target_layer: str | Sequence[str] = "auto",
    target: Callable[..., Tensor] | None = None,
    task: str = DEFAULT,
    seed: int = 0,
    keys: Sequence[str] | None = None,
    memory_budget: int | None = None,
    **options: Any,
) -> Attribution:
    """Explain the score of one class per image.

    Args:
        module: any module; it is left as it was.
        images: (N, C, H, W), normalised as the module expects.
        targets: (N,), the class whose logit is explained.
        method: a name in METHODS, or `package.module:function` for your own.
        target_layer: where CAM methods look: auto, a dotted module name, or several.
        target: turns outputs that are not (N, classes) into scores; see Probe.
        task: what the scores mean, a name in tasks.TASKS.
        seed: every random draw follows from it and the image's key.
        keys: one name per image for the seeds; default: a digest of its pixels.
        memory_budget: bytes that passes may take beside the module; default: half of what is free.
        options: of the method; METHODS[method].options lists them.

    Returns:
        Maps (N, H, W), float32, on the images' device, with the method's kind and details.

    Raises:
        OptionError: no such method or option, or targets that do not fit the images.
        ModelError: the module cannot be explained by this method.
    """
    layers = () if target_layer == "auto" else (target_layer,) if isinstance(target_layer, str) else tuple(target_layer)
    chosen = torch.as_tensor(targets, dtype=torch.int64)
    if images.ndim != 4 or not images.is_floating_point():
        raise OptionError(f"images must be floating point (N, C, H, W), got {images.dtype} {tuple(images.shape)}")
    names = tuple(keys) if keys is not None else tuple(_digest(image) for image in images)
    if task not in TASKS:
        raise OptionError(f"task must be one of {', '.join(TASKS)}, got {task}")
    with Probe(
        module,
        target=target,
        task=task_of(task),
        target_layers=layers,
        memory_budget=memory_budget,
        seed=seed,
    ) as probe:
        return explain(probe, method, images, chosen, names, options)


def explain(
    probe: Probe,
    method: str,
    images: Tensor,
    targets: Tensor,
    keys: Sequence[str],
    options: Mapping[str, Any] | None = None,
) -> Attribution:
    """The maps of one method for a batch, checked for shape and kind. Maps that are not finite are returned as such.

    Shapes: images (N, C, H, W); targets (N,), or (N, T) of tasks that need more than the class, int64; keys, N texts
    that tell the images apart.

    Raises:
        OptionError: no such method or option, or targets or keys that do not fit the images.
        ModelError: the module cannot be explained by this method.
    """
    if targets.shape[:1] != images.shape[:1] or len(keys) != len(images):
        raise OptionError(
            f"targets and keys must be one per image ({len(images)}), got {tuple(targets.shape)} and {len(keys)}"
        )
    function = method_function(method)
    options = dict(options or {})
    _check_options(method, function, options)
    if not len(images):
        raise OptionError("images must be at least one, got none")
    result = function(probe, images.detach(), targets.to(images.device), keys=tuple(keys), **options)
    return _checked(result, method, images)


def method_function(method: str) -> Callable[..., Attribution]:
    """The function behind a name in METHODS or behind `package.module:function`.

    Raises:
        OptionError: there is none.
    """
    if method in METHODS:
        return METHODS[method].load()
    module_name, _, name = method.partition(":")
    if not name:
        raise OptionError(f"method must be one of {', '.join(METHODS)} or package.module:function, got {method}")
    try:
        function = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise OptionError(f"method {method}: {error}") from error
    if not callable(function):
        raise OptionError(f"method {method}: must be a function, got {type(function).__name__}")
    return function  # type: ignore[no-any-return]


def _check_options(method: str, function: Callable[..., Attribution], options: Mapping[str, Any]) -> None:
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    allowed = [
        parameter.name
        for parameter in parameters
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.name != "keys"
    ]
    for name in options:
        if name not in allowed:
            raise OptionError(f"{method} has no option {name}; it has {', '.join(allowed) or 'none'}")


def _checked(result: Any, method: str, images: Tensor) -> Attribution:
    if not isinstance(result, Attribution):
        raise ModelError(f"{method} must return an explain_gate.records.Attribution, got {type(result).__name__}")
    expected = (len(images), *images.shape[-2:])
    maps = result.maps.detach()
    if tuple(maps.shape) != expected:
        raise ModelError(f"{method} must return maps of shape {expected}, got {tuple(maps.shape)}")
    if result.kind != "signed" and bool((maps < 0).any()):
        raise ModelError(f"{method} calls its maps {result.kind}, but they have values below 0")
    return dataclasses.replace(result, method=method, maps=maps.to(device=images.device, dtype=torch.float32))


def _digest(image: Tensor) -> str:
    return hashlib.sha256(image.detach().cpu().float().contiguous().numpy().tobytes()).hexdigest()
