"""What a card of an attribution method says. Torch-free; a method's code is loaded when it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from explain_gate.records import MapKind
from explain_gate.signatures import Parameter, parameters_in

if TYPE_CHECKING:
    from explain_gate.records import Attribution

Need = Literal["gradients", "layers", "attention"]
"""What the model must offer: gradients of the score, named submodules with feature maps, attention."""


LAYER = "dotted module name or list; none: the model's target layer"
BASELINE = "mean, black, blur, an image file, or a tensor"
"""What an option means that several methods have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """The card of one method: the function `key` in the module `family`.

    `caveat` is how the method is known to fail. `sanity` is False where the map is known not to depend on the model's
    weights (Adebayo 2018); a gate must not rest on such a method alone. `has_path`: it reports a completeness error.
    `meanings` explain what thresholds.yaml may set; types and defaults are those of the function's signature.
    `for_controls` are the options that the map of a re-initialised model is made with: whether the map of noise passes
    needs no precision.
    """

    key: str
    family: str
    kind: MapKind
    summary: str
    source: str
    cost: str
    caveat: str
    needs: tuple[Need, ...] = ()
    has_path: bool = False
    sanity: bool = True
    meanings: Mapping[str, str] = field(default_factory=dict)
    for_controls: Mapping[str, Any] = field(default_factory=dict)

    @property
    def options(self) -> tuple[Parameter, ...]:
        """What thresholds.yaml may set, with types and defaults."""
        return parameters_in(Path(__file__).parents[1] / f"{self.family}.py", self.key, self.meanings)

    @property
    def module(self) -> str:
        """Where the function is."""
        return f"explain_gate.attribution.{self.family}"

    def load(self) -> Callable[..., Attribution]:
        """The function; imports torch."""
        function: Callable[..., Attribution] = getattr(import_module(self.module), self.key)
        return function
