"""Which model a project gates: its source, arguments, checkpoint, and what they say of classes and preprocessing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from explain_gate.commands.survey.builders import Builder
from explain_gate.commands.survey.clue import Choose, Clue, likeliest, put_first
from explain_gate.commands.survey.code import Call, Code
from explain_gate.commands.survey.folders import Checkpoint, Described, architecture
from explain_gate.commands.survey.library import shapes_of

COUNTS = frozenset({"num_classes", "n_classes", "nb_classes", "classes", "num_labels", "n_labels", "num_outputs", "nc"})
"""What arguments that say the number of classes are called."""
PLACE = "FILL_IN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What speaks for one model; `clues` are for thresholds.yaml, the rest is what classes and preprocessing need."""

    clues: tuple[Clue, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    task: str = "classification"
    classes: tuple[str, ...] = ()
    classes_seen: str = ""
    outputs: int | None = None
    outputs_seen: str = ""
    preprocessing: Mapping[str, Any] | None = None
    preprocessing_seen: str = ""


def model_of(
    described: Sequence[Described],
    files: Sequence[Checkpoint],
    code: Code,
    *,
    classes: int | None,
    choose: Choose = likeliest,
) -> Model:
    """The model that most speaks for: a folder that describes itself, weights that fit a library's model, own code.

    Args:
        described: folders that say what they are.
        files: of weights, the likeliest first.
        code: what the scripts say.
        classes: how many are annotated.
        choose: which is meant, where there are several.
    """
    if described:
        sources = [f"{one.source} ({one.seen})" for one in described]
        return _as_described(put_first(described, "model.source: which model is to be gated?", sources, choose))
    files = _mentioned_first(files, code)
    files = put_first(files, "model.checkpoint: which weights?", [str(one.path) for one in files], choose)
    chosen = files[0] if files else None
    if chosen is not None and (fitting := _fitting(chosen, code)) is not None:
        return _from_library(fitting, chosen, files, classes, fits=True)
    if own := _own(code, chosen):
        own = put_first(
            own, "model.source: what builds the model?", [f"{one.source} ({one.line})" for one in own], choose
        )
        return _from_code(own, chosen, files, classes)
    if code.calls:
        return _from_library(code.calls[0], chosen, files, classes, fits=False)
    return Model(clues=_checkpoint(chosen, files), left=_left(chosen, code), **_outputs(chosen))


def _as_described(described: Sequence[Described]) -> Model:
    one = described[0]
    clues = [
        Clue(
            key="model.source", value=one.source, seen=one.seen, others=tuple(other.source for other in described[1:])
        ),
        Clue(key="model.arguments", value=dict(one.arguments), seen=one.arguments_seen or one.seen),
        Clue(key="model.checkpoint", value=one.checkpoint, seen=one.checkpoint_seen),
    ]
    if one.task != "classification":
        clues.append(Clue(key="model.task", value=one.task, seen=one.seen))
    return Model(
        clues=tuple(clues),
        source=one.source,
        task=one.task,
        classes=one.classes,
        classes_seen=one.seen,
        preprocessing=one.preprocessing,
        preprocessing_seen="it describes its own evaluation",
    )


def _mentioned_first(files: Sequence[Checkpoint], code: Code) -> list[Checkpoint]:
    """Files of weights, the likeliest first: those whose names a script writes."""
    return sorted(files, key=lambda one: not any(text.endswith(one.path.name) for text in code.saved))


def _fitting(chosen: Checkpoint, code: Code) -> Call | None:
    """The library's model that the weights are of, by every name and shape."""
    if chosen.weights is None:
        return None
    named = architecture(chosen)
    calls = [Call(source=named, task=None, line=f"{chosen.path} says {named.partition(':')[2]}")] if named else []
    for call in dict.fromkeys((*calls, *code.calls)):
        shapes = shapes_of(call.source, _counted(chosen))
        if shapes is not None and chosen.weights.fits(shapes):
            return call
    return None


def _from_library(
    call: Call, chosen: Checkpoint | None, files: Sequence[Checkpoint], classes: int | None, *, fits: bool
) -> Model:
    said = call.line if " says " in call.line else f"{call.line} builds it"
    seen = f"{said}, and all weights of {chosen.path} fit it by name and shape" if fits and chosen else said
    others: dict[str, int] = _counted(chosen)
    clues = [Clue(key="model.source", value=call.source, seen=seen)]
    task = call.task or "classification"
    if task == "detection" and classes:
        others = {"num_classes": classes + 1}
        clues.append(
            Clue(key="model.arguments", value=others, seen="so many classes are annotated, and one is the background")
        )
    elif others and chosen is not None and chosen.weights is not None and chosen.weights.head:
        clues.append(
            Clue(
                key="model.arguments",
                value=others,
                seen=f"{chosen.weights.head[0]} of {chosen.path} has so many outputs",
            )
        )
    elif classes:
        clues.append(Clue(key="model.arguments", value={"num_classes": classes}, seen="so many classes are annotated"))
    outputs = _outputs(chosen) if task == "classification" else {}
    task = "binary" if outputs.get("outputs") == 1 else task
    if task != "classification":
        clues.append(Clue(key="model.task", value=task, seen="the model has one output" if task == "binary" else said))
    timm = call.source.startswith("timm:")
    inside = task == "detection"
    return Model(
        clues=(*clues, *_checkpoint(chosen, files)),
        left=_left(chosen, None),
        source=call.source,
        task=task,
        preprocessing={"timm": call.source.removeprefix("timm:")} if timm else {} if inside else None,
        preprocessing_seen="timm evaluates this model so"
        if timm
        else "torchvision's detectors resize and normalise inside",
        **outputs,
    )


def _own(code: Code, chosen: Checkpoint | None) -> list[Builder]:
    """What quiet files build: Lightning modules first where the checkpoint is Lightning's, functions before classes."""
    texts = chosen.weights.texts if chosen is not None and chosen.weights is not None else {}
    from_lightning = "pytorch-lightning_version" in texts
    usable = [one for one in code.builders if one.quiet]
    return sorted(
        usable, key=lambda one: (one.lightning != from_lightning, one.source.rpartition(":")[2][:1].isupper())
    )


def _from_code(
    builders: Sequence[Builder], chosen: Checkpoint | None, files: Sequence[Checkpoint], classes: int | None
) -> Model:
    own, *rest = builders
    texts = chosen.weights.texts if chosen is not None and chosen.weights is not None else {}
    kept = texts.get("hyper_parameters") or {}
    outputs = _outputs(chosen)
    count = outputs.get("outputs") or classes
    arguments: dict[str, Any] = {name: kept[name] for name in own.takes if name in kept}
    arguments |= {name: count for name in own.takes if name in COUNTS and name not in arguments and count}
    arguments |= {name: PLACE for name in own.needs if name not in arguments}
    others = tuple(one.source for one in rest)
    kind = "is a LightningModule" if own.lightning else "defines it"
    clues = [Clue(key="model.source", value=own.source, seen=f"{own.line} {kind}", others=others)]
    if arguments:
        clues.append(
            Clue(
                key="model.arguments",
                value=arguments,
                seen=f"{own.line} takes them" + (", with the values of its checkpoint" if kept else ""),
            )
        )
    task = "binary" if outputs.get("outputs") == 1 else "classification"
    if task == "binary":
        clues.append(Clue(key="model.task", value=task, seen="the model has one output"))
    return Model(
        clues=(*clues, *_checkpoint(chosen, files)), left=_left(chosen, None), source=own.source, task=task, **outputs
    )


def _checkpoint(chosen: Checkpoint | None, files: Sequence[Checkpoint]) -> tuple[Clue, ...]:
    if chosen is None:
        return ()
    others = tuple(str(one.path) for one in files if one is not chosen)
    told = (
        f"{len(chosen.weights.shapes)} weights lie in it"
        if chosen.weights is not None
        else "it is called like one, and says nothing of itself without being run"
    )
    return (Clue(key="model.checkpoint", value=str(chosen.path), seen=told, others=others),)


def _counted(chosen: Checkpoint | None) -> dict[str, int]:
    head = chosen.weights.head if chosen is not None and chosen.weights is not None else None
    return {"num_classes": head[1]} if head else {}


def _outputs(chosen: Checkpoint | None) -> dict[str, Any]:
    head = chosen.weights.head if chosen is not None and chosen.weights is not None else None
    return {"outputs": head[1], "outputs_seen": f"{head[0]} of {chosen.path}"} if head and chosen else {}


def _left(chosen: Checkpoint | None, code: Code | None) -> dict[str, str]:
    """Special reasons for what is left."""
    left: dict[str, str] = {}
    loud = [one for one in code.builders if not one.quiet] if code is not None else []
    if loud:
        left["model.source"] = (
            f"{loud[0].line} defines {loud[0].source.rpartition(':')[2]}, but importing that file would run it; put "
            'what trains under `if __name__ == "__main__":`'
        )
    if chosen is None:
        left["model.checkpoint"] = "no file of weights lies here"
    return left
