"""Functions and classes of a project that give a model, as its Python files define them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from explain_gate.commands.survey.names import Names

_MAKERS = ("build", "create", "make", "get", "load", "define", "construct", "init")
_MADE = frozenset({"model", "net", "network", "classifier", "detector"})
_STARTS = frozenset({"parse_args", "fit", "main", "run", "train"})
_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Try)


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """A function or class of the project that gives a model.

    `takes` are its arguments, `needs` those without a default. `quiet`: importing its file only defines things.
    """

    source: str
    line: str
    takes: tuple[str, ...]
    needs: tuple[str, ...]
    lightning: bool
    quiet: bool


def builders_in(tree: ast.Module, names: Names, path: PurePosixPath) -> Iterator[Builder]:
    """Functions called like one that makes a model, and classes that are a LightningModule or a network."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    bases = {node.name: [names.of(base) or "" for base in node.bases] for node in classes}
    quiet = all(_is_quiet(node, tree, names) for node in tree.body)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and _makes_a_model(node):
            takes, needs, lightning = _takes(node.args), _needs(node.args), False
        elif isinstance(node, ast.ClassDef) and (kind := _kind(node, bases, classes, names)) is not None:
            start = next((one for one in _functions(node) if one.name == "__init__"), None)
            takes = _takes(start.args)[1:] if start is not None else ()
            needs = _needs(start.args)[1:] if start is not None else ()
            lightning = kind == "lightning"
        else:
            continue
        yield Builder(
            source=f"{_module(path)}:{node.name}",
            line=f"{path}:{node.lineno}",
            takes=takes,
            needs=needs,
            lightning=lightning,
            quiet=quiet,
        )


def _makes_a_model(node: ast.FunctionDef) -> bool:
    """`build`, `create`, or such a word with what is made: `get_model`; and it returns something."""
    first, *rest = node.name.strip("_").split("_")
    returns = any(isinstance(one, ast.Return) and one.value is not None for one in ast.walk(node))
    return returns and first in _MAKERS and (bool(_MADE & set(rest)) if rest else first in ("build", "create"))


def _kind(
    node: ast.ClassDef, bases: Mapping[str, Sequence[str]], classes: Sequence[ast.ClassDef], names: Names
) -> str | None:
    """`lightning`, or `network` where no other class of the file is made of it; both with a forward."""
    over = [*bases[node.name], *(inner for base in bases[node.name] for inner in bases.get(base, []))]
    if not any(one.name == "forward" for one in _functions(node)):
        return None
    if any(base.rpartition(".")[2] == "LightningModule" for base in over):
        return "lightning"
    part = any(_calls(other, node.name, names) for other in classes if other is not node)
    return "network" if "torch.nn.Module" in over and not part else None


def _functions(node: ast.ClassDef) -> list[ast.FunctionDef]:
    return [one for one in node.body if isinstance(one, ast.FunctionDef)]


def _calls(node: ast.AST, name: str, names: Names) -> bool:
    return any(isinstance(one, ast.Call) and names.of(one.func) == name for one in ast.walk(node))


def _takes(arguments: ast.arguments) -> tuple[str, ...]:
    return tuple(one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs))


def _needs(arguments: ast.arguments) -> tuple[str, ...]:
    """Arguments without a default, by name; `self` is the first of a method."""
    places = [*arguments.posonlyargs, *arguments.args]
    free = places[: len(places) - len(arguments.defaults)]
    keywords = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return tuple(one.arg for one in (*free, *(one for one, default in keywords if default is None)))


def _is_quiet(node: ast.stmt, tree: ast.Module, names: Names) -> bool:
    """Whether a statement at the top of a file only defines: no loop, no call that starts something."""
    if isinstance(node, ast.If):  # the guard of a script
        return isinstance(node.test, ast.Compare) and names.of(node.test.left) == "__name__"
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign | ast.AnnAssign):
        own = {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}
        called = {names.of(one.func) or "" for one in ast.walk(node) if isinstance(one, ast.Call)}
        return not any(name in own or name.rpartition(".")[2] in _STARTS for name in called)
    return isinstance(node, _DEFINITIONS)


def _module(path: PurePosixPath) -> str:
    """How a file is imported from the project's root; below `src` as it is installed."""
    parts = list(path.with_suffix("").parts)
    if parts[0] == "src" and len(parts) > 2:
        parts = parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
