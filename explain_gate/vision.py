"""The only door to torchvision: a CPU torch beside a CUDA build of torchvision can still be imported.

Such a pair fails at `import torchvision` with "operator torchvision::nms does not exist". Declaring the missing
operator schemas first is enough for models and transforms; detection post-processing would still need a matching
build. Once this module is imported, that is done before whoever imports torchvision first: this package, a user's model
file, timm. Until then neither torch nor torchvision is loaded.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import re
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

_LOG = logging.getLogger(__name__)
_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
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
    """Finds nothing itself; sees that torchvision is about to be imported, and takes itself off."""

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        del path, target
        if fullname == "torchvision":
            with contextlib.suppress(ValueError):
                sys.meta_path.remove(self)
            _declare_missing_operators()


def _declare_missing_operators() -> None:
    import torch

    if not _built_for_other_torch(torch.version.cuda):
        return
    library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name, schema in _SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)
    _DECLARED.append(library)
    _LOG.warning(
        "torchvision is built for CUDA and torch %s is not: compiled operators such as nms are missing. Models "
        "and transforms work; install matching builds for detection models.",
        torch.__version__,
    )


def _built_for_other_torch(cuda: str | None) -> bool:
    """Whether torchvision's compiled part needs a CUDA that this torch does not have; read without importing it."""
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None or cuda is not None:
        return False
    try:
        text = (Path(found.origin).parent / "version.py").read_text(encoding="utf-8")
    except OSError:
        return False
    return re.search(r"""__version__ = ['"][^'"]*\+cu""", text) is not None


if "torchvision" not in sys.modules:
    sys.meta_path.insert(0, _Door())
