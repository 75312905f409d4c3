"""What searches over many images of the set left in the cache: cues, marks, signatures, operations, confounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from explain_gate.measuring.remembering.row_keys import RowKeys
from explain_gate.measuring.remembering.store import Cache, closed, opened
from explain_gate.metrics.patches import Place

if TYPE_CHECKING:
    from explain_gate.measuring.table import Table


class Searched:
    """What is known of images together; each is known by the rows that it came from."""

    def __init__(self, cache: Cache, keys: RowKeys) -> None:
        self._cache = cache
        self._keys = keys

    def cue(self, label: int, place: Place, rows: Sequence[int]) -> tuple[dict[str, Any], bytes] | None:
        """What a search on these rows left of a class, and its pictures in one; None where it is not known."""
        key = self._keys.cue(label, place, rows)
        content = self._cache.get([key]).get(key)
        return None if content is None else opened(content)

    def keep_cue(self, label: int, place: Place, rows: Sequence[int], head: Mapping[str, Any], content: bytes) -> None:
        """Keep what a search on these rows left."""
        self._cache.put("cues", {self._keys.cue(label, place, rows): closed(head, content)})

    def evidence(self, table: Table, row: int) -> tuple[dict[str, Any], bytes] | None:
        """What an image was shown as in a metric of behaviour, its pictures in one; None where it is not known."""
        key = self._keys.evidence(table, row)
        kept = self._cache.get([key]).get(key)
        return None if kept is None else opened(kept)

    def keep_evidence(self, table: Table, row: int, head: Mapping[str, Any], content: bytes) -> None:
        """Keep the pictures of one image in a metric of behaviour."""
        self._cache.put("evidence", {self._keys.evidence(table, row): closed(head, content)})

    def marks(self, rows: Sequence[int]) -> bytes | None:
        """What operations do to these pictures, and whose pictures show it; None where it is not known."""
        key = self._keys.marks(rows)
        return self._cache.get([key]).get(key)

    def keep_marks(self, rows: Sequence[int], content: bytes) -> None:
        """Keep what was measured of these pictures, for every version of the model."""
        self._cache.put("marks", {self._keys.marks(rows): content})

    def signature(self, label: int, rows: Sequence[int]) -> bytes | None:
        """What a class's pictures among these have in common; None where it is not known."""
        key = self._keys.signature(label, rows)
        return self._cache.get([key]).get(key)

    def keep_signature(self, label: int, rows: Sequence[int], content: bytes) -> None:
        """Keep what they have in common, for every version of the model."""
        self._cache.put("signatures", {self._keys.signature(label, rows): content})

    def operation(self, label: int, classes: int, half: bool) -> bytes | None:  # noqa: FBT001 - one of two halves
        """Which operation turned most of one half of the set to a class; None where it is not known."""
        key = self._keys.operation(label, classes, half)
        return self._cache.get([key]).get(key)

    def keep_operation(
        self,
        label: int,
        classes: int,
        half: bool,  # noqa: FBT001 - one of two halves
        content: bytes,
    ) -> None:
        """Keep which operation it was."""
        self._cache.put("operations", {self._keys.operation(label, classes, half): content})

    def confounds(self, rows: Sequence[int]) -> bytes | None:
        """What tells the classes of these pictures apart beside their objects; None where it is not known."""
        key = self._keys.confounds(rows)
        return self._cache.get([key]).get(key)

    def keep_confounds(self, rows: Sequence[int], content: bytes) -> None:
        """Keep what was found out about these pictures, for every version of the model."""
        self._cache.put("confounds", {self._keys.confounds(rows): content})
