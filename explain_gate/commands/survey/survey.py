"""A project's folder -> what can be written into its thresholds.yaml, and what is left to fill in. Read this first."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from explain_gate.commands.survey.annotated import Annotated, annotated_sets, class_folders
from explain_gate.commands.survey.clue import Choose, Clue, likeliest, put_first
from explain_gate.commands.survey.code import Code, read_code
from explain_gate.commands.survey.files import Files, look
from explain_gate.commands.survey.folders import checkpoints, described
from explain_gate.commands.survey.models import Model, model_of

LEFT = {
    "model.source": "no script builds a model of torchvision or timm, and no function of yours is called as if it did",
    "model.checkpoint": "no file of weights lies here",
    "data.images": "no annotations were recognised, so it is not known which pictures are meant",
    "data.annotations": "no annotations were recognised",
    "data.preprocessing": "no script composes a transform without random steps, and no file describes one",
}
"""Why a key that every file needs may be left, where nothing more special is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """All that was seen: clues by key, and the reason by key for what is left to fill in."""

    clues: Mapping[str, Clue]
    left: Mapping[str, str]
    counts: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def values(self) -> dict[str, Any]:
        """What is to be written, by key."""
        return {key: clue.value for key, clue in self.clues.items()}


def survey(folder: Path, choose: Choose = likeliest) -> Survey:
    """What a folder shows of its model and its data. Nothing of it is imported, executed or unpickled."""
    files = look(folder)
    code = read_code(files)
    sets = _sets(files, choose)
    best = sets[0] if sets and sets[0].fault is None else None
    model = model_of(
        described(files), checkpoints(files), code, classes=len(best.counts) if best else None, choose=choose
    )
    clues = [
        _name(files),
        *model.clues,
        *_data(best, sets),
        *_classes(files, best, model, code),
        *_preprocessing(model, code, choose),
    ]
    by_key = {clue.key: clue for clue in clues if clue is not None}
    left = {key: reason for key, reason in {**LEFT, **model.left}.items() if key not in by_key}
    left |= _classes_left(best, model) if "data.classes" not in by_key else {}
    if best is None and sets:
        left |= {"data.annotations": f"{sets[0].annotations} looks like {sets[0].kind}, but {sets[0].fault}"}
    notes = ("there are too many files to look at all of them",) if files.cut else ()
    return Survey(clues=by_key, left=left, counts=dict(best.counts) if best is not None else {}, notes=notes)


def _name(files: Files) -> Clue:
    """The project's own name, else the folder's."""
    try:
        name = tomllib.loads(files.text(PurePosixPath("pyproject.toml"))).get("project", {}).get("name")
    except (tomllib.TOMLDecodeError, AttributeError):
        name = None
    if isinstance(name, str):
        return Clue(key="model.name", value=name, seen="pyproject.toml names the project so")
    return Clue(key="model.name", value=files.root.absolute().name or "my-model", seen="the folder is called so")


def _sets(files: Files, choose: Choose) -> list[Annotated]:
    """Sets of annotations, the one that is meant first."""
    sets = annotated_sets(files)
    usable = [one for one in sets if one.fault is None]
    told = [f"{one.annotations} ({one.kind}, {sum(one.counts.values())} samples)" for one in usable]
    return put_first(usable, "data.annotations: which set is to be gated?", told, choose) or sets


def _data(best: Annotated | None, sets: Sequence[Annotated]) -> list[Clue]:
    if best is None:
        return []
    usable = [one for one in sets[1:] if one.fault is None and one.annotations != best.annotations]
    seen = f"it reads as {best.kind}: {sum(best.counts.values())} samples of {len(best.counts)} classes"
    return [
        Clue(key="data.images", value=best.images, seen="the annotated pictures lie there"),
        Clue(
            key="data.annotations", value=best.annotations, seen=seen, others=tuple(one.annotations for one in usable)
        ),
    ]


def _classes(files: Files, best: Annotated | None, model: Model, code: Code) -> list[Clue]:
    """The order of the logits, where something says it and it is not that of the annotations."""
    if best is None:
        return []
    names = list(best.counts)
    if model.task == "detection" and model.source.startswith("torchvision:"):
        numbered = {name: number for number, name in enumerate(names, start=1)}
        return [
            Clue(key="data.classes", value=numbered, seen="torchvision keeps 0 for the background; check the numbers")
        ]
    if model.classes and set(names) <= set(model.classes):
        whole = set(names) == set(model.classes)
        value: Any = list(model.classes) if whole else {name: model.classes.index(name) for name in names}
        return [] if value == names else [Clue(key="data.classes", value=value, seen=model.classes_seen)]
    for folder, line in code.class_folders.items():
        there = class_folders(files, PurePosixPath(folder))
        if set(there) == set(names) and there != names:
            return [Clue(key="data.classes", value=there, seen=f"{line} numbers the folders of {folder} in this order")]
    return []


def _classes_left(best: Annotated | None, model: Model) -> dict[str, str]:
    """What does not go together: the names that the model knows, or the size of its head."""
    if best is None or model.task not in ("classification", "multilabel"):
        return {}
    if model.classes and not set(best.counts) <= set(model.classes):
        unknown = sorted(set(best.counts) - set(model.classes))
        return {"data.classes": f"the model does not know {', '.join(unknown[:5])} by name ({model.classes_seen})"}
    if model.outputs not in (None, 1, len(best.counts)):
        told = f"{model.outputs_seen} has {model.outputs} outputs, and {len(best.counts)} classes are annotated"
        return {"data.classes": f"{told}; write {{name: logit index}}"}
    return {}


def _preprocessing(model: Model, code: Code, choose: Choose) -> list[Clue]:
    if model.preprocessing is not None:
        return [Clue(key="data.preprocessing", value=dict(model.preprocessing), seen=model.preprocessing_seen)]
    plain = [one for one in code.transforms if not one.random]
    told = [f"{dict(one.written)} ({one.line})" for one in plain]
    plain = put_first(plain, "data.preprocessing: which is that of your evaluation?", told, choose)
    if plain:
        others = tuple(dict(one.written) for one in plain[1:] if one.written != plain[0].written)
        return [
            Clue(
                key="data.preprocessing",
                value=dict(plain[0].written),
                seen=f"{plain[0].line} composes it",
                others=others,
            )
        ]
    return []
