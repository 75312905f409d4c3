"""What a run was measured with and by whom it was started: versions, device, threads, provenance."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

import explain_gate
from explain_gate.measuring.provenance import describe_provenance

_PACKAGES = ("torch", "torchvision", "numpy", "scipy", "pytest", "mlflow", "pillow", "pyarrow")


def describe_environment(device: torch.device, folder: Path) -> dict[str, Any]:
    """JSON for the manifest, to be asked for when a run starts; `folder` lies in the working tree that is told of."""
    return {
        **describe_provenance(folder),
        "explain_gate": explain_gate.__version__,
        "torch": torch.__version__,
        "device": device.type,
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "cpu",
        "dtype": "float32",
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
