"""All that a whole profile depends on, as one key: read from files, so that nothing is imported, built or decoded.

It names more than the keys of single numbers do, never less: every package's version, the file of the weights instead
of its tensors, the set in its order. What changes it without changing a number costs time; each number is then looked
up by itself. What judging alone reads of a rule, such as its bound, is no part of it.
"""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explain_gate.config import GateConfig
from explain_gate.data.annotations.entries import Entries, Entry
from explain_gate.data.regions import Shape
from explain_gate.measuring.remembering.code import code_of, home_of
from explain_gate.measuring.remembering.digests import digest, file_digest, files_in
from explain_gate.metrics import PAIR
from explain_gate.own_code import make_importable
from explain_gate.records import Rule

if TYPE_CHECKING:
    from explain_gate.measuring.job import Compute, Version

_PACKAGE = Path(__file__).parents[2]
_LIBRARIES = ("torch", "torchvision", "timm", "numpy", "scipy", "sklearn", "PIL", "pydicom", "tifffile")
"""What builds models and computes numbers: by the digests of their modules, others by their version alone."""
_JUDGED = frozenset(
    (
        *("at_least", "at_most", "max_drop", "max_rise", "confidence", "severity", "inconclusive", "part"),
        *("change_part", "accept_looser", "max_unmeasured", "max_not_applicable", "max_excluded", "min_images"),
        *("file", "line"),
    )
)
"""Fields of a rule that no number depends on."""
_ONE_FILE = frozenset({".safetensors", ".pt", ".pth", ".ckpt", ".bin"})
_ACCELERATORS = ("dev/nvidia*", "dev/dxg", "dev/kfd")
"""Where Linux shows devices of CUDA and ROCm, seen from the root."""


def model_files(config: GateConfig, version: Version) -> str | None:
    """Digest of the files that are all of a model: a library's code with one checkpoint, or an exported program.

    None where only building the model tells: a team's own code may read whatever it likes.
    """
    section = config.sections.model
    source = version.source or section.source
    asked = section.checkpoint if version.checkpoint is None else version.checkpoint
    checkpoint = config.resolve(Path(asked)) if asked and not version.checkpoint else Path(asked or "")
    if source.endswith(".pt2") and not asked:
        program = config.path.parent / source
        return digest("exported", source, file_digest(program)) if program.is_file() else None
    whole = checkpoint.suffix.lower() in _ONE_FILE and checkpoint.is_file()
    if not (source.startswith(("torchvision:", "timm:")) and whole):
        return None
    return digest("library", source, str(checkpoint), version.checkpoint_key, file_digest(checkpoint))


def device_here(wanted: str) -> str | None:
    """The type of device that `wanted` comes to; None where only torch knows.

    Where Linux shows no accelerator, or torch was built for none, it is the processor.
    """
    if wanted == "cpu":
        return "cpu"
    if wanted != "auto" or platform.system() != "Linux":
        return None
    shown = any(True for pattern in _ACCELERATORS for _ in Path("/").glob(pattern))
    return "cpu" if not shown or _built_for_none() else None


def key_of(config: GateConfig, rules: Sequence[Rule], entries: Entries, *, model: str, compute: Compute) -> str:
    """The key of the profile that these rules have measured.

    Args:
        config: the gate; what of it is measured counts, whatever the text looks like.
        rules: what is measured.
        entries: the regression set as it is annotated; its files are read.
        model: digest of all that the model is.
        compute: with its device resolved.

    Raises:
        OSError: a file of the set cannot be read.
    """
    folder = config.path.parent
    make_importable(folder)
    sections = config.sections.model_dump(mode="json", include={"model", "data", "methods", "seed"})
    preprocessing = sections["data"].get("preprocessing") or {}
    return digest(
        "whole",
        [_program(), sys.version, platform.machine(), _installed(), code_of(_LIBRARIES)],
        [model, files_in(sections["model"]["arguments"], folder), compute.device, compute.dtype],
        [sections, files_in(config.method_options(), folder), files_in(preprocessing, folder)],
        [_measured(rule, folder) for rule in rules],
        code_of(_own(config, rules)),
        [_image(entry) for entry in entries.entries],
        [entries.classes, entries.notes, {**asdict(entries.facts), "bare": sorted(entries.facts.bare)}],
    )


def _measured(rule: Rule, folder: Path) -> dict[str, Any]:
    plain = {name: value for name, value in asdict(rule).items() if name not in _JUDGED}
    return {**plain, "files": files_in(rule.parameters, folder)}


def _image(entry: Entry) -> dict[str, Any]:
    """A sample as it is drawn; files by content, wherever they lie."""
    shapes = [
        {**_fields(shape), "file": file_digest(shape.file) if shape.file is not None else None}
        for shape in entry.shapes
    ]
    return {**_fields(entry), "path": file_digest(entry.path), "shapes": shapes}


def _fields(record: Entry | Shape) -> dict[str, Any]:
    """The fields of a record. asdict would copy every corner of every mask."""
    return {one.name: getattr(record, one.name) for one in fields(record)}


def _own(config: GateConfig, rules: Sequence[Rule]) -> list[str]:
    """The modules of a team that have a part in numbers."""
    model, preprocessing = config.sections.model, config.sections.data.preprocessing
    named = [model.source, model.target, getattr(preprocessing, "transform", None)]
    named += [name for rule in rules for name in (rule.method or "").split(PAIR)]
    named += [rule.metric.partition(".")[2] for rule in rules if ":" in rule.metric]
    return sorted({home_of(name) or "" for name in named if name and ":" in name} - {"", "torchvision", "timm"})


def _program() -> str:
    """This package's code, all of it."""
    files = sorted(_PACKAGE.rglob("*.py"))
    return digest([[file.relative_to(_PACKAGE).as_posix(), file_digest(file)] for file in files])


def _installed() -> list[str]:
    """What is installed, by name and version, as the folders of the installers are called."""
    places = [Path(place) for place in dict.fromkeys(sys.path) if place]
    return sorted({folder.name for place in places for folder in place.glob("*.dist-info")})


def _built_for_none() -> bool:
    """Whether the installed torch was built for processors alone, read from what its build wrote down."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    try:
        told = (Path(spec.origin).parent / "version.py").read_text(encoding="utf-8")
    except OSError:
        return False
    built: Mapping[str, str] = dict(re.findall(r"^(cuda|hip|xpu)\b.*= (\S+)$", told, re.MULTILINE))
    return bool(built) and set(built.values()) == {"None"}
