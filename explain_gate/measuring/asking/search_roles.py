"""Who takes part in the search for a class's patch: drawn by what pictures hold, apart from those that are asked."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from explain_gate.data.regression_set import RegressionSet
from explain_gate.seeds import seed_of

_DONORS = 4
"""Pictures of a class, of each half, that are searched."""
_RECEIVERS = 12
"""Pictures of other classes that patches are tried on."""
_PEERS = 3
"""Pictures of an image's own class, of which the first with a region lends the control."""


class SearchRoles:
    """Donors, receivers and peers of every class and half of a set."""

    def __init__(self, data: RegressionSet, *, seed: int) -> None:
        self._data = data
        self._seed = seed
        # Every image asks who was searched for its patches.
        self._half = functools.cache(self._half_of)
        self.searched = functools.cache(self._rows_searched)

    def half_against(self, row: int, label: int) -> bool:
        """The half that an image takes the patch of a class from: the one that it is not in."""
        return not self._half(row, label)

    def donors(self, label: int, half: bool) -> list[int]:  # noqa: FBT001 - one of two halves
        """Pictures of a class whose patches are searched."""
        own = [row for row, entry in enumerate(self._data.entries) if entry.label == label]
        return self._data.lowest(self._in(half, own, label), _DONORS, seed=self._seed, purpose="donors of patches")

    def receivers(self, label: int, half: bool) -> list[int]:  # noqa: FBT001 - one of two halves
        """Pictures without the class, on which patches are tried."""
        free = [row for row, entry in enumerate(self._data.entries) if label not in entry.accepted]
        kept = self._in(half, free, label)
        return self._data.lowest(kept, _RECEIVERS, seed=self._seed, own=str(label), purpose="receivers of patches")

    def peers(self, row: int) -> list[int]:
        """A few other images of the same class, drawn for one."""
        label, digest, own = self._data.entries[row].label, self._data.digest(row), self._data.key(row)
        peers = [
            other
            for other, entry in enumerate(self._data.entries)
            if entry.label == label and self._data.digest(other) != digest
        ]
        return self._data.lowest(peers, _PEERS, seed=self._seed, own=own, purpose="peer")

    def _half_of(self, row: int, label: int) -> bool:
        return bool(seed_of(self._seed, self._data.key(row), f"half of patches {label}") & 1)

    def _rows_searched(self, label: int, half: bool) -> list[int]:  # noqa: FBT001 - one of two halves
        """The rows that one search looks at: donors, then receivers."""
        return [*self.donors(label, half), *self.receivers(label, half)]

    def _in(self, half: bool, rows: Sequence[int], label: int) -> Sequence[int]:  # noqa: FBT001 - one of two halves
        """Those of one half; all of them where a few pictures all fell into the other."""
        return [row for row in rows if self._half(row, label) == half] or rows
