"""Checkpoints that lie with a description of themselves: Hugging Face folders, timm's own, and files alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import yaml

from explain_gate.commands.survey.files import Files
from explain_gate.commands.survey.weights import Weights, weights_in

_ENDINGS = (".safetensors", ".pt", ".pth", ".pth.tar", ".ckpt")
_BESIDE = ("optimizer", "optim", "scheduler", "scaler", "rng_state", "training_args", "adapter_model")
_HF_TASKS = {
    "ForImageClassification": ("AutoModelForImageClassification", "classification"),
    "ForSemanticSegmentation": ("AutoModelForSemanticSegmentation", "segmentation"),
    "ForObjectDetection": ("AutoModelForObjectDetection", "detection"),
}
_MOST_READ = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A file of weights, and what it says of itself; `weights` is None where that cannot be told without running it."""

    path: PurePosixPath
    weights: Weights | None
    modified: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A model that a file beside its weights describes: what thresholds.yaml says of it.

    `checkpoint` is None where the source reads the weights itself.
    """

    source: str
    arguments: Mapping[str, Any]
    checkpoint: str | None
    arguments_seen: str = ""
    checkpoint_seen: str = "its weights lie there"
    classes: tuple[str, ...]
    preprocessing: Mapping[str, Any] | None
    task: str
    seen: str


def checkpoints(files: Files) -> list[Checkpoint]:
    """The files of weights: those called best, then the last or final, then the newest."""
    paths = [path for path in files.ending(*_ENDINGS) if not path.name.lower().startswith(_BESIDE)]
    dated = sorted(paths, key=lambda path: (_rank(path), -_modified(files, path), str(path)))
    return [
        Checkpoint(path=path, weights=weights_in(files.root / path), modified=_modified(files, path))
        for path in dated[:_MOST_READ]
    ]


def described(files: Files) -> list[Described]:
    """Models of Hugging Face and of timm whose folders say what they are."""
    models = [_hugging_face(files, path) or _timm_hub(files, path) for path in files.named("config.json")]
    models += [_timm_train(files, path) for path in files.named("args.yaml")]
    return [model for model in models if model is not None]


def architecture(checkpoint: Checkpoint) -> str | None:
    """The model that a training script named in its checkpoint: timm's where its format has a version."""
    texts = checkpoint.weights.texts if checkpoint.weights is not None else {}
    name = texts.get("arch")
    return f"{'timm' if 'version' in texts else 'torchvision'}:{name}" if isinstance(name, str) else None


def _hugging_face(files: Files, path: PurePosixPath) -> Described | None:
    data = _mapping(files, path)
    names = data.get("architectures")
    architecture = str(names[0]) if isinstance(names, list) and names else ""
    kind = next((value for ending, value in _HF_TASKS.items() if architecture.endswith(ending)), None)
    weights = [
        one for one in files.paths if one.parent == path.parent and one.name.startswith(("model", "pytorch_model"))
    ]
    if kind is None or not any(one.name.endswith((".safetensors", ".bin", ".index.json")) for one in weights):
        return None
    labels = data.get("id2label")
    numbered = (
        {int(number): str(name) for number, name in labels.items() if str(number).isdigit()}
        if isinstance(labels, dict)
        else {}
    )
    processor = (path.parent / "preprocessor_config.json") in files.paths
    folder = str(path.parent)
    multi = data.get("problem_type") == "multi_label_classification"
    return Described(
        source=f"transformers:{kind[0]}.from_pretrained",
        arguments={"pretrained_model_name_or_path": f"./{folder}", "local_files_only": True},
        arguments_seen=f"{path.parent} as seen from the folder in which a command is started",
        checkpoint=None,  # transformers renames weights while it reads them, so the file alone may not fit
        checkpoint_seen="from_pretrained reads the weights itself",
        classes=tuple(numbered[number] for number in sorted(numbered)),
        preprocessing={"processor": folder} if processor else None,
        task="multilabel" if multi else kind[1],
        seen=f"{path} says {architecture}",
    )


def _timm_hub(files: Files, path: PurePosixPath) -> Described | None:
    """What timm writes for the Hugging Face hub."""
    data = _mapping(files, path)
    name = data.get("architecture")
    weights = next(
        (one for one in files.paths if one.parent == path.parent and one.name.endswith((".safetensors", ".bin"))), None
    )
    if not isinstance(name, str) or weights is None or not ("pretrained_cfg" in data or "num_classes" in data):
        return None
    own = data.get("pretrained_cfg")
    settings = own if isinstance(own, dict) else data
    count = data.get("num_classes", settings.get("num_classes"))
    labels = data.get("label_names") or settings.get("label_names")
    return Described(
        source=f"timm:{name}",
        arguments={"num_classes": count} if isinstance(count, int) else {},
        checkpoint=str(weights),
        classes=tuple(map(str, labels)) if isinstance(labels, list) else (),
        preprocessing=_timm_settings(settings, name),
        task="classification",
        seen=f"{path} says {name}",
    )


def _timm_settings(settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What this version was evaluated with; timm's own for the model where the file does not say."""
    size, mean, std = (settings.get(key) for key in ("input_size", "mean", "std"))
    if not (
        isinstance(size, list) and len(size) == 3 and mean and std and settings.get("crop_mode", "center") == "center"
    ):
        return {"timm": name}
    share = settings.get("crop_pct") or 0.875
    how = settings.get("interpolation")
    told = {"interpolation": how} if how in ("bicubic", "nearest") else {}
    return {"resize": int(size[1] / share), "crop": [size[1], size[2]], "mean": list(mean), "std": list(std), **told}


def _timm_train(files: Files, path: PurePosixPath) -> Described | None:
    """What timm's train.py leaves beside its checkpoints."""
    try:
        data = yaml.safe_load(files.text(path))
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    name = data.get("model") if isinstance(data, dict) else None
    beside = [one for one in files.paths if one.parent == path.parent and one.name.lower().endswith(_ENDINGS)]
    if not isinstance(name, str) or not beside or not {"num_classes", "opt", "sched"} & set(data):
        return None
    best = min(beside, key=lambda one: (_rank(one), str(one)))
    count = data.get("num_classes")
    return Described(
        source=f"timm:{name}",
        arguments={"num_classes": count} if isinstance(count, int) else {},
        checkpoint=str(best),
        classes=(),
        preprocessing={"timm": name},
        task="classification",
        seen=f"{path} says {name}",
    )


def _mapping(files: Files, path: PurePosixPath) -> dict[str, Any]:
    try:
        data = json.loads(files.text(path))
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _rank(path: PurePosixPath) -> int:
    name = path.name.lower()
    return 0 if "best" in name else 1 if any(word in name for word in ("final", "last", "model")) else 2


def _modified(files: Files, path: PurePosixPath) -> float:
    try:
        return (files.root / path).stat().st_mtime
    except OSError:
        return 0.0
