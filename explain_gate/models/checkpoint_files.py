"""A checkpoint's file, shards or folder -> the objects that were saved; nothing in a file is executed."""

from __future__ import annotations

import json
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from explain_gate.data.git_lfs import pointer_fault
from explain_gate.errors import ModelError
from explain_gate.models.layout import flavour_of, is_mlflow_model
from explain_gate.models.names import SHOWN
from explain_gate.models.other_formats import ADAPTER, ARCHIVE, OTHER_FORMATS
from explain_gate.models.pickled import first_line, plain_types_skipped, refused

_MOST_HEADER = 100_000_000  # what safetensors itself allows

_IN_FOLDERS = (
    "*.safetensors.index.json",
    "*.safetensors",
    "*.bin.index.json",
    "*.bin",
    "*.pt",
    "*.pth",
    "*.pth.tar",
    "*.ckpt",
)
"""What a folder is looked through for; the first that is there is taken."""


def file_in(folder: Path) -> Path:
    """The one checkpoint of a folder, as Hugging Face lays it out: safetensors first, an index before its shards."""
    if is_mlflow_model(folder):
        flavour, file = flavour_of(folder)
        if flavour == "safetensors" and file is not None:
            return file
        raise ModelError(
            f"{folder}: is an MLflow model folder, a whole model: write it as model.source, and no checkpoint"
        )
    if (folder / "zero_to_fp32.py").is_file():
        raise ModelError(
            f"{folder}: is a DeepSpeed checkpoint in parts; join them with its own script: "
            "python zero_to_fp32.py . weights, and write that as model.checkpoint"
        )
    if (folder / ".metadata").is_file():
        raise ModelError(
            f"{folder}: is a distributed checkpoint in parts; join them: python -m "
            "torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER weights.pt"
        )
    if (folder / "adapter_config.json").is_file():
        raise ModelError(f"{folder}: {ADAPTER}")
    for pattern in _IN_FOLDERS:
        files = sorted(file for file in folder.glob(pattern) if file.is_file())
        if len(files) > 1:
            names = ", ".join(file.name for file in files[:SHOWN])
            raise ModelError(f"{folder}: holds several checkpoints; write one of them as model.checkpoint: {names}")
        if files:
            return files[0]
    raise ModelError(
        f"{folder}: is a folder without a checkpoint; it must hold model.safetensors, an index of shards "
        "(*.index.json), pytorch_model.bin, or one .pt, .pth or .ckpt"
    )


def read_shards(path: Path) -> dict[str, Any]:
    """Every tensor of an index, from the file that it says.

    Raises:
        ModelError: index and shards disagree.
    """
    _must_be_here(path)
    try:
        placed = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
        shards = {str(name): str(file) for name, file in placed.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"{path}: must be an index of shards, JSON with a weight_map of names to files ({type(error).__name__})"
        ) from error
    files = dict.fromkeys(shards.values())
    if away := [file for file in files if Path(file).name != file or file in ("", ".", "..")]:
        raise ModelError(f"{path}: names {away[0]}, but shards must lie beside their index")
    state: dict[str, Any] = {}
    for file in files:
        held = read_file(path.parent / file)
        if not isinstance(held, Mapping):
            raise ModelError(f"{path.parent / file}: must hold a state dict, got {type(held).__name__}")
        promised = {name for name, place in shards.items() if place == file}
        differing = sorted(promised ^ {str(name) for name in held})
        if differing:
            raise ModelError(
                f"{path}: index and shard {file} disagree about {', '.join(differing[:SHOWN])}; fetch them again"
            )
        state |= {str(name): value for name, value in held.items()}
    return state


def read_file(path: Path) -> Any:
    """What one file holds: a state dict, or whatever torch.save was given."""
    _must_be_here(path)
    if path.suffix.lower() in OTHER_FORMATS:
        raise ModelError(f"{path}: is {OTHER_FORMATS[path.suffix.lower()]}")
    if path.suffix == ".safetensors" or _begins_like_safetensors(path):
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return dict(load_file(path))
        except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
            raise ModelError(f"{path}: not a readable safetensors file ({first_line(error)})") from error
    if _begins(path, 262).startswith(b"\x1f\x8b") or _begins(path, 262).endswith(b"ustar"):
        raise ModelError(f"{path}: is {ARCHIVE}")
    _check_archive(path)
    try:
        with plain_types_skipped(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(refused(path, error)) from error
    except Exception as error:  # damaged bytes raise whatever they happen to spell
        raise ModelError(f"{path}: not a readable checkpoint ({first_line(error)})") from error


def _must_be_here(path: Path) -> None:
    if not path.is_file():
        raise ModelError(f"{path}: checkpoint does not exist")
    if fault := pointer_fault(path):
        raise ModelError(fault)


def _begins_like_safetensors(path: Path) -> bool:
    """Eight bytes of length, then a JSON object: so it is told whatever the file is called."""
    start = _begins(path, 9)
    return len(start) == 9 and start[8:] == b"{" and 0 < int.from_bytes(start[:8], "little") < _MOST_HEADER


def _begins(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        return file.read(count)


def _check_archive(path: Path) -> None:
    """What a zip archive says of itself before torch reads it, which does not look at its checksums.

    Raises:
        ModelError: it is a whole model, or some of its records are damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            damaged = [name for name in names if not _is_whole(archive, name)]
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return  # torch's older format, or what torch.load will tell
    if any("/code/" in name for name in names):
        raise ModelError(
            f"{path}: is a TorchScript archive, a whole model, not weights alone. Name a function as model.source that "
            "loads it, e.g. def build(): return torch.jit.load(FILE), and no model.checkpoint; or save the weights: "
            "torch.save(torch.jit.load(FILE).state_dict(), 'weights.pt')"
        )
    if any(name.endswith(("serialized_exported_program.json", "models/model.json")) for name in names):
        raise ModelError(f"{path}: is {OTHER_FORMATS['.pt2']}; its name must end in .pt2")
    if not any(name.endswith("data.pkl") for name in names):
        raise ModelError(f"{path}: is {ARCHIVE}")
    # torch.serialization.set_crc32_options(False) writes none at all, so that every record looks damaged.
    if damaged and len(damaged) < len(names):
        raise ModelError(f"{path}: is damaged: the checksum of {damaged[0]} is wrong; fetch or save it again")


def _is_whole(archive: zipfile.ZipFile, name: str) -> bool:
    try:
        with archive.open(name) as record:
            while record.read(1 << 20):
                pass
    except Exception:  # noqa: BLE001 - damaged bytes raise whatever they happen to spell
        return False
    return True
