"""What a run was measured with: versions, device, threads, commit."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

import explain_gate

_PACKAGES = ("torch", "torchvision", "numpy", "scipy", "pytest", "mlflow", "pillow", "pyarrow")


def describe_environment(device: torch.device, folder: Path) -> dict[str, Any]:
    """JSON for the manifest; `folder` is where the git commit is looked up."""
    return {
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
        "git_commit": _commit(folder),
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _commit(folder: Path) -> str | None:
    try:
        found = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", "-C", str(folder), "rev-parse", "HEAD"],  # noqa: S607 - git is looked up as every tool does
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None
