"""Names of one Python file: what its imports call things, and the plain values that it gives them."""

from __future__ import annotations

import ast
from typing import Any

_MOST_DEPTH = 5


class Names:
    """Dotted names as libraries write them, and constants, of a parsed file."""

    def __init__(self, tree: ast.Module) -> None:
        self._imported: dict[str, str] = {}
        self._values: dict[str, ast.expr] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    called = alias.asname or alias.name.partition(".")[0]
                    self._imported[called] = alias.name if alias.asname else called
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    self._imported[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            elif isinstance(node, ast.Assign):
                self._assigned(node.targets[0], node.value)
            elif isinstance(node, ast.Call):
                self._argument(node)

    def of(self, node: ast.expr) -> str | None:
        """The dotted name of an expression: `T.Resize` is torchvision.transforms.Resize where T is imported so."""
        if isinstance(node, ast.Name):
            return self._imported.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            inner = self.of(node.value)
            return f"{inner}.{node.attr}" if inner else None
        return None

    def value(self, node: ast.expr | None, depth: int = 0) -> Any:
        """A plain value that is written out, here or where its name gets one; None where there is none."""
        if depth > _MOST_DEPTH:
            return None
        value: Any = None
        match node:
            case ast.Constant(value=constant) if type(constant) in (int, float, str):
                value = constant
            case ast.Name(id=name):
                value = self.value(self._values.get(name), depth + 1)
            case ast.Attribute(value=ast.Name(), attr=name):  # args.size
                value = self.value(self._values.get(f"--{name}"), depth + 1)
            case ast.List(elts=entries) | ast.Tuple(elts=entries):
                values = [self.value(one, depth + 1) for one in entries]
                value = None if None in values else values
            case ast.BinOp(left=left, op=ast.Div(), right=right):  # 127.5 / 255
                above, below = self.value(left, depth + 1), self.value(right, depth + 1)
                value = above / below if all(isinstance(one, int | float) for one in (above, below)) and below else None
            case ast.Call(func=function, args=[inner]) if self.of(function) in ("pathlib.Path", "str"):
                value = self.value(inner, depth + 1)
        return value

    def assigned(self, name: str) -> ast.expr | None:
        """The expression that a name is given first."""
        return self._values.get(name)

    def _assigned(self, target: ast.expr, value: ast.expr) -> None:
        """Names by themselves and side by side: MEAN, STD = (...), (...)."""
        if isinstance(target, ast.Name):
            self._values.setdefault(target.id, value)
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for one, its in zip(target.elts, value.elts, strict=True):
                self._assigned(one, its)

    def _argument(self, node: ast.Call) -> None:
        """The default of an argparse option stands for what the script is given."""
        if not (isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument"):
            return
        default = next((one.value for one in node.keywords if one.arg == "default"), None)
        for one in node.args:
            if default is not None and isinstance(one, ast.Constant) and str(one.value).startswith("--"):
                self._values.setdefault(str(one.value).replace("-", "_").replace("__", "--", 1), default)
