"""Panels: the same few images of a class for all its images, with their maps and regions, to be compared with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explain_gate.data.regression_set import RegressionSet, part_of
from explain_gate.measuring.asking.capability import Asking, Capability, Question, Scope
from explain_gate.measuring.asking.maps import KeptMaps
from explain_gate.metrics.batch import Among, Panel
from explain_gate.seeds import seed_of

_AT_ONCE = 6
"""Panels that are held in memory."""


class Panels:
    """Panels of every class. Who is in one follows from the data alone, so that no version chooses."""

    def __init__(self, data: RegressionSet, maps: KeptMaps, *, seed: int) -> None:
        self._data = data
        self._maps = maps
        self._seed = seed
        self._members: dict[int, list[int]] = {}
        for row, entry in enumerate(data.entries):
            self._members.setdefault(entry.label, []).append(row)
        self._regions: dict[tuple[int, str | None], tuple[NDArray[np.uint8], tuple[int, ...]] | None] = {}
        self._panels: dict[tuple[int, Among, int, str | None, str | None], Panel] = {}

    def rows(self, label: int, among: Among, count: int) -> list[int]:
        """At most `count` images of a class, or of all other classes, drawn by what they hold."""
        rows = self._members.get(label, []) if among == "class" else self._others(label)
        return self._data.lowest(rows, count, seed=self._seed, purpose=f"panel {among} {label}")

    def panel(self, label: int, among: Among, count: int, *, method: str | None, part: str | None) -> Panel:
        """Those of them that have a region, with their maps of one method, or none."""
        key = (label, among, count, method, part)
        if key not in self._panels:
            if len(self._panels) >= _AT_ONCE:
                del self._panels[next(iter(self._panels))]
            self._panels[key] = self._made(*key)
        return self._panels[key]

    def _made(self, label: int, among: Among, count: int, method: str | None, part: str | None) -> Panel:
        drawn = [(row, self._region(row, part)) for row in self.rows(label, among, count)]
        rows = [row for row, region in drawn if region is not None]
        maps = None
        usable = torch.ones(len(rows), dtype=torch.bool)
        if method is not None and rows:
            maps = torch.from_numpy(self._maps.maps[method][rows].astype(np.float32)).nan_to_num(nan=0.0).clamp_min(0)
            usable = torch.from_numpy(self._maps.usable[method][rows]) & (maps.flatten(1).amax(dim=1) > 0)
        return Panel(
            maps=maps,
            regions=torch.stack([region for _, region in drawn if region is not None])
            if rows
            else torch.zeros(0, 1, 1),
            usable=usable,
            others=torch.ones(len(rows), dtype=torch.bool),
            digests=tuple(self._data.digest(row) for row in rows),
            seed=seed_of(self._seed, "", f"permuted {among} {label}"),
        )

    def _region(self, row: int, part: str | None) -> Tensor | None:
        if (row, part) not in self._regions:
            sample = self._data.sample(row)
            region = (sample if part is None else part_of(sample, part)).region
            # Packed, so that the regions of a large set stay small.
            self._regions[row, part] = None if region is None else (np.packbits(region.numpy(), axis=-1), region.shape)
        kept = self._regions[row, part]
        if kept is None:
            return None
        packed, size = kept
        return torch.from_numpy(np.unpackbits(packed, axis=-1, count=size[1]).astype(bool))

    def _others(self, label: int) -> list[int]:
        return [row for row, entry in enumerate(self._data.entries) if label not in entry.accepted]


class OtherRegions(Capability):
    """Panels that an image is compared with."""

    name: ClassVar[str] = "panels"
    scope: ClassVar[Scope] = "set"
    of_model: ClassVar[bool] = False  # who is in a panel follows from the data; the model made its maps before

    def panel(self, position: int, among: Among, count: int) -> Panel:
        """The panel of one image's class, or of the other classes; a control's maps are in none."""
        self._asked("panel", among, count)
        sample, request = self._request.samples[position], self._request
        method = request.method if request.maps is None else None
        panel = self._resources.panels.panel(sample.label, among, count, method=method, part=request.part)
        others = torch.tensor([digest != sample.digest for digest in panel.digests], dtype=torch.bool)
        return replace(panel, others=others)

    @classmethod
    def origin(cls, question: Question, asking: Asking) -> list[Any]:
        """The images in the panel."""
        _, among, count = question
        kind: Among = "class" if among == "class" else "others"
        return [asking.identity(row) for row in asking.resources.panels.rows(asking.label, kind, int(count))]
