"""Tasks: what a model's output means. One table; a task's code is loaded when it is used, so this is torch-free.

Adding a task is one module with a class that does what `task.Task` says, and one card here. Nothing else asks a model's
output what is right, what is probable, or what counts as another class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from explain_gate.tasks.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFacts:
    """What a task knows of the regression set. `classes` are indices by name.

    `nothing` is the index of the class of images that show none of the others, None where there is no such class; on no
    image of the classes in `bare` is anything drawn.
    `mean` and `deviation` are those of the annotated values.
    """

    classes: Mapping[str, int] = field(default_factory=dict)
    nothing: int | None = None
    bare: frozenset[int] = frozenset()
    mean: float = 0.0
    deviation: float = 1.0

    @property
    def bare_names(self) -> tuple[str, ...]:
        """The classes of `bare`."""
        return tuple(name for name, index in self.classes.items() if index in self.bare)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCard:
    """The card of one task. `code` is "module:class" in this package; `output` is what the model gives for N images.

    `score`, `right` and `turns` say in words what is explained, when the model is right, and what it means that a
    picture turns to another class. `parameters` are what `model.task` may set beside the name, each with its meaning;
    `required` those that have no default. `depends` are the fields of SetFacts that answers depend on. `refused` are
    metrics that make no sense, each with what to use instead. `words` are phrases of the metrics' cards and what they
    are here, longest first; `changed` the fields of single cards that read otherwise. `located`: an output is compared
    with where the object is, so that what is known of a picture depends on its annotation too. `per_object`: a sample
    is one object, and not all of a class on one image.
    """

    code: str
    output: str
    summary: str
    score: str
    right: str
    turns: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    depends: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    changed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    located: bool = False
    per_object: bool = False


DEFAULT = "classification"
PROBABLE = ("classification", "binary", "multilabel")
"""Tasks whose outputs give every class of a picture a probability, wherever its objects are."""

TASKS: Mapping[str, TaskCard] = {
    "classification": TaskCard(
        code="classification:Classification",
        output="logits (N, classes)",
        summary="one of several classes; the highest logit is the prediction",
        score="logit of the annotated class",
        right="the highest logit is that of an annotated class",
        turns="the highest logit becomes that of the other class",
    ),
    "binary": TaskCard(
        code="binary:Binary",
        output="one logit, (N, 1) or (N,)",
        summary="one of two classes; a logit above the threshold says the second of data.classes",
        score="the logit, or minus the logit for the first class",
        right="the logit lies on the annotated side of the threshold",
        turns="the logit crosses the threshold",
        parameters={"threshold": "probability above which the second class is said, in (0, 1); default 0.5"},
        refused={
            "discrimination.class_correlation": "one logit gives one map, turned round for the other class; use "
            "randomization.correlation to see that maps belong to the model",
        },
    ),
    "multilabel": TaskCard(
        code="multilabel:Multilabel",
        output="logits (N, labels), several true",
        summary="several labels at once, each with its own sigmoid; a sample is one image and one label",
        score="logit of the annotated label",
        right="the label is above its threshold; on a picture without any label, none is",
        turns="the other label rises above its threshold",
        depends=("classes", "nothing"),
        parameters={
            "threshold": "probability above which a label is said: one, a list, or {label: number}; default 0.5"
        },
        words={
            "turn to the class of the background": "gain the label of the background",
            "turn to {whom}": "are said to show {whom}",
            "turn to a class": "gain a label",
            "are called by their class": "are given their label",
            "predicts the class": "says the label",
            "another class": "another label",
            "accuracy": "recall of the labels",
        },
        changed={
            "performance.accuracy": {
                "summary": "share of the annotated labels that are said; of pictures without a label, those given none",
                "broken": "too many annotated labels are missed",
            },
            "performance.balanced_accuracy": {
                "summary": "mean over labels of the share that is said; each label weighs what it lacks",
                "broken": "too many annotated labels are missed",
            },
        },
    ),
    "regression": TaskCard(
        code="regression:Regression",
        output="one value, (N, 1) or (N,)",
        summary="a value; the classes are the two sides of the set's mean, low and high",
        score="the value, toward the annotated side of the set's mean",
        right="the value is at most `tolerance` off the annotated one",
        turns="the value moves toward the other side by more than the tolerance",
        parameters={"tolerance": "how far off a value may be and still be right, in its own unit; above 0"},
        required=("tolerance",),
        depends=("mean", "deviation"),
        words={
            "turn to the class of the background": "move toward the side of the background by more than the tolerance",
            "turn to {whom}": "move toward {whom} by more than the tolerance",
            "pictures that turn to a class": "values that move toward a side",
            "turn to a class": "move toward a side",
            "it predicts the class": "its value stays",
            "the predictions": "the values",
            "its predictions": "its values",
            "predictions that": "values that",
            "predictions differ": "values differ",
            "are called by their class": "keep their side",
            "on one of another class": "on one of the other side",
            "of other classes": "of the other side",
            "of another class": "of the other side",
            "another class": "the other side",
            "their own class": "their own side",
            "own class's": "own side's",
            "are right": "are within the tolerance",
            "and wrong": "and not",
            "accuracy": "share within the tolerance",
            "prediction": "value",
        },
        changed={
            "performance.accuracy": {
                "summary": "share of images whose value is at most the tolerance off the annotated one",
                "broken": "too many values are further off than the tolerance",
            },
            "performance.balanced_accuracy": {
                "summary": "mean over both sides of the share of values within the tolerance",
                "broken": "too many values are further off than the tolerance",
            },
        },
        refused={
            "discrimination.class_correlation": "one value gives one map, turned round for the other side; use "
            "randomization.correlation to see that maps belong to the model",
            "faithfulness.deletion_auc": "a value has no probability whose level says anything; use "
            "faithfulness.sensitivity_n",
            "faithfulness.insertion_auc": "a value has no probability whose level says anything; use "
            "faithfulness.sensitivity_n",
            "faithfulness.deletion_gain": "a value has no probability; use faithfulness.sensitivity_n",
            "faithfulness.road": "a value has no probability; use faithfulness.sensitivity_n",
            "performance.false_alarms": "a value is no alarm; use performance.accuracy",
            "reliance.background_margin": "a value has no probability; use reliance.background_follow, which counts "
            "values that move by more than the tolerance",
        },
    ),
    "segmentation": TaskCard(
        code="segmentation:Segmentation",
        output="logits (N, classes, height, width), alone, as `out` or as `logits`",
        summary="a class for every pixel; one sample is all of a class on an image",
        score="mean logit of the class over its region",
        right="the predicted mask of the class and the region overlap by at least `threshold`",
        turns="most of the region is predicted as the other class",
        parameters={"threshold": "least intersection over union of predicted mask and region; default 0.5"},
        words={
            "turn to the class of the background": "become mostly the class of the background",
            "turn to {whom}": "have most of their region predicted as {whom}",
            "it predicts the class": "it predicts the class's mask",
            "are called by their class": "keep their mask",
            "are right": "are segmented",
            "and wrong": "and not",
            "accuracy": "share of regions segmented",
        },
        changed={
            "performance.accuracy": {
                "summary": "share of regions that the predicted mask overlaps by at least the threshold",
                "broken": "too many regions are not segmented",
            },
            "performance.balanced_accuracy": {
                "summary": "mean over classes of the share of regions that are segmented",
                "broken": "too many regions are not segmented",
            },
        },
        depends=("classes", "nothing"),
        located=True,
    ),
    "detection": TaskCard(
        code="detection:Detection",
        output="a list of boxes, labels and scores an image, or queries with scores for every class",
        summary="boxes with classes and scores; one sample is one annotated object",
        score="score of the best box of the class that covers the object",
        right="a box of the class with a score above `threshold` covers the object",
        turns="a box of the other class comes to cover the object",
        parameters={"threshold": "a box counts as found where its score is above this; default 0.5"},
        words={
            "turn to the class of the background": "become a box of the class of the background",
            "turn to {whom}": "have a box of {whom} where their object is",
            "it predicts the class": "it finds the class",
            "are called by their class": "have a box of their class",
            "the predictions": "the boxes",
            "its predictions": "its boxes",
            "predictions that": "boxes that",
            "are right": "have their object found",
            "and wrong": "and not",
            "accuracy": "share of objects found",
        },
        changed={
            "performance.accuracy": {
                "summary": "share of objects found: a box of the class above the threshold covers them",
                "broken": "too many objects are not found",
            },
            "performance.balanced_accuracy": {
                "summary": "mean over classes of the share of objects found",
                "broken": "too many objects are not found",
            },
        },
        depends=("classes", "nothing"),
        refused={
            "discrimination.class_correlation": "a class without a box at the object has no map; "
            "reliance.transplant_follow asks whether what shows another class turns the box",
        },
        located=True,
        per_object=True,
    ),
}
"""By the name that `model.task` takes."""


def spoken(text: str, task: str) -> str:
    """A text of a metric's card in the language of a task; of an unknown one, as it stands."""
    for phrase, here in TASKS[task].words.items() if task in TASKS else ():
        text = text.replace(phrase, here)
    return text


def task_of(name: str, parameters: Mapping[str, Any] | None = None, facts: SetFacts | None = None) -> Task:
    """The task of that name; imports torch.

    Args:
        name: in TASKS.
        parameters: as `model.task` sets them.
        facts: of the regression set; without them a task can explain, and not be compared with annotations.

    Raises:
        ValueError: a parameter has a value that cannot be.
    """
    module, _, attribute = TASKS[name].code.partition(":")
    made: Task = getattr(import_module(f"{__name__}.{module}"), attribute)(facts or SetFacts(), **(parameters or {}))
    return made
