"""What the strongest patch of other classes does to images, for the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from explain_gate.measuring.asking.capability import Asking, Capability, Question, Scope
from explain_gate.metrics.patches import Place


class Cues(Capability):
    """Outcomes of patches that were exchanged."""

    name: ClassVar[str] = "cues"
    scope: ClassVar[Scope] = "set"

    def note_cue(self, position: int, place: Place, turned: Mapping[int, float]) -> None:
        """Keep what the patches of other classes did to one image, by class."""
        sample = self._request.samples[position]
        self._request.outcomes[sample.index] = (place, sorted(turned.items()))
        for label, answer in turned.items():
            self._resources.cues.remember(sample.index, label, place, answer)

    @classmethod
    def origin(cls, question: Question, asking: Asking) -> list[Any]:
        """Nothing beside what was exchanged."""
        del question, asking
        return []
