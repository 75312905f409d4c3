"""Saliency regressions for vision models: stop a model that is right for the wrong reasons.

Importing this package loads neither torch nor mlflow; the functions below load what they need when they are called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "attribute", "judge", "load_profile", "measure"]

if TYPE_CHECKING:
    from explain_gate.attribution.attribute import attribute
    from explain_gate.judging.gate import judge
    from explain_gate.measuring.job import measure
    from explain_gate.profile.profile import load_profile

_HOMES = {
    "attribute": "explain_gate.attribution.attribute",
    "measure": "explain_gate.measuring.job",
    "judge": "explain_gate.judging.gate",
    "load_profile": "explain_gate.profile.profile",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'explain_gate' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
