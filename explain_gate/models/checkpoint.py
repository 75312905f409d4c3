"""A checkpoint file or folder -> its tensors by name; nothing in a file is executed. See `fitting` too."""

from __future__ import annotations

import json
import pickle
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from explain_gate.data.git_lfs import pointer_fault
from explain_gate.errors import ModelError
from explain_gate.models.layout import flavour_of, is_mlflow_model

_SHOWN = 6
_MOST_DEPTH = 32
_MOST_VALUES = 2_000_000  # mappings that hold one another must not go on for ever
_MOST_HEADER = 100_000_000  # what safetensors itself allows

_SAVE = "torch.save(model.state_dict(), 'weights.pt')"

OTHER_FORMATS = {
    ".onnx": (
        "an ONNX graph, which has no gradients: gate the PyTorch model that it was exported from, or convert it "
        "(pip install onnx2torch; onnx2torch.convert(FILE) in a function named as model.source)"
    ),
    ".pt2": "a torch.export archive, a whole model: write it as model.source, and no model.checkpoint",
    ".gguf": f"a GGUF file of quantised weights: gate the PyTorch weights that it was made from ({_SAVE})",
    ".h5": f"a Keras file: load it into the PyTorch model with the script of its authors, then {_SAVE}",
    ".keras": f"a Keras file: load it into the PyTorch model with the script of its authors, then {_SAVE}",
    ".pb": f"a TensorFlow graph: load it into the PyTorch model with the script of its authors, then {_SAVE}",
    ".tflite": "a TensorFlow Lite file: gate the PyTorch model that it was made from",
    ".npz": f"a NumPy archive: load it into the PyTorch model (timm: model.load_pretrained(FILE)), then {_SAVE}",
    ".engine": "a TensorRT engine: gate the PyTorch model that it was built from",
    ".mlmodel": "a Core ML model: gate the PyTorch model that it was made from",
}
_ARCHIVE = "an archive: unpack it and name the checkpoint in it"

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

_LIGHTNING = "torch.save(YourModule.load_from_checkpoint(FILE, weights_only=False).state_dict(), 'weights.pt')"
_RECIPES = {
    "ultralytics": "torch.save(ultralytics.YOLO(FILE).model.float().state_dict(), 'weights.pt')",
    "lightning": _LIGHTNING,
    "pytorch_lightning": _LIGHTNING,
    "lightning_fabric": _LIGHTNING,
    "fastai": "torch.save(load_learner(FILE).model.state_dict(), 'weights.pt')",
    "torchao": "gate the weights before they were quantised",
}
_WHERE_TRUSTED = (
    "torch.save(torch.load(FILE, weights_only=False)['state_dict'], 'weights.pt'), or, of a whole pickled model, "
    "torch.save(torch.load(FILE, weights_only=False).state_dict(), 'weights.pt')"
)

_PLAIN_TYPES = (
    "argparse.Namespace",
    "types.SimpleNamespace",
    *(f"pathlib{place}.{name}" for place in ("", "._local") for name in ("Path", "PosixPath", "WindowsPath")),
    *(f"pathlib{place}.{name}" for place in ("", "._local") for name in ("PurePath", "PurePosixPath")),
    *(f"datetime.{name}" for name in ("datetime", "date", "time", "timedelta", "timezone")),
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
    *("numpy.dtype", "numpy.ndarray"),
    *(f"numpy.dtypes.{kind}DType" for kind in ("Float16", "Float32", "Float64", "Bool", "UInt8", "UInt16", "UInt32")),
    *(f"numpy.dtypes.{kind}DType" for kind in ("UInt64", "Int8", "Int16", "Int32", "Int64", "Str", "Bytes")),
    *("decimal.Decimal", "fractions.Fraction", "uuid.UUID"),
)
"""Hyperparameters beside the weights. Their values do not matter, so each is read as nothing and not built."""


class _Unread:
    """Stands where a hyperparameter of a plain type was written; holds nothing and does nothing."""

    def __new__(cls, *_: Any) -> _Unread:
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        """What was written is dropped."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contents:
    """What a checkpoint holds, however its writer nested it; a path joins the keys on the way with dots.

    `tensors` are by path, in the order of the file. `level` says in which mapping each lies. `others` are all
    other values by path, mappings and lists included; the root is "".
    """

    path: Path
    tensors: Mapping[str, torch.Tensor]
    level: Mapping[str, str]
    others: Mapping[str, Any]

    def under(self, prefix: str) -> dict[str, torch.Tensor]:
        """Tensors below a path, by what follows it."""
        start = f"{prefix}." if prefix else ""
        return {name[len(start) :]: value for name, value in self.tensors.items() if name.startswith(start)}

    def mapping_around(self, prefix: str) -> str:
        """The innermost mapping of the file that a path lies in or is."""
        parts = prefix.split(".") if prefix else []
        for length in range(len(parts), -1, -1):
            place = ".".join(parts[:length])
            if isinstance(self.others.get(place), Mapping):
                return place
        return ""

    def places(self) -> list[str]:
        """Where there are weights: mappings that hold tensors, else what the names at the root begin with."""
        held = list(dict.fromkeys(self.level.values()))
        return held if held != [""] else list(dict.fromkeys(name.partition(".")[0] for name in self.tensors))


def read_checkpoint(path: Path) -> Contents:
    """A checkpoint's tensors by path; nothing in the file is executed.

    A file of safetensors or of torch.save, an index of shards, or a folder that holds one of them.

    Raises:
        ModelError: it is missing, damaged, of another format, pickled code, or holds no tensors.
    """
    if path.is_dir():
        path = _file_in(path)
    if path.name.endswith(".index.json"):
        return _contents(_read_shards(path), path)
    return _contents(_read_file(path), path)


def _file_in(folder: Path) -> Path:
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
        raise ModelError(f"{folder}: {adapter()}")
    for pattern in (
        "*.safetensors.index.json",
        "*.safetensors",
        "*.bin.index.json",
        "*.bin",
        "*.pt",
        "*.pth",
        "*.ckpt",
    ):
        files = sorted(file for file in folder.glob(pattern) if file.is_file())
        if len(files) > 1:
            names = ", ".join(file.name for file in files[:_SHOWN])
            raise ModelError(f"{folder}: holds several checkpoints; write one of them as model.checkpoint: {names}")
        if files:
            return files[0]
    raise ModelError(
        f"{folder}: is a folder without a checkpoint; it must hold model.safetensors, an index of shards "
        "(*.index.json), pytorch_model.bin, or one .pt, .pth or .ckpt"
    )


def _read_shards(path: Path) -> dict[str, Any]:
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
        held = _read_file(path.parent / file)
        if not isinstance(held, Mapping):
            raise ModelError(f"{path.parent / file}: must hold a state dict, got {type(held).__name__}")
        promised = {name for name, place in shards.items() if place == file}
        differing = sorted(promised ^ {str(name) for name in held})
        if differing:
            raise ModelError(
                f"{path}: index and shard {file} disagree about {', '.join(differing[:_SHOWN])}; fetch them again"
            )
        state |= {str(name): value for name, value in held.items()}
    return state


def _must_be_here(path: Path) -> None:
    if not path.is_file():
        raise ModelError(f"{path}: checkpoint does not exist")
    if fault := pointer_fault(path):
        raise ModelError(fault)


def _read_file(path: Path) -> Any:
    _must_be_here(path)
    if path.suffix.lower() in OTHER_FORMATS:
        raise ModelError(f"{path}: is {OTHER_FORMATS[path.suffix.lower()]}")
    if path.suffix == ".safetensors" or _begins_like_safetensors(path):
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return dict(load_file(path))
        except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
            raise ModelError(f"{path}: not a readable safetensors file ({_first_line(error)})") from error
    if _begins(path, 262).startswith(b"\x1f\x8b") or _begins(path, 262).endswith(b"ustar"):
        raise ModelError(f"{path}: is {_ARCHIVE}")
    _check_archive(path)
    try:
        with _plain_types_skipped(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(_refused(path, error)) from error
    except Exception as error:  # damaged bytes raise whatever they happen to spell
        raise ModelError(f"{path}: not a readable checkpoint ({_first_line(error)})") from error


@contextmanager
def _plain_types_skipped() -> Iterator[None]:
    """Within, torch's list of safe types knows the plain ones, by classes of their names that hold nothing."""
    before = torch.serialization.get_safe_globals()
    parts = [name.rpartition(".") for name in _PLAIN_TYPES]
    torch.serialization.add_safe_globals(
        [type(name, (_Unread,), {"__module__": module, "__qualname__": name}) for module, _, name in parts]
    )
    try:
        yield
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(before)


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
        raise ModelError(f"{path}: is {_ARCHIVE}")
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


def _refused(path: Path, error: Exception) -> str:
    """What torch's list of safe types does not have, and how to save the weights without it."""
    try:
        named = [
            name for name in torch.serialization.get_unsafe_globals_in_checkpoint(str(path)) if name not in _PLAIN_TYPES
        ]
    except Exception:  # noqa: BLE001 - damaged bytes, or a form of pickle that torch cannot list
        named = []
    if not named and "global" not in str(error).lower() and "reduce" not in str(error):
        return f"{path}: not a readable checkpoint ({_first_line(error)})"
    root = next((name.partition(".")[0] for name in named if name.partition(".")[0] in _RECIPES), "")
    told = f" ({', '.join(named[:_SHOWN])})" if named else ""
    return (
        f"{path}: holds pickled code{told}, which could run anything here, so it is not read. Where you trust the "
        f"file, save the weights alone: {_RECIPES.get(root, _WHERE_TRUSTED)}"
    )


def _contents(loaded: Any, path: Path) -> Contents:
    if isinstance(loaded, torch.Tensor) or not isinstance(loaded, Mapping):
        raise ModelError(f"{path}: must hold a state dict, got {type(loaded).__name__}")
    tensors: dict[str, torch.Tensor] = {}
    level: dict[str, str] = {}
    others: dict[str, Any] = {}
    for count, (place, name, value) in enumerate(_walk(loaded, "", 0, path)):
        if count > _MOST_VALUES:
            raise ModelError(f"{path}: holds more than {_MOST_VALUES} values")
        if name in tensors or (name in others and isinstance(value, torch.Tensor)):
            raise ModelError(f"{path}: holds two values under the name {name}")
        if isinstance(value, torch.Tensor):
            tensors[name], level[name] = value, place
        else:
            others[name] = value
    if not tensors:
        keys = ", ".join(map(str, list(loaded)[:_SHOWN])) or "nothing"
        raise ModelError(f"{path}: must hold a state dict, but there is no tensor in it; it has {keys}")
    return Contents(path=path, tensors=tensors, level=level, others=others)


def _walk(value: Any, name: str, depth: int, path: Path, around: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every value with the mapping it lies in and its path."""
    yield around, name, value
    if depth > _MOST_DEPTH:
        raise ModelError(f"{path}: is nested more than {_MOST_DEPTH} deep")
    entries: list[tuple[Any, Any]] = []
    if isinstance(value, Mapping):
        entries = list(value.items())
    elif isinstance(value, list | tuple) and any(isinstance(one, Mapping | torch.Tensor | list) for one in value):
        entries = list(enumerate(value))
    for key, one in entries:
        yield from _walk(one, f"{name}.{key}" if name else str(key), depth + 1, path, name)


def adapter() -> str:
    """What is said of weights that only change a model that is elsewhere."""
    return (
        "holds an adapter (LoRA), not a model: merge it into the model (peft: model.merge_and_unload()), then " + _SAVE
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
