"""This package as it is written: pytest would read, parse and change all of it, as it does with every plugin's code.

It does so to explain asserts that fail, and keeps the outcome where it may write beside the code: in an image or a job
that forbids that (PYTHONDONTWRITEBYTECODE, a read-only installation) each run begins with two seconds of it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_OURS = "explain_gate."


def import_as_written() -> None:
    """Import this package's modules like any other module from now on; a team's tests stay pytest's."""
    if not any(isinstance(finder, _AsWritten) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AsWritten())


class _AsWritten(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Of this package's modules, where Python itself finds them; None for any other."""
        return PathFinder.find_spec(fullname, path, target) if fullname.startswith(_OURS) else None
