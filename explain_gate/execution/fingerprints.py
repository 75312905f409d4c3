"""Digests of code: what a cached number depends on beside weights and images. Source files are read, not imported."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import json
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import torch


def digest(*parts: Any) -> str:
    """SHA-256 of JSON values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def code_of(modules: Iterable[str]) -> str:
    """Digest of modules and of everything they import that is not an installed package; those count by version."""
    seen: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in seen or name.partition(".")[0] in sys.stdlib_module_names:
            continue
        seen[name], imported = _facts(name)
        waiting.extend(imported)
    return digest(sorted(seen.items()))


def code_of_model(module: torch.nn.Module, *functions: str) -> str:
    """Digest of a model's structure, of the code of all its parts and of `package.module:function` references."""
    homes = {type(part).__module__ for part in module.modules()}
    named = {reference.partition(":")[0] for reference in functions if ":" in reference}
    return digest(repr(module), code_of(homes | named), torch.__version__)


def files_in(value: Any, folder: Path) -> Any:
    """Options as JSON; a text that names a file (relative to `folder`), or a folder of files, becomes their digests."""
    if isinstance(value, dict):
        return {str(key): files_in(part, folder) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [files_in(part, folder) for part in value]
    if isinstance(value, str):
        try:
            path = folder / value
            if path.is_file():
                return hashlib.sha256(path.read_bytes()).hexdigest()
            if path.is_dir():
                return [files_in(str(file), folder) for file in sorted(path.iterdir()) if file.is_file()]
        except (OSError, ValueError):
            return value
    return value if isinstance(value, int | float | str | None) else repr(value)


def _facts(name: str) -> tuple[str, tuple[str, ...]]:
    """A module's digest and what it imports; an installed package's version and nothing."""
    top = name.partition(".")[0]
    # Looking up a submodule imports what is above it, so installed packages are known by their top.
    path = _source(top)
    if path is None or ({"site-packages", "dist-packages"} & set(path.parts) and top != "explain_gate"):
        return (_version(top), ())
    path = _source(name)
    if path is None:
        return ("none", ())
    stat = path.stat()
    return _read(path, name if path.name == "__init__.py" else name.rpartition(".")[0], stat.st_mtime_ns, stat.st_size)


@functools.cache
def _read(path: Path, package: str, changed: int, size: int) -> tuple[str, tuple[str, ...]]:  # noqa: ARG001
    source = path.read_bytes()
    try:
        imported = tuple(dict.fromkeys(_imports(ast.parse(source), package)))
    except (SyntaxError, ValueError):
        imported = ()
    return hashlib.sha256(source).hexdigest(), imported


def _source(name: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)


def _imports(tree: ast.AST, package: str) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            yield base
            # A name may be a module of its own.
            yield from (f"{base}.{alias.name}" for alias in node.names if _is_module(base, alias.name))


def _is_module(package: str, name: str) -> bool:
    above = _source(package)
    if above is None or above.name != "__init__.py":
        return False
    return (above.parent / f"{name}.py").is_file() or (above.parent / name).is_dir()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "installed"
