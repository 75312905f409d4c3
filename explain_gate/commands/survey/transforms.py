"""A composed transform in a script -> `data.preprocessing`, where all of it is what this package does itself."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from explain_gate.commands.survey.names import Names

_HARMLESS = frozenset(
    {"ToTensor", "ToImage", "ToDtype", "PILToTensor", "ConvertImageDtype", "ToPureTensor", "ToImageTensor"}
)
_RANDOM = (
    "Random",
    "AutoAugment",
    "RandAugment",
    "TrivialAugment",
    "AugMix",
    "ColorJitter",
    "GaussianBlur",
    "GaussianNoise",
    "ElasticTransform",
)
_INTERPOLATIONS = {"NEAREST": "nearest", "BILINEAR": "bilinear", "BICUBIC": "bicubic"}


def evaluation_of(node: ast.Call, names: Names) -> tuple[dict[str, Any], bool] | None:
    """What a Compose, or a weights entry's own transforms, would be in thresholds.yaml, and whether it is random.

    None where the call is neither, or does what is not done here.
    """
    called = names.of(node.func) or ""
    if called.endswith(".transforms") and (weights := _weights(node.func, names)):
        return {"weights": weights}, False
    if not called.startswith("torchvision.transforms") or not called.endswith(".Compose") or not node.args:
        return None
    steps = node.args[0].elts if isinstance(node.args[0], ast.List | ast.Tuple) else []
    return _written(steps, names)


def _written(steps: Sequence[ast.expr], names: Names) -> tuple[dict[str, Any], bool] | None:
    written: dict[str, Any] = {}
    random = False
    for step in steps:
        if not isinstance(step, ast.Call):
            return None
        name = (names.of(step.func) or "").rpartition(".")[2]
        if name.startswith(_RANDOM):
            random = True
        elif name == "Resize":
            written |= _resize(step, names)
        elif name == "CenterCrop":
            written["crop"] = _argument(step, 0, "size", names)
        elif name == "Normalize":
            written |= {"mean": _argument(step, 0, "mean", names), "std": _argument(step, 1, "std", names)}
        elif name not in _HARMLESS:
            return None
    if not written or None in written.values():
        return None
    return written, random


def _resize(step: ast.Call, names: Names) -> dict[str, Any]:
    how = next((names.of(one.value) for one in step.keywords if one.arg == "interpolation"), None)
    interpolation = _INTERPOLATIONS.get((how or "").rpartition(".")[2])
    told = {"interpolation": interpolation} if interpolation and interpolation != "bilinear" else {}
    return {"resize": _argument(step, 0, "size", names), **told}


def _argument(step: ast.Call, place: int, name: str, names: Names) -> Any:
    given = next((one.value for one in step.keywords if one.arg == name), None)
    return names.value(given if given is not None else step.args[place] if len(step.args) > place else None)


def _weights(function: ast.expr, names: Names) -> str | None:
    """`ResNet18_Weights.DEFAULT.transforms`, also through a name."""
    entry = function.value if isinstance(function, ast.Attribute) else None
    called = names.of(entry) if entry is not None else None
    if isinstance(entry, ast.Name) and (assigned := names.assigned(entry.id)) is not None:
        called = names.of(assigned)
    parts = (called or "").split(".")
    return ".".join(parts[-2:]) if len(parts) > 1 and parts[-2].endswith("_Weights") else None
