"""What Python files say of model and preprocessing: parsed, never imported or executed."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from explain_gate.commands.survey.builders import Builder, builders_in
from explain_gate.commands.survey.files import Files
from explain_gate.commands.survey.names import Names
from explain_gate.commands.survey.transforms import evaluation_of

_MOST_SCRIPTS = 500
_TASKS = {"detection": "detection", "segmentation": "segmentation"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A model of a library that a script builds: `source` as thresholds.yaml writes it, `line` as file:line."""

    source: str
    task: str | None
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """Preprocessing that a script composes, as thresholds.yaml writes it; `random`: it is for training."""

    written: Mapping[str, Any]
    random: bool
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """All that the scripts of a project say."""

    calls: tuple[Call, ...]
    builders: tuple[Builder, ...]
    transforms: tuple[Transform, ...]
    saved: Mapping[str, str]
    """Text that names a checkpoint file -> the line that has it."""
    class_folders: Mapping[str, str]
    """Folder that torchvision's ImageFolder reads -> the line."""


def read_code(files: Files) -> Code:
    """What the Python files of a project say; one that cannot be parsed says nothing."""
    calls: list[Call] = []
    builders: list[Builder] = []
    transforms: list[Transform] = []
    saved: dict[str, str] = {}
    folders: dict[str, str] = {}
    for path in [*files.ending(".py")][:_MOST_SCRIPTS]:
        tree = _parsed(files.text(path))
        if tree is None:
            continue
        names = Names(tree)
        builders += builders_in(tree, names, path)
        for node in (one for one in ast.walk(tree) if isinstance(one, ast.Call)):
            line = f"{path}:{node.lineno}"
            if call := _library_call(node, names, line):
                calls.append(call)
            if written := evaluation_of(node, names):
                transforms.append(Transform(written=written[0], random=written[1], line=line))
            if names.of(node.func) == "torchvision.datasets.ImageFolder" and (
                text := names.value(next(iter(node.args), None))
            ):
                folders.setdefault(str(text), line)
        for text, where in _texts(tree):
            if text.lower().endswith((".pt", ".pth", ".ckpt", ".safetensors", ".tar")):
                saved.setdefault(text, f"{path}:{where}")
    return Code(
        calls=tuple(calls),
        builders=tuple(builders),
        transforms=tuple(transforms),
        saved=saved,
        class_folders=folders,
    )


def _parsed(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python finds odd in a stranger's file
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _texts(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, node.lineno


def _library_call(node: ast.Call, names: Names, line: str) -> Call | None:
    """torchvision.models.NAME(...), torchvision.models.get_model("NAME") or timm.create_model("NAME")."""
    called = names.of(node.func) or ""
    if called in ("timm.create_model", "timm.models.create_model", "torchvision.models.get_model"):
        first = (
            node.args[0]
            if node.args
            else next((k.value for k in node.keywords if k.arg in ("model_name", "name")), None)
        )
        name = names.value(first) if first is not None else None
        return (
            Call(source=f"{called.partition('.')[0]}:{name}", task=None, line=line) if isinstance(name, str) else None
        )
    if not called.startswith("torchvision.models."):
        return None
    *inner, name = called.removeprefix("torchvision.models.").split(".")
    if not name[:1].islower() or name.startswith(("get_", "list_")):
        return None
    return Call(
        source=f"torchvision:{name}", task=next((_TASKS[one] for one in inner if one in _TASKS), None), line=line
    )
