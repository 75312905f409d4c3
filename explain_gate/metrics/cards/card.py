"""What a card of a metric and of a family says. Torch-free; a metric's code is loaded when it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from explain_gate.records import Direction
from explain_gate.signatures import Parameter, parameters_in, signatures_in

Applies = Literal["maps", "path", "pairs", "model"]
"""What a metric is measured on.

`maps`: every attribution method. `path`: methods with a completeness error. `pairs`: every two methods, written
"grad_cam+occlusion". `model`: the model alone, no method.
"""

Need = Literal["region", "annotators", "reference", "decisions"]
"""What a metric cannot do without.

`region`: the rule is judged on images with a usable region. `annotators`: on those that at least two people drew.
`reference`: it is measured after both versions.
`decisions`: on what people found of the maps once they were there.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """The card of one metric, `family.function`: the function of that name in the family's module.

    `low` and `high` are the ends of the range, None where unbounded. `cost` is per image, beside the map. `asks`
    are the capabilities that it asks its batch for, beyond its images and their maps, by their names in
    measuring/asking; whether a score depends on other images follows from their scopes. `caveat` is how the metric is
    known to fail. `broken` is what a reader of the verdict is told where a rule breaks, if the
    family's sentence would say something else than what the metric saw. `meanings` explain what a rule may set under
    `parameters`; types and defaults are those of the function's signature.

    `question` completes "3 of 20 images ...": what each image is asked, yes or no, in one seeded trial, where rules
    count images; a yes speaks against the model, and the metric notes the answers as "evidence". Empty: there is none.
    `of_others`: images of other classes are asked, that were given something of the class that the answer is about,
    which the question calls {whom}. `worst` is the value of an image whose map has no positive part, for metrics of
    where maps lie, and of whether they owe anything to training; `of_silent`: such a map is measured like any other.
    `beyond_chance`: it notes the p-value of a permutation test as "p", and a rule on it passes only where that is at
    most 0.05, whatever decides.
    """

    key: str
    summary: str
    better: Direction
    low: float | None
    high: float | None
    source: str
    unit: str = "share"
    applies: Applies = "maps"
    needs: tuple[Need, ...] = ()
    cost: str = "none"
    asks: tuple[str, ...] = ()
    caveat: str = ""
    broken: str = ""
    question: str = ""
    of_others: bool = False
    worst: float | None = None
    of_silent: bool = False
    beyond_chance: bool = False
    meanings: Mapping[str, str] = field(default_factory=dict)

    @property
    def needs_region(self) -> bool:
        """Whether images without a usable region have no value."""
        return "region" in self.needs

    @property
    def afterwards(self) -> bool:
        """Whether it is measured once the maps are there, on another version's or on what people found of them."""
        return bool({"reference", "decisions"} & set(self.needs))

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What a rule may set, with types and defaults; of a user's own metric nothing is known."""
        return () if ":" in self.key else parameters_in(self._file, self._function, self.meanings)

    @property
    def takes(self) -> tuple[str, ...]:
        """What it is called with: the names of its positional parameters, which `metrics.batch` explains."""
        return () if ":" in self.key else signatures_in(self._file)[self._function].positional

    def load(self) -> Callable[..., Any]:
        """The function; imports torch."""
        function: Callable[..., Any] = getattr(import_module(self.module), self._function)
        return function

    @property
    def module(self) -> str:
        """Where the function is."""
        return f"explain_gate.metrics.{self.key.partition('.')[0]}"

    @property
    def _function(self) -> str:
        return self.key.partition(".")[2]

    @property
    def _file(self) -> Path:
        return Path(__file__).parents[1] / f"{self.key.partition('.')[0]}.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Metrics that answer one question.

    `broken` is what a reader of the verdict is told where a rule of the family breaks and the metric has no sentence
    of its own. `looks`: it says what the model looks at or depends on. `norm`: its bounds say what a sound measurement
    is, whatever good versions show.
    """

    name: str
    question: str
    broken: str
    looks: bool = False
    norm: bool = False
