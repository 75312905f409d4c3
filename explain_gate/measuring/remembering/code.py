"""Digests of code: modules and all that they import, read and never imported; installed packages by their version."""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import importlib.util
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from importlib import metadata
from importlib.machinery import all_suffixes
from pathlib import Path

from explain_gate.measuring.remembering.digests import digest

_IMPORTERS = frozenset({"import_module", "importlib.import_module", "__import__"})


def code_of(modules: Iterable[str]) -> str:
    """Digest of modules, of the packages they lie in, and of everything these import, also inside functions.

    Installed packages count by their version and the files they were installed with. Nothing is imported for it.
    """
    _found.cache_clear()  # a file may have come or gone since the last time
    seen: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if not name or name in seen or name.partition(".")[0] in sys.stdlib_module_names:
            continue
        seen[name], imported = _facts(name)
        # Importing a.b.c runs a and a.b first.
        waiting.extend([*imported, name.rpartition(".")[0]])
    return digest(sorted(seen.items()))


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """The version of each installed package by its import name."""
    return {name: _version(name) for name in packages}


def home_of(reference: str) -> str | None:
    """The module of `package.module:function`, the library of torchvision:NAME; None for files and registries."""
    module, colon, _ = reference.partition(":")
    return module if colon and module != "models" and "/" not in module else None


def _facts(name: str) -> tuple[str, tuple[str, ...]]:
    """A module's digest and what it imports; an installed package's version and nothing."""
    top = name.partition(".")[0]
    home = _found(top)
    if home is None:
        return ("none", ())
    if {"site-packages", "dist-packages"} & set(home.parts) and top != "explain_gate":
        return (_installed(top), ())
    path = home if name == top else _found(name)
    if path is None or path.is_dir():
        return ("none", ())
    try:
        stat = path.stat()
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        return _read(path, package, stat.st_mtime_ns, stat.st_size)
    except OSError:  # inside an archive
        return ("unreadable", ())


@functools.cache
def _read(path: Path, package: str, changed: int, size: int) -> tuple[str, tuple[str, ...]]:
    del changed, size  # they only tell the versions of a file apart
    source = path.read_bytes()
    try:
        imported = tuple(dict.fromkeys(_imports(source, package))) if path.suffix == ".py" else ()
    except (SyntaxError, ValueError):
        imported = ()
    return hashlib.sha256(source).hexdigest(), imported


@functools.cache
def _found(name: str) -> Path | None:
    """Where a module's code lies: its file, or the folder of a package without an __init__.py. Imports nothing.

    importlib's find_spec would import the packages above it, which is the user's code.
    """
    top, *inner = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        spec = None
    if spec is None:  # a script, or a module that somebody made by hand
        file = getattr(sys.modules.get(top), "__file__", None)
        return Path(file) if file and not inner else None
    if spec.submodule_search_locations is None:
        return Path(spec.origin) if spec.has_location and spec.origin and not inner else None
    path = Path(spec.origin) if spec.has_location and spec.origin else None
    folders = [Path(folder) for folder in spec.submodule_search_locations]
    for part in inner:
        path, folders = _inside(folders, part)
        if path is None and not folders:
            return None
    return path or (folders[0] if folders else None)


def _inside(folders: Sequence[Path], name: str) -> tuple[Path | None, list[Path]]:
    """A submodule's file, and the folders that its own submodules are looked for in."""
    for folder in folders:
        package = folder / name / "__init__.py"
        if package.is_file():
            return package, [package.parent]
        for suffix in all_suffixes():
            file = folder / f"{name}{suffix}"
            if suffix != ".pyc" and file.is_file():
                return file, []
    return None, [folder / name for folder in folders if (folder / name).is_dir()]


def _imports(source: bytes, package: str) -> Iterable[str]:
    """What a module imports wherever it says so, but for type checkers.

    Raises:
        SyntaxError, ValueError: it is not Python.
    """
    told = [number for number, line in enumerate(source.splitlines(), 1) if b"import" in line]
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt) and bisect_left(told, node.lineno) == bisect_right(told, _end(node)):
            continue  # most statements do not hold the word, and to look through them takes seconds
        if isinstance(node, ast.If) and _dotted(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            waiting.extend(node.orelse)
            continue
        waiting.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute("." * node.level + (node.module or ""), package)
            yield base
            # A name may be a module of its own.
            yield from (f"{base}.{alias.name}" for alias in node.names if _is_module(base, alias.name))
        elif isinstance(node, ast.Call) and _dotted(node.func) in _IMPORTERS and node.args:
            named = node.args[0]
            if isinstance(named, ast.Constant) and isinstance(named.value, str):
                yield _absolute(named.value, package)


def _end(node: ast.stmt) -> int:
    return node.lineno if node.end_lineno is None else node.end_lineno


def _dotted(node: ast.expr) -> str:
    """`a` or `a.b` as text; nothing for other expressions."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _absolute(name: str, package: str) -> str:
    """A name as `from ..a import b` writes it, seen from a package."""
    rest = name.lstrip(".")
    level = len(name) - len(rest)
    if not level:
        return rest
    above = package.split(".")[: len(package.split(".")) - level + 1]
    return ".".join([*above, *([rest] if rest else [])])


def _is_module(package: str, name: str) -> bool:
    above = _found(package)
    if above is None or not (above.is_dir() or above.name == "__init__.py"):
        return False
    path, folders = _inside([above if above.is_dir() else above.parent], name)
    return path is not None or bool(folders)


@functools.cache
def _installed(package: str) -> str:
    """An installed package's version, and its modules' digests as its installer recorded them.

    A team that installs its own package again leaves the version as it is.
    """
    distribution = _distribution(package)
    if distribution is None:
        return "installed"
    record = distribution.read_text("RECORD") or ""
    modules = sorted(line for line in record.splitlines() if ".py,sha256=" in line)
    return f"{distribution.version} {hashlib.sha256(chr(10).join(modules).encode()).hexdigest()}"


def _version(package: str) -> str:
    distribution = _distribution(package)
    return "none" if distribution is None else distribution.version


@functools.cache
def _distribution(package: str) -> metadata.Distribution | None:
    """What a package was installed by; the two may have different names (PIL is installed by pillow).

    Only the folder that the package lies in is looked at: metadata.packages_distributions reads all of every folder,
    which takes as long as everything else that a key needs.
    """
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.distribution(package)
    home = _found(package)
    if home is None:
        return None
    # A package's file lies in its folder, a module's beside it, and a namespace's home is the folder itself.
    folder = home.parent.parent if home.name.startswith("__init__.") else home.parent
    installers = sorted(folder.glob("*.dist-info")) + sorted(folder.glob("*.egg-info"))
    return next((metadata.Distribution.at(one) for one in installers if _installs(one, package)), None)


def _installs(installer: Path, package: str) -> bool:
    """Whether a dist-info or egg-info folder says that a package came from it."""
    with contextlib.suppress(OSError):
        return package in (installer / "top_level.txt").read_text(encoding="utf-8").split()
    starts = tuple(f"{package}{end}".encode() for end in ("/", ".py,", ".so,", "."))
    with contextlib.suppress(OSError):
        return any(line.startswith(starts) for line in (installer / "RECORD").read_bytes().splitlines())
    return False
