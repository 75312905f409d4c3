"""Pictures with their object filled in, computed once per image and kept on disk while a run lasts."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from explain_gate.data.regression_set import RegressionSet
from explain_gate.metrics.fill import inpaint

_WIDER = 3
"""Pixels by which the hole is wider than the region, so that no rim of the object stays behind."""

_MOST_HOLE = 0.95
"""Share of the frame; with less than the rest left there is no background to take."""


class Backgrounds:
    """Donors of backgrounds for every image of a regression set, seeded by image."""

    def __init__(self, data: RegressionSet, folder: Path, *, seed: int, size: tuple[int, int]) -> None:
        self._data = data
        self._seed = seed
        self._file = np.lib.format.open_memmap(
            folder / "backgrounds.npy", mode="w+", dtype=np.float16, shape=(len(data), 3, *size)
        )
        self._state = np.zeros(len(data), dtype=np.int8)  # 0 not tried, 1 filled, -1 has none to give
        self._members: dict[int, list[int]] = {}
        for row, entry in enumerate(data.entries):
            self._members.setdefault(entry.label, []).append(row)

    def donors(self, row: int, *, same_class: bool, count: int) -> list[tuple[int, Tensor]]:
        """Up to `count` donors for an image: class and picture (3, H, W) without its object, classes in turn."""
        entry = self._data.entries[row]
        kind = "same" if same_class else "other"
        key = f"{self._seed} {self._data.digest(row)} {entry.label} background {kind}"
        rng = np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big"))
        labels = [entry.label] if same_class else [other for other in self._members if other not in entry.accepted]
        pools = [
            [
                self._members[labels[place]][position]
                for position in rng.permutation(len(self._members[labels[place]]))[: 4 * count + 4]
            ]
            for place in rng.permutation(len(labels)).tolist()
        ]
        found: list[tuple[int, Tensor]] = []
        while any(pools) and len(found) < count:
            for pool in pools:
                donor = self._next(pool, entry.path)
                if donor is not None and len(found) < count:
                    picture = torch.from_numpy(self._file[donor].astype(np.float32))
                    found.append((self._data.entries[donor].label, picture))
        return found

    def _next(self, pool: list[int], own: Path) -> int | None:
        """Take rows off the pool until one can give a background."""
        while pool:
            row = pool.pop()
            if self._data.entries[row].path != own and self._usable(row):
                return row
        return None

    def _usable(self, row: int) -> bool:
        if self._state[row] == 0:
            sample = self._data.sample(row)
            if sample.region is None:
                self._state[row] = -1
            else:
                wide = torch.nn.functional.max_pool2d(
                    sample.region[None, None].float(), 2 * _WIDER + 1, stride=1, padding=_WIDER
                )
                hole = wide[0] > 0
                if hole.double().mean() > _MOST_HOLE:
                    self._state[row] = -1
                else:
                    self._file[row] = inpaint(sample.pixels[None], hole)[0].numpy().astype(np.float16)
                    self._state[row] = 1
        return bool(self._state[row] == 1)
