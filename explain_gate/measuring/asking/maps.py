"""Maps as they are kept on disk, of one method or of a pair, and how alike those of different images are."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explain_gate.data.regression_set import RegressionSet
from explain_gate.errors import NotMeasurable
from explain_gate.measuring.asking.capability import Asking, Capability, Question, Scope
from explain_gate.measuring.asking.images import Images
from explain_gate.metrics import PAIR
from explain_gate.metrics.correlation import spearman


class KeptMaps:
    """What the second stage leaves, by method, and draws of other images that have a map.

    `maps` (N, H, W) on disk; `details` (N,), what the method reported; `usable` (N,), which images have a map;
    `controls`, maps of the re-initialised model by method and rows, which every rule over the method's maps shares.
    """

    def __init__(self, data: RegressionSet, *, seed: int) -> None:
        self.maps: dict[str, NDArray[np.float16]] = {}
        self.details: dict[str, dict[str, NDArray[np.float64]]] = {}
        self.usable: dict[str, NDArray[np.bool_]] = {}
        self.controls: dict[tuple[str, tuple[int, ...]], Tensor] = {}
        self._data = data
        self._seed = seed
        self._correlations: dict[tuple[str, int], float] = {}
        self._pairs: dict[tuple[str, int], list[tuple[int, int]]] = {}

    def pair_correlation(self, method: str, pairs: int) -> float:
        """Mean Spearman correlation between maps of random pairs of different images."""
        if (method, pairs) not in self._correlations:
            drawn = self.pair_rows(method, pairs)
            if not drawn:
                raise NotMeasurable("fewer than two maps of different images, so there is no pair to compare")
            maps = self.maps[method]
            values = []
            for first, second in drawn:
                both = torch.from_numpy(np.stack([maps[first], maps[second]]).astype(np.float32))
                values.append(float(spearman(both[:1], both[1:])[0]))
            self._correlations[method, pairs] = math.fsum(values) / len(values)
        return self._correlations[method, pairs]

    def pair_rows(self, method: str, pairs: int) -> list[tuple[int, int]]:
        """Drawn pairs of different images that have a map of the method; empty where there are no two."""
        if (method, pairs) not in self._pairs:
            rows = np.flatnonzero(self.usable[method]).tolist()
            self._pairs[method, pairs] = self._data.pairs(rows, pairs, seed=self._seed, purpose="pair")
        return self._pairs[method, pairs]

    def peers(self, row: int, method: str, count: int) -> list[int]:
        """Rows of other images that have a map of the method, drawn for one image."""
        own = self._data.digest(row)
        others = [other for other in np.flatnonzero(self.usable[method]).tolist() if self._data.digest(other) != own]
        return self._data.lowest(others, count, seed=self._seed, own=self._data.key(row), purpose=f"peers {method}")


class Maps(Capability):
    """Maps of the batch's images."""

    name: ClassVar[str] = "maps"
    of_model: ClassVar[bool] = False  # the model was asked before; where it has no map, one is given

    @cached_property
    def maps(self) -> Tensor:
        """(N, H, W), as kept on disk."""
        given = self._request.maps
        # A map without a positive part is not kept; images with any other fault are left out before.
        return self._kept(self._request.named_method).nan_to_num(nan=0.0) if given is None else given

    @property
    def relevance(self) -> Tensor:
        """The positive part of the maps."""
        return self.maps.clamp_min(0)

    @property
    def first(self) -> Tensor:
        """Maps of the first method of a pair."""
        return self._kept(self._request.named_method.split(PAIR)[0])

    @property
    def second(self) -> Tensor:
        """Maps of the second method of a pair."""
        return self._kept(self._request.named_method.split(PAIR)[1])

    @property
    def details(self) -> dict[str, Tensor]:
        """What the method reported per image."""
        columns = self._resources.maps.details[self._request.named_method]
        return {name: torch.from_numpy(column[self._request.rows]) for name, column in columns.items()}

    def _kept(self, method: str) -> Tensor:
        return torch.from_numpy(self._resources.maps.maps[method][self._request.rows].astype(np.float32))


class OtherMaps(Capability):
    """Maps of other images of the set."""

    name: ClassVar[str] = "other_maps"
    scope: ClassVar[Scope] = "set"

    def pair_correlation(self, pairs: int) -> float:
        """Mean correlation between maps of different images."""
        method = self._request.named_method
        self._asked("pair_correlation", method, pairs)
        return self._resources.maps.pair_correlation(method, pairs)

    def other_maps(self, position: int, count: int) -> Tensor:
        """The positive part of maps of other images, as they would lie on this one."""
        method = self._request.peers or self._request.named_method
        self._asked("other_maps", method, count)
        rows = self._resources.maps.peers(self._request.rows[position], method, count)
        if not rows:
            raise NotMeasurable("no other image has a map to compare with")
        maps = torch.from_numpy(self._resources.maps.maps[method][rows].astype(np.float32)).clamp_min(0)
        return maps * self._batch.of(Images).counted[position]

    @classmethod
    def origin(cls, question: Question, asking: Asking) -> list[Any]:
        """The pairs, or the other images, that are drawn."""
        name, method, count = question
        maps = asking.resources.maps
        if name == "other_maps":
            return [asking.identity(other) for other in maps.peers(asking.row, str(method), int(count))]
        drawn = maps.pair_rows(str(method), int(count))
        return [[asking.identity(first), asking.identity(second)] for first, second in drawn]
