"""What a gate asks for: its rules, and the waivers of some of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Direction = Literal["higher", "lower"]
SelectionName = Literal["full", "quick", "only"]
"""How much of a gate a run plans."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One planned row of the gate: a check, for one method and one class where it has them, with its bound.

    `check` is "family.metric", with "/name" behind it where one metric has several rules. `better` is the metric's
    direction. `file` and `line` are where it was asked for, the file as messages name it.

    `decide` is what breaks the rule: its "value", or the "evidence" of images that are counted; `at_most` is then the
    worst honest share of images that say yes to `question`, and `must_catch` the true share that the rule has to find.
    `part` is the probability of a false alarm that the rule's bound may spend over all its rows, `change_part` that of
    its change, None for 1 - confidence. `own` tells whether the images of the class answer, or those of other classes
    that were given something of it. `accept_looser` is why the bound may be looser than the package's own, where
    somebody accepted that. `sample` is of all images, or, with `sample_each`, of those of each class;
    `image` is the only one that answers, where one is looked at alone.
    """

    check: str
    method: str | None
    class_name: str | None
    better: Direction
    at_least: float | None = None
    at_most: float | None = None
    max_drop: float | None = None
    max_rise: float | None = None
    confidence: float = 0.95
    statistic: str = "mean"
    max_unmeasured: float = 0
    max_not_applicable: float = 0.5
    max_excluded: float = 0.05
    min_images: int = 5
    severity: Literal["fail", "warn"] = "fail"
    inconclusive: Literal["warn", "fail"] = "warn"
    decide: Literal["value", "evidence"] = "value"
    must_catch: float | None = None
    part: float = 0.005
    change_part: float | None = None
    small_classes: Literal["alone", "pool"] = "alone"
    question: str = ""
    own: bool = True
    accept_looser: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    sample: int | None = None
    sample_each: bool = False
    image: str | None = None
    file: str = "thresholds.yaml"
    line: int = 0

    @property
    def place(self) -> str:
        """`thresholds.yaml:21`."""
        return place_of(self.file, self.line)

    @property
    def key(self) -> str:
        """`alignment.iou[grad_cam-Bengal]`: unique in a gate, the same on every machine."""
        return f"{self.check}[{self.variant}]"

    @property
    def variant(self) -> str:
        """`grad_cam-Bengal`, or "all" for a rule without method and class."""
        return "-".join(part for part in (self.method, self.class_name) if part is not None) or "all"

    @property
    def metric(self) -> str:
        """The name in the METRICS table: the check without its "/name"."""
        return self.check.partition("/")[0]

    @property
    def bound(self) -> Mapping[str, float]:
        """The bounds that are set, e.g. {"at_least": 0.4, "max_drop": 0.03}."""
        names = ("at_least", "at_most", "max_drop", "max_rise")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @property
    def shares(self) -> tuple[float, float]:
        """Of a rule that counts images: the worst honest share of yes, and the true share that it has to find."""
        if self.at_most is None or self.must_catch is None:
            raise ValueError(f"{self.key} counts images, so it must say at_most and must_catch")
        return self.at_most, self.must_catch


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A rule that may break until a date, with its owner and reason; `unmeasured`: that may have no result either."""

    check: str
    method: str | None
    class_name: str | None
    reason: str
    owner: str
    ticket: str | None
    expires: str
    unmeasured: bool = False
    file: str = "thresholds.yaml"
    line: int

    @property
    def place(self) -> str:
        """`thresholds.yaml:30`."""
        return place_of(self.file, self.line)


def place_of(file: str, line: int) -> str:
    """`thresholds.yaml:21`; the file alone where no line is known."""
    return f"{file}:{line}" if line else file
