"""The only door to torchvision: a CPU torch beside a CUDA build of torchvision can still be imported.

Such a pair fails at `import torchvision` with "operator torchvision::nms does not exist". The missing operators are
declared first, which is enough for models and transforms, and nms and roi_align are put in the place of torchvision's
own, which assert the compiled ones, so that detectors run. Once this module is imported, that is done before whoever
imports torchvision first: this package, a user's model file, timm. Until then neither torch nor torchvision is loaded.
"""

from __future__ import annotations

import importlib
import logging
import re
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

_LOG = logging.getLogger(__name__)
_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_REPLACED = {"torchvision.ops.boxes": "nms", "torchvision.ops.roi_align": "roi_align"}
"""Functions that would ask for a compiled operator, by the module that everyone takes them from."""
_DECLARED: list[Any] = []  # schemas live as long as their library object
_NAMES = {
    "torchvision": "torchvision",
    "transforms": "torchvision.transforms.v2",
    "tv_tensors": "torchvision.tv_tensors",
}


def __getattr__(name: str) -> Any:
    """torchvision, its transforms (v2) and tv_tensors, loaded when they are asked for."""
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(_NAMES[name])


class _Door(MetaPathFinder):
    """Sees that torchvision is about to be imported. To look for it, as digests of code do, loads nothing."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname == "torchvision" else None
        if spec is not None and spec.loader is not None:
            spec.loader = _Opening(spec.loader)
        return spec


class _Replacing(MetaPathFinder):
    """Sees that a module with a function to replace is about to be imported, and takes itself off after the last."""

    def __init__(self) -> None:
        self._waiting = set(_REPLACED)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._waiting:
            return None
        self._waiting.remove(fullname)
        if not self._waiting:
            sys.meta_path.remove(self)
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    """Loads a module as the loader it has, and puts our function into it: whoever imports from it gets ours."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        from explain_gate import box_operators

        self._loader.exec_module(module)
        name = _REPLACED[module.__name__]
        setattr(module, name, getattr(box_operators, name))


class _Opening(_Loader):
    """Loads torchvision once its operators are there, and takes the door off."""

    def exec_module(self, module: ModuleType) -> None:
        import torch

        sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Door)]
        if _built_for_other_torch(module.__file__, torch.version.cuda):
            sys.meta_path.insert(0, _Replacing())
            _declare_missing_operators()
        self._loader.exec_module(module)


def _declare_missing_operators() -> None:
    import torch

    from explain_gate import box_operators

    library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name, schema in _SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)
    library.impl("nms", box_operators.nms, "CompositeExplicitAutograd")
    _DECLARED.append(library)
    _LOG.warning(
        "torchvision is built for CUDA and torch %s is not: its compiled operators are missing. Models, transforms, "
        "nms and roi_align work; install matching builds for speed and for the other operators.",
        torch.__version__,
    )


def _built_for_other_torch(file: str | None, cuda: str | None) -> bool:
    """Whether torchvision's compiled part needs a CUDA that this torch does not have; read without importing it."""
    if file is None or cuda is not None:
        return False
    try:
        text = (Path(file).parent / "version.py").read_text(encoding="utf-8")
    except OSError:
        return False
    return re.search(r"""__version__ = ['"][^'"]*\+cu""", text) is not None


if "torchvision" not in sys.modules:
    sys.meta_path.insert(0, _Door())
