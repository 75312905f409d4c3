"""A team's own code: `package.module:name` in thresholds.yaml -> the function, found as its tests find it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from explain_gate import vision  # noqa: F401 - before any of a team's code, which may import torchvision
from explain_gate.errors import ModelError


def load_function(reference: str, folder: Path, what: str) -> Callable[..., Any]:
    """`package.module:name` -> the callable; `folder` is importable, as a repository's root is for its tests.

    Raises:
        ModelError: there is no such module or name, or it is not callable.
    """
    module_name, _, attribute = reference.partition(":")
    if not module_name or not attribute:
        raise ModelError(f"{what} must be package.module:callable, got {reference}")
    make_importable(folder)
    try:
        named: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            named = getattr(named, part)
    except ModuleNotFoundError as error:
        raise ModelError(
            f"{what} {reference}: no module named {error.name}; it is looked for in {folder}, {Path.cwd()} and the "
            "installed packages"
        ) from error
    except AttributeError as error:
        raise ModelError(f"{what} {reference}: {error}") from error
    except Exception as error:  # an import runs the user's code, which may raise anything
        raise ModelError(f"{what} {reference}: importing it raised {type(error).__name__}: {error}") from error
    if not callable(named):
        raise ModelError(f"{what} {reference}: must be callable, got {type(named).__name__}")
    return named  # type: ignore[no-any-return]


def make_importable(folder: Path) -> None:
    """A gate's folder, and the one that the process was started in, are where a team's own modules are looked for."""
    for place in (str(folder), str(Path.cwd())):
        if place not in sys.path:
            sys.path.insert(0, place)
