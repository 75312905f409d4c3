"""The only door to torchvision: a CPU torch beside a CUDA build of torchvision can still be imported.

Such a pair fails at `import torchvision` with "operator torchvision::nms does not exist". Declaring the missing
operator schemas first is enough for models and transforms; detection post-processing would still need a matching
build.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import re
from pathlib import Path
from typing import Any

import torch

_LOG = logging.getLogger(__name__)
_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_DECLARED: list[Any] = []  # schemas live as long as their library object


def _import_torchvision() -> Any:
    if _built_for_other_torch():
        library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for schema in _SCHEMAS:
            library.define(schema)
        _DECLARED.append(library)
        _LOG.warning(
            "torchvision is built for CUDA and torch %s is not: compiled operators such as nms are missing. Models "
            "and transforms work; install matching builds for detection models.",
            torch.__version__,
        )
    return importlib.import_module("torchvision")


def _built_for_other_torch() -> bool:
    """Whether torchvision's compiled part needs a CUDA that this torch does not have; read without importing it."""
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None or torch.version.cuda is not None:
        return False
    try:
        text = (Path(found.origin).parent / "version.py").read_text(encoding="utf-8")
    except OSError:
        return False
    return re.search(r"""__version__ = ['"][^'"]*\+cu""", text) is not None


torchvision = _import_torchvision()
transforms: Any = importlib.import_module("torchvision.transforms.v2")
tv_tensors: Any = importlib.import_module("torchvision.tv_tensors")
