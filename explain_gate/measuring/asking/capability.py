"""What every capability is: answers to a metric's questions about a batch of images, and what these came from."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar

from torch import Tensor

from explain_gate.metrics.patches import Place
from explain_gate.records import Sample

if TYPE_CHECKING:
    from explain_gate.measuring.asking.resources import Resources

C = TypeVar("C", bound="Capability")

Scope = Literal["image", "class", "set"]
"""What an answer depends on beside model and method: the image alone, images of its class, or of the whole set."""

Outcome = tuple[Place, Sequence[tuple[int, float]]]
"""What the patches of classes, beside or on their objects, did to one image: 1 where it turned, by class."""

Question = tuple[str | int | bool, ...]
"""What a metric asked beyond its own image: the name that it asked for, and the arguments that matter."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Request:
    """One batch: the images, and what a call of a metric leaves beside its values.

    `logits` (N, K). `method` is None for metrics of the model alone, two names with `PAIR` between them for pairs.
    `maps` (N, H, W) take the place of the kept ones. `population` are the classes of all images of the rule.
    `peers` is the method whose maps of other images are compared with, where the rule counts images. `part` is the part
    of the object that takes the place of the whole.

    `asked` and `questions` grow with every metric that shares the batch, since one may use what another one had
    computed. `outcomes` are what patches did, by row, for the report on cues.
    """

    samples: Sequence[Sample]
    logits: Tensor
    method: str | None
    maps: Tensor | None = None
    population: Sequence[int] = ()
    peers: str | None = None
    part: str | None = None
    asked: set[str] = field(default_factory=set)
    questions: set[Question] = field(default_factory=set)
    notes: dict[str, tuple[Tensor, Tensor | None]] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    remembered: dict[Hashable, Any] = field(default_factory=dict)

    @property
    def rows(self) -> list[int]:
        """Positions in the regression set."""
        return [sample.index for sample in self.samples]

    @property
    def named_method(self) -> str:
        """The method, for what needs one."""
        if self.method is None:
            raise TypeError("this metric looks at maps, so its card must not say applies='model'")
        return self.method


class Answering(Protocol):
    """A batch, as capabilities see it: they build on each other's answers."""

    request: Request
    resources: Resources

    def of(self, kind: type[C]) -> C:
        """Another capability for the same images."""


class Capability:
    """Base of all. Its public methods and properties are what a metric may ask; state lies in the request.

    `name` is what a metric's card lists under `asks`. `scope` decides where an answer is kept: of an
    `image`, with the image; of a `class` or the `set`, together with what it came from, and only the process that has
    the whole set asks. `lasting` is False for what no key can hold, such as time; it is never kept. `of_model` is
    False where image and annotation tell all, so that it may be asked to find out whether a metric applies to an image.

    What goes beyond the image records its question, `self._asked("name", arguments)`, where the arguments tell
    questions apart; what was not recorded counts as one question by its name.
    """

    name: ClassVar[str]
    scope: ClassVar[Scope] = "image"
    lasting: ClassVar[bool] = True
    of_model: ClassVar[bool] = True

    def __init__(self, batch: Answering) -> None:
        self._batch = batch
        self._request = batch.request
        self._resources = batch.resources

    @classmethod
    def origin(cls, question: Question, asking: Asking) -> list[Any]:
        """What an answer came from, as JSON: a kept score holds while this is the same.

        By default all images of the class or of the set. Override it where fewer have a part in an answer, so that a
        new image leaves the other images' scores as they are.
        """
        del question
        return [asking.identity_of_class(asking.label if cls.scope == "class" else None)]

    def _asked(self, name: str, *arguments: str | int | bool) -> None:
        self._request.questions.add((name, *arguments))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asking:
    """A question about one row, to find out what its answer comes from; no picture is decoded for it.

    `identity` digests all that one row consists of. `written` is what an earlier run wrote down, None while it is
    measured. `population` are the classes of the rule's images. `identity_of_class` digests all rows of a class, or of
    the set.
    """

    resources: Resources
    row: int
    population: Sequence[int]
    identity: Callable[[int], str]
    identity_of_class: Callable[[int | None], str]
    written: Sequence[Any] | None = None

    @property
    def label(self) -> int:
        """The row's class."""
        return self.resources.data.entries[self.row].label


class UnknownOrigin(Exception):  # noqa: N818 - an answer, not an error: nobody outside sees it
    """A row that was not asked when the score was measured, so that the score does not hold."""


def names_of(capability: type[Capability]) -> Mapping[str, type[Capability]]:
    """What may be asked of a capability, by name."""
    return {name: capability for kind in capability.__mro__ for name in _public(kind) if name not in _OF_THE_BASE}


def _public(kind: type) -> list[str]:
    return [name for name in vars(kind) if not name.startswith("_")]


_OF_THE_BASE = frozenset(_public(Capability)) | {"name"}
