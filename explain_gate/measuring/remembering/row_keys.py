"""The keys of what is known of rows, from what they consist of."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from explain_gate.data.regression_set import RegressionSet
from explain_gate.measuring.remembering.digests import digest
from explain_gate.measuring.remembering.keys import Facts, ImageFacts, image_facts
from explain_gate.metrics.patches import Place

if TYPE_CHECKING:
    from explain_gate.measuring.table import Table


class RowKeys:
    """The keys of what is known of rows; each row's facts are read once."""

    def __init__(self, facts: Facts, data: RegressionSet) -> None:
        self._facts = facts
        self._data = data
        self._images: dict[int, ImageFacts] = {}

    def logits(self, row: int) -> str:
        """Of its logits."""
        return self._facts.logits(self._image(row))

    def picture(self, row: int) -> str:
        """Of its picture and region."""
        return self._facts.picture(self._image(row))

    def map(self, method: str, row: int) -> str:
        """Of its map by a method."""
        return self._facts.map(method, self._image(row))

    def score(self, table: Table, row: int) -> str:
        """Of its score in a table."""
        return self._facts.score(table.check, table.method, self._image(row))

    def evidence(self, table: Table, row: int) -> str:
        """Of what the report shows of it in a metric of behaviour."""
        # Donors come from the whole set; which of them took part is not asked again for a picture.
        return digest("evidence", self.score(table, row), self._everybody, table.values[row])

    @functools.cached_property
    def _everybody(self) -> str:
        """All images, whatever they are called and in whatever order they come."""
        return digest(sorted(self.identity(row) for row in range(len(self._data))))

    def cue(self, label: int, place: Place, rows: Sequence[int]) -> str:
        """Of the search for a class's patch among these rows."""
        return self._facts.cue(label, place, self._data.classes, [self._image(row) for row in rows])

    def marks(self, rows: Sequence[int]) -> str:
        """Of what operations do to the pictures of these rows."""
        return self._facts.of_pictures("marks", [self._image(row) for row in rows])

    def signature(self, label: int, rows: Sequence[int]) -> str:
        """Of what a class's pictures among these rows have in common."""
        return self._facts.signature(label, [self._image(row) for row in rows])

    def operation(self, label: int, classes: int, half: bool) -> str:  # noqa: FBT001 - one of two halves
        """Of the search for a class's operation on one half of the set."""
        return self._facts.operation(label, classes, half, [self._image(row) for row in range(len(self._data))])

    def confounds(self, rows: Sequence[int]) -> str:
        """Of what tells the classes of these rows apart."""
        return self._facts.of_pictures("confounds", [self._image(row) for row in rows])

    def identity(self, row: int) -> str:
        """All that the row consists of, in one."""
        return self._image(row).identity

    def _image(self, row: int) -> ImageFacts:
        if row not in self._images:
            self._images[row] = image_facts(self._data, row)
        return self._images[row]
