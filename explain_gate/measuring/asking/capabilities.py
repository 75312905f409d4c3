"""The table of capabilities: what a metric may ask, by the name that it asks for."""

from __future__ import annotations

from collections.abc import Iterable

from explain_gate.measuring.asking.backgrounds import Donors, OwnBackground
from explain_gate.measuring.asking.capability import Capability, Question, Request, Scope, names_of
from explain_gate.measuring.asking.images import Images, Weights
from explain_gate.measuring.asking.looks import Exchanges
from explain_gate.measuring.asking.maps import Maps, OtherMaps
from explain_gate.measuring.asking.panels import OtherRegions
from explain_gate.measuring.asking.passes import Clock, Explanations, Gradients, Predictions
from explain_gate.measuring.asking.planting import Cues
from explain_gate.measuring.asking.variants import Cascading, Conversions, Twins, Versions

CAPABILITIES: tuple[type[Capability], ...] = (
    Images,
    Weights,
    Maps,
    OtherMaps,
    OtherRegions,
    Predictions,
    Gradients,
    Explanations,
    Twins,
    Cascading,
    Versions,
    Conversions,
    OwnBackground,
    Donors,
    Cues,
    Exchanges,
    Clock,
)
ALWAYS = frozenset({Images.name, Maps.name})
"""What every metric may ask without saying so: its images, and their maps."""

ASKED_AS: dict[str, type[Capability]] = {
    name: capability for kind in CAPABILITIES for name, capability in names_of(kind).items()
}
"""The capability that answers to a name."""


def capability_of(name: str) -> type[Capability]:
    """Who answers to a name.

    Raises:
        AttributeError: nobody does.
    """
    if name not in ASKED_AS:
        raise AttributeError(f"a metric may ask its batch for {', '.join(sorted(ASKED_AS))}; got {name}")
    return ASKED_AS[name]


def scope_of(names: Iterable[str]) -> Scope | None:
    """What a value depends on that was computed from these; None where it holds at no other time."""
    kinds = {capability_of(name) for name in names}
    if not all(kind.lasting for kind in kinds):
        return None
    scopes = {kind.scope for kind in kinds}
    return "set" if "set" in scopes else "class" if "class" in scopes else "image"


def questions_of(request: Request) -> frozenset[Question]:
    """All that was asked beyond the images; what was asked without a question of its own is one by its name."""
    told = {capability_of(str(question[0])) for question in request.questions}
    beyond = {name: capability_of(name) for name in request.asked}
    untold = {(name,) for name, kind in beyond.items() if kind.scope != "image" and kind not in told}
    return frozenset(request.questions | untold)
