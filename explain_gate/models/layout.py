"""What a folder of model files holds, told by its names alone; opens no model and needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Flavour = Literal["safetensors", "exported", "state_dict", "pickled", "unknown"]
"""`safetensors` (tensors alone, one file or an index of shards), `exported` (a torch.export archive), `state_dict` (of
torch.save, no MLflow flavour; read it with weights_only=True, which refuses code), `pickled` (a whole pickled model:
loading runs whatever it holds) or `unknown`."""

_STATES = frozenset({".pt", ".pth", ".tar", ".ckpt", ".bin"})  # timm and PyTorch's examples write .pth.tar
_PICKLES = _STATES | {".pkl", ".pickle", ".joblib", ".cloudpickle"}


def is_mlflow_model(folder: Path) -> bool:
    """Whether MLflow wrote a folder as a model."""
    return (folder / "MLmodel").is_file()


def flavour_of(folder: Path) -> tuple[Flavour, Path | None]:
    """What a folder holds, and the one file to load; None where there is not exactly one.

    The safest way in: tensors before archives, archives before pickles.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    indices = [path for path in files if path.name.endswith(".safetensors.index.json")]
    safe = [path for path in files if path.suffix == ".safetensors"]
    exported = [path for path in files if path.suffix == ".pt2"]
    pickles = [path for path in files if path.suffix in _PICKLES]
    if len(indices) == 1 and all(path.parent == indices[0].parent for path in safe):
        return "safetensors", indices[0]
    if len(safe) == 1:
        return "safetensors", safe[0]
    if len(exported) == 1:
        return "exported", exported[0]
    if len(pickles) == 1 and not is_mlflow_model(folder) and pickles[0].suffix in _STATES:
        return "state_dict", pickles[0]
    if pickles:
        return "pickled", pickles[0] if len(pickles) == 1 else None
    return "unknown", None
