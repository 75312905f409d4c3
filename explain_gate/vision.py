"""The only door to torchvision: a CPU torch beside a CUDA build of torchvision can still be imported.

Such a pair fails at `import torchvision` with "operator torchvision::nms does not exist". Declaring the missing
operator schemas first is enough for models and transforms; detection post-processing would still need a matching
build.
"""

from __future__ import annotations

import logging
from typing import Any

import torch

_LOG = logging.getLogger(__name__)
_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_DECLARED: list[torch.library.Library] = []  # schemas live as long as their library object


def _import_torchvision() -> Any:
    import importlib

    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    # The failed import leaves half-initialised modules behind; they must go before the second try.
    import sys

    for name in [name for name in sys.modules if name == "torchvision" or name.startswith("torchvision.")]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _SCHEMAS.values():
        library.define(schema)
    _DECLARED.append(library)
    module = importlib.import_module("torchvision")
    _LOG.warning(
        "torchvision %s and torch %s are not matching builds: its compiled operators are missing (nms among them). "
        "Models and transforms work; install matching builds for detection models.",
        module.__version__,
        torch.__version__,
    )
    return module


torchvision = _import_torchvision()
