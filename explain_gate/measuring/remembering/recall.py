"""What the stages of a run know already: cached logits, pictures, maps and scores under keys of all they depend on.

A score may depend on its own image alone, on others of its class or of the set (donors of backgrounds, class weights,
what a class hangs on), or on what no key can hold (a clock, which is never kept). Which of them is seen from the scopes
of the capabilities that a metric asked. A score that others had a part in is kept with what they were, and holds while
they are the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explain_gate.data.regression_set import RegressionSet
from explain_gate.measuring.asking.resources import Resources
from explain_gate.measuring.remembering.contents import (
    Picture,
    map_from_bytes,
    map_to_bytes,
    picture_from_bytes,
    picture_to_bytes,
)
from explain_gate.measuring.remembering.keys import Facts
from explain_gate.measuring.remembering.origins import Origins
from explain_gate.measuring.remembering.row_keys import RowKeys
from explain_gate.measuring.remembering.searched import Searched
from explain_gate.measuring.remembering.store import Cache

if TYPE_CHECKING:
    from explain_gate.measuring.table import Table


Noted = tuple[float, int | None]
"""A number that a metric noted of an image, and the class that it is about, None for the image's own."""


class Memory:
    """The cache as the stages of one run see it: rows in, what is known of them out; `searched` is of many rows."""

    def __init__(self, cache: Cache, facts: Facts, data: RegressionSet, resources: Resources) -> None:
        self.cache = cache
        self._data = data
        self._resources = resources
        self._keys = RowKeys(facts, data)
        self.searched = Searched(cache, self._keys)
        self._origins = Origins(resources, self._keys.identity)
        self.passing = False
        """Whether a value was measured that no key can hold, and that the next run measures again."""

    def keys_of(self, methods: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
        """The keys of all rows' pictures, and of their maps by each method."""
        rows = range(len(self._data))
        return (
            [self._keys.picture(row) for row in rows],
            {method: [self._keys.map(method, row) for row in rows] for method in methods},
        )

    def logits(self, rows: Sequence[int]) -> dict[int, Tensor]:
        """Logits (K,) of the rows that were predicted before."""
        contents = self.cache.get([self._keys.logits(row) for row in rows])
        return {
            row: torch.from_numpy(np.frombuffer(contents[key], dtype="<f4").copy())
            for row in rows
            if (key := self._keys.logits(row)) in contents
        }

    def keep_logits(self, logits: Mapping[int, Tensor]) -> None:
        """Keep logits (K,), all of them finite."""
        self.cache.put("logits", {self._keys.logits(row): one.numpy().tobytes() for row, one in logits.items()})

    def pictures(self, rows: Sequence[int]) -> dict[int, Picture]:
        """Pictures and regions of the rows that were decoded before."""
        contents = self.cache.get([self._keys.picture(row) for row in rows])
        return {row: picture_from_bytes(contents[key]) for row in rows if (key := self._keys.picture(row)) in contents}

    def keep_pictures(self, pictures: Mapping[int, Picture]) -> None:
        """Keep pictures and regions."""
        self.cache.put("pictures", {self._keys.picture(row): picture_to_bytes(one) for row, one in pictures.items()})

    def maps(
        self, method: str, rows: Sequence[int], size: tuple[int, int]
    ) -> dict[int, tuple[NDArray[np.float16], dict[str, float]]]:
        """Maps (H, W) as they are kept, with the method's details."""
        contents = self.cache.get([self._keys.map(method, row) for row in rows])
        known = {row: contents[key] for row in rows if (key := self._keys.map(method, row)) in contents}
        maps = {row: map_from_bytes(content, size) for row, content in known.items()}
        return {row: one for row, one in maps.items() if one is not None}

    def keep_maps(self, method: str, maps: Mapping[int, tuple[NDArray[np.float16], Mapping[str, float]]]) -> None:
        """Keep maps that have no fault."""
        entries = {self._keys.map(method, row): map_to_bytes(one, details) for row, (one, details) in maps.items()}
        self.cache.put("maps", entries)

    def recall(self, table: Table) -> None:
        """Fill in the values that are known."""
        keys = {row: self._keys.score(table, row) for row in table.rows if row not in table.values}
        contents = self.cache.get(list(keys.values()))
        for row, key in keys.items():
            if key not in contents:
                continue
            entry = json.loads(contents[key])
            lacking = table.peers is not None and "evidence" not in entry["notes"]  # no rule counted images then
            if lacking or not self._holds(table, row, entry):
                continue
            table.values[row] = entry["value"]
            for name, noted in entry["notes"].items():
                table.notes.setdefault(name, {})[row] = [(value, about) for value, about in noted]

    def keep(self, tables: Iterable[Table], rows: Sequence[int]) -> None:
        """Keep the values of these rows that were measured now."""
        entries = {}
        for table in tables:
            for row in rows:
                self.passing |= row in table.scopes and table.scopes[row] is None
                scope = table.scopes.pop(row, None)
                questions = sorted(table.questions.pop(row, ()), key=str) if scope != "image" else []
                outcome = table.outcomes.pop(row, None)
                if row not in table.values or scope is None:
                    continue
                entry = {
                    "value": table.values[row],
                    "of": [[list(one), self._origins.of(one, row, table.population)] for one in questions],
                    "outcome": outcome,
                    "notes": {name: notes[row] for name, notes in table.notes.items() if row in notes},
                }
                entries[self._keys.score(table, row)] = json.dumps(entry).encode()
        self.cache.put("scores", entries)

    def _holds(self, table: Table, row: int, entry: Mapping[str, Any]) -> bool:
        """Whether others that had a part in a value are the same; a cue's outcome is told to the report again."""
        if not all(self._origins.hold(tuple(one), row, table.population, written) for one, written in entry["of"]):
            return False
        if entry["outcome"] is None:
            return True
        place, turned = entry["outcome"]
        if not all(self._resources.cues.restore(row, label, place) for label, _ in turned):
            return False
        for label, answer in turned:
            self._resources.cues.remember(row, label, place, answer)
        return True
