"""What a metric may ask for. Its parameters name what it needs, as pytest's tests name their fixtures.

A metric is a function whose positional parameters are names from the table below and whose keyword-only parameters
are what a rule may set under `parameters`. It returns one value per image, (N,), and raises NotMeasurable where an
image has none, or, before it asks the model anything, NotApplicable where image and annotation alone rule one out. The
runner calls it on the images that have what it names. Where its line in METRICS has a question, it notes what each
image answers: `batch.note("evidence", answers)`, 1 for yes and 0 for no.

    relevance   (N, H, W) float32, not negative, largest value 1: the positive part of the map
    maps        (N, H, W) float32, largest magnitude 1: the map as it is kept
    region      (N, H, W) bool, the annotated region; naming it leaves out images without one
    pixels      (N, 3, H, W) float32, normalised
    annotators  N tensors (A, H, W) bool, one region per annotator; naming it leaves out images with fewer than two
    first       (N, H, W) float32: of a pair of methods, the maps of one
    second      (N, H, W) float32: and of the other
    labels      (N,) int64, the annotated class
    logits      (N, C) float32, the columns of the task: see tasks/task
    details     mapping of per-image tensors (N,) that the method reported, e.g. completeness_error
    batch       everything else: the protocol below
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeVar

import torch
from torch import Tensor

from explain_gate.metrics.patches import Form, Place, Window
from explain_gate.records import Truth
from explain_gate.tasks.task import Task

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """An image that lends a patch or takes one, and what is annotated on it.

    Shapes: pixels (3, H, W); region (H, W), bool; columns (C,), the task's of the image as it is, where it was asked.
    """

    row: int
    truth: Truth
    pixels: Tensor
    region: Tensor
    columns: Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cue:
    """A patch and how it is planted: a window of its picture, and of that `part` (side, side), bool, None for all."""

    window: Window
    form: Form
    part: Tensor | None = None

    def at(self, window: Window) -> Cue:
        """The same of another place."""
        return replace(self, window=window)


Look = Literal["style", "spectrum", "signature", "operation", "outside", "inside"]
"""What a picture takes on from a class.

`style`: colours, contrast and grain of one donor. `spectrum`: its amplitude spectrum. `signature`: what all pictures of
the class have in common. `operation`: an everyday operation that left its mark on them.
`outside`, `inside`: the patch beside its objects, or on them, that turns most pictures into the class.
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exchange:
    """A picture that takes on how a class looks, and its control: as much, but of its own class or of none.

    Shapes: changed, control (3, H, W), normalised; None where the class has nothing of the kind in common.
    `operation`: its position in `operations.tried`.
    """

    label: int
    changed: Tensor | None = None
    control: Tensor | None = None
    operation: int | None = None


Among = Literal["class", "others"]
"""Which images an image is compared with: those of its own class, or those of all other classes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """Images that all images of a class are compared with; who is in it follows from the data alone.

    Shapes: maps (K, H, W), the positive part, None where the image's own is a control's, which no other image has;
    regions (K, H, W), bool; usable (K,), bool, which of them have a map that is positive somewhere; others (K,), bool,
    False where it is the very picture that asks, or a copy. `digests` tell pictures apart; `seed` is for draws.
    """

    maps: Tensor | None
    regions: Tensor
    usable: Tensor
    others: Tensor
    digests: tuple[str, ...]
    seed: int


class Pictures(Protocol):
    """What every metric may ask without saying so: the images, what is annotated on them, draws and notes."""

    @property
    def pixels(self) -> Tensor:
        """(N, 3, H, W), normalised."""

    @property
    def labels(self) -> Tensor:
        """(N,) int64."""

    @property
    def truths(self) -> Sequence[Truth]:
        """Per image, what an output is compared with."""

    @property
    def accepted(self) -> Sequence[tuple[int, ...]]:
        """Per image, the classes that count as right."""

    @property
    def task(self) -> Task:
        """What scores mean: which are right, probable, or those of another class."""

    @property
    def region(self) -> Tensor:
        """(N, H, W) bool."""

    @property
    def counted(self) -> Tensor:
        """(N, H, W) bool, False where pixels are to be ignored: they are neither inside nor outside a region."""

    @property
    def counting(self) -> bool:
        """Whether the rule counts images, so that answers which cost more are asked for."""

    def generator(self, position: int, purpose: str) -> torch.Generator:
        """Seeded by (seed, image, purpose)."""

    def remember(self, key: Hashable, compute: Callable[[], T]) -> T:
        """`compute()`, once per batch and method: metrics share what they have in common."""

    def note(self, name: str, values: Tensor, *, about: Tensor | None = None) -> None:
        """Keep more numbers (N,) beside the metric's value, as check `family.metric@name`; NaN is left out.

        With `about` (N,) or (N, A), int64, each number of `values`, of the same shape, speaks of that class instead
        of the image's own: an image may have one for each of several classes that it was given something of.
        """


class Maps(Protocol):
    """The maps of one method, as they are kept."""

    @property
    def maps(self) -> Tensor:
        """(N, H, W), the maps as they are kept, largest magnitude 1."""

    @property
    def details(self) -> Mapping[str, Tensor]:
        """What the method reported per image."""


class Passes(Protocol):
    """What the model says and how it explains it: passes, which are counted."""

    @property
    def logits(self) -> Tensor:
        """(N, C), the task's columns of the images as they are."""

    def predict(self, pixels: Tensor, truths: Sequence[Truth] | None = None) -> Tensor:
        """The task's columns (M, C) of any M inputs; `truths` are those of the pictures that they were made from.

        Without truths: of tasks whose outputs are compared with no more than classes.
        """

    def explain(self, pixels: Tensor, labels: Tensor | None = None) -> Tensor:
        """Maps (N, H, W) of the same method for other pixels of the same images, or for other classes (N,)."""

    def gradients(self, pixels: Tensor) -> Tensor:
        """The annotated class' score, differentiated by the pixels: (N, 3, H, W)."""

    def exact_scores(self, pixels: Tensor) -> Tensor:
        """The annotated class' score (N,) in double precision, for pixels (N, 3, H, W) in double precision."""

    def seconds(self) -> tuple[float, float]:
        """Seconds that one map of these images takes, and one forward pass of them."""


class Variants(Protocol):
    """The same maps of the model made otherwise: drawn anew, with other weights, on another device."""

    def explain_again(self) -> Tensor:
        """Maps (N, H, W) computed once more with another seed, batch size and thread count."""

    def explain_randomized(self, seed: int) -> Tensor:
        """Maps (N, H, W) of the same method and target classes on the re-initialised model."""

    def cascade(self, seed: int, steps: int) -> Sequence[tuple[str, Tensor]]:
        """Name of the block and maps (N, H, W) of every step of a cascade from the output down."""

    def explain_with(self, checkpoint: str) -> Tensor:
        """Maps (N, H, W) of the same method and target classes with other weights."""

    def explain_on(self, device: str, dtype: str) -> Tensor:
        """Maps (N, H, W) of the same method and target classes on another device or in another precision."""


class Others(Protocol):
    """What the other images of the set tell."""

    @property
    def weights(self) -> Tensor:
        """(N,) float64: all images of the rule over (classes x images of the image's class)."""

    def panel(self, position: int, among: Among, count: int) -> Panel:
        """Up to `count` images of one image's class, or of the other classes, that have a region."""

    def other_maps(self, position: int, count: int) -> Tensor:
        """The positive part of up to `count` other images' maps, (K, H, W), K at least 1, seeded by image."""

    def pair_correlation(self, pairs: int) -> float:
        """Mean Spearman correlation between the method's maps of random pairs of different images."""


class Exchanges(Protocol):
    """Pictures in which something is exchanged between images."""

    def own_background(self, position: int) -> Tensor:
        """One image (3, H, W) with its object filled in."""

    def backgrounds(self, position: int, *, same_class: bool, count: int) -> Sequence[tuple[int, Tensor]]:
        """Up to `count` donors for one image, seeded by image: class and picture (3, H, W), its object filled in."""

    def exchanges(self, position: int, look: Look, classes: int) -> Sequence[Exchange]:
        """One image with the look of up to `classes` other classes, seeded by image; empty where none can lend it."""

    def note_cue(self, position: int, place: Place, turned: Mapping[int, float]) -> None:
        """Keep for the report what the patches of other classes did to an image: 1 where it turned, by class."""


class Batch(Pictures, Maps, Passes, Variants, Others, Exchanges, Protocol):
    """N images with their model; every question that costs passes is asked here, so that passes are counted."""


def by_class(answers: Sequence[Mapping[int, float]]) -> tuple[Tensor, Tensor]:
    """Numbers about classes, one mapping per image, as `Batch.note` takes them.

    Returns:
        (N, A) float64, NaN where an image has fewer than another, and the classes (N, A), int64.
    """
    most = max(map(len, answers))
    values = torch.full((len(answers), most), torch.nan, dtype=torch.float64)
    classes = torch.zeros((len(answers), most), dtype=torch.int64)
    for row, each in enumerate(answers):
        for column, (label, answer) in enumerate(sorted(each.items())):
            values[row, column], classes[row, column] = answer, label
    return values, classes
