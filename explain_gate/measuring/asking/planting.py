"""What the classes hang on, and images to plant it into."""

from __future__ import annotations

from typing import Any, ClassVar

from explain_gate.errors import NotApplicable
from explain_gate.measuring.asking.capability import Asking, Capability, Question, Scope
from explain_gate.metrics.batch import Cue, Scene
from explain_gate.metrics.patches import Place, Window


class OtherImages(Capability):
    """Images of the panel."""

    name: ClassVar[str] = "others"
    scope: ClassVar[Scope] = "set"

    def others(self, position: int, count: int) -> list[Scene]:
        """Images that do not show the class of one image."""
        self._asked("others", count)
        return self._resources.cues.others(self._request.rows[position], count)

    @classmethod
    def origin(cls, question: Question, asking: Asking) -> list[Any]:
        """The panel."""
        del question
        return [asking.identity(other) for other in asking.resources.cues.panel_rows]


class Cues(Capability):
    """The most telling place of each class."""

    name: ClassVar[str] = "cues"
    scope: ClassVar[Scope] = "set"

    def cue(self, position: int, place: Place) -> tuple[Cue, Window]:
        """What the class of one image hangs on, and where on this image."""
        self._asked("cue", place)
        sample, search = self._request.samples[position], self._resources.cues
        cue = search.cue(sample.label, place)
        window = None if cue is None else search.place_of(sample, cue, place)
        if cue is None or window is None:
            raise NotApplicable(f"the region leaves no place {place} it to take a patch from")
        return cue, window

    def note_cue(self, position: int, place: Place, share: float) -> None:
        """Keep the outcome for the report."""
        sample = self._request.samples[position]
        self._request.outcomes[sample.index] = (place, share)
        self._resources.cues.remember(sample.index, sample.label, place, share)

    @classmethod
    def origin(cls, question: Question, asking: Asking) -> list[Any]:
        """The images that are searched, and the panel."""
        del question
        return [asking.identity(other) for other in asking.resources.cues.origin(asking.label)]
