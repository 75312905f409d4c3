"""The parameters of a function, read from its source, so that whoever tells people about them need not import torch."""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """What a user may set: `type` is the annotation as it is written, `default` the value, `meaning` for people."""

    name: str
    type: str
    default: Any
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Of a function: names of the positional parameters, and the keyword-only ones as (name, type, default)."""

    positional: tuple[str, ...]
    keywords: tuple[tuple[str, str, Any], ...]


@functools.cache
def signatures_in(file: Path) -> Mapping[str, Signature]:
    """The public functions of a module by name.

    A default is a literal, or a name that the module binds to one at its top.

    Raises:
        OSError: the file cannot be read.
        ValueError: a default is neither.
    """
    module = ast.parse(file.read_text(encoding="utf-8"))
    named: dict[str, ast.expr] = {}
    for statement in module.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            named[statement.targets[0].id] = statement.value
    return {
        statement.name: _signature(statement, named)
        for statement in module.body
        if isinstance(statement, ast.FunctionDef) and not statement.name.startswith("_")
    }


def parameters_in(file: Path, function: str, meanings: Mapping[str, str]) -> tuple[Parameter, ...]:
    """The keyword-only parameters of a function that have a meaning, in the order of its signature."""
    return tuple(
        Parameter(name=name, type=annotation, default=default, meaning=meanings[name])
        for name, annotation, default in signatures_in(file)[function].keywords
        if name in meanings
    )


def _signature(function: ast.FunctionDef, named: Mapping[str, ast.expr]) -> Signature:
    given = function.args
    return Signature(
        positional=tuple(one.arg for one in (*given.posonlyargs, *given.args)),
        keywords=tuple(
            (one.arg, ast.unparse(one.annotation) if one.annotation else "", _value(default, named))
            for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
        ),
    )


def _value(default: ast.expr | None, named: Mapping[str, ast.expr]) -> Any:
    if default is None:
        return None
    return ast.literal_eval(named.get(default.id, default) if isinstance(default, ast.Name) else default)
