"""The regression set as the model sees it: samples by position, in batches, decoded ahead by a thread."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import torch

from explain_gate.config import GateConfig
from explain_gate.data.annotations.entries import LISTED, Entries, Entry
from explain_gate.data.annotations.read import read_entries
from explain_gate.data.images import digest_of, load_annotated
from explain_gate.data.preprocessing import Preprocessing, normalize, preprocessing_of
from explain_gate.errors import DataError
from explain_gate.records import Sample
from explain_gate.seeds import lowest, lowest_of_each, pairs
from explain_gate.tasks import SetFacts

LOST = "the crop removes the annotated region"
SMALLEST_REGION = 4
"""Pixels; a region of fewer after the crop cannot be compared with a map."""


class RegressionSet:
    """Samples by position. Holds names and digests only; pixels are read when asked for.

    `notes` say what of the annotations was dropped or read otherwise than written, for every report of the run.
    `facts` are those of the whole set, of which this may be a part.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        classes: Mapping[str, int],
        preprocessing: Preprocessing,
        notes: Sequence[str] = (),
        *,
        facts: SetFacts | None = None,
    ) -> None:
        self.facts = facts or SetFacts(classes=dict(classes))
        self.notes = tuple(notes)
        self.entries = tuple(entries)
        self.classes = dict(classes)
        self.preprocessing = preprocessing
        self._digests: dict[int, str] = {}
        self._keys: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def bare(self) -> tuple[str, ...]:
        """Classes on whose pictures nothing is drawn, such as those of pictures without the object."""
        return self.facts.bare_names

    def part(self, rows: Sequence[int]) -> RegressionSet:
        """Some of the samples, with what is known of the whole set."""
        return RegressionSet([self.entries[row] for row in rows], self.classes, self.preprocessing, facts=self.facts)

    def sample(self, row: int) -> Sample:
        """Decode one sample.

        Raises:
            DataError: its file, mask or annotation cannot be used.
        """
        entry = self.entries[row]
        loaded = load_annotated(entry.path, entry.shapes, entry.size, self.preprocessing)
        reason = (
            region_fault(loaded.region)
            if entry.shapes
            else "no object is on this image"
            if entry.empty
            else "no region is drawn on this image"
        )
        return Sample(
            index=row,
            image=entry.image,
            label=entry.label,
            class_name=entry.class_name,
            accepted=entry.accepted,
            digest=self.digest(row),
            pixels=normalize(loaded.pixels, self.preprocessing),
            region=loaded.region if reason is None else None,
            region_reason=reason,
            annotators=loaded.annotators,
            ignored=loaded.ignored,
            parts=loaded.parts,
            looks=loaded.looks,
            value=entry.value,
            empty=entry.empty,
            drawn=loaded.region if entry.shapes else None,
        )

    def first(self) -> Sample:
        """The first sample that can be decoded, for what needs the size or one image to try.

        Raises:
            DataError: there is none; every file is listed.
        """
        faults = []
        for row in range(len(self)):
            try:
                return self.sample(row)
            except (DataError, OSError) as error:
                faults.append(str(error))
        raise DataError(f"none of the {len(self)} images can be used:\n" + "\n".join(faults[:LISTED]))

    def digest(self, row: int) -> str:
        """SHA-256 of the image file of one sample."""
        if row not in self._digests:
            self._digests[row] = digest_of(self.entries[row].path)
        return self._digests[row]

    def name(self, row: int) -> str:
        """Of the image, as the annotations write it."""
        return self.entries[row].image

    def key(self, row: int) -> str:
        """What draws know one sample by: its file's digest and its class, or its name where the file cannot be read."""
        if row not in self._keys:
            try:
                self._keys[row] = f"{self.digest(row)}:{self.entries[row].label}"
            except OSError:
                return f"{self.entries[row].image}:{self.entries[row].label}"
        return self._keys[row]

    def lowest(
        self, rows: Iterable[int], count: int | None = None, *, seed: int, own: str = "", purpose: str
    ) -> list[int]:
        """At most `count` of the rows, drawn by what they hold and not by where they stand; see `seeds.lowest`."""
        return lowest(rows, count, digest=self.key, name=self.name, seed=seed, own=own, purpose=purpose)

    def stratified(self, limit: int, *, seed: int, purpose: str) -> list[int]:
        """At most `limit` rows, drawn as evenly over the classes as they allow."""
        return lowest_of_each(
            range(len(self)),
            limit,
            group=lambda row: self.entries[row].class_name,
            digest=self.key,
            name=self.name,
            seed=seed,
            purpose=purpose,
        )

    def pairs(self, rows: Sequence[int], count: int, *, seed: int, purpose: str) -> list[tuple[int, int]]:
        """`count` drawn pairs of rows of different files."""
        return pairs(rows, count, digest=self.key, name=self.name, content=self.digest, seed=seed, purpose=purpose)

    def batches(self, size: int, rows: Sequence[int] | None = None) -> Iterator[list[Sample]]:
        """Samples in batches of at most `size`, in the order of `rows`; the next batch is decoded meanwhile.

        Raises:
            DataError: files that cannot be used, all of them listed.
        """
        wanted = list(range(len(self))) if rows is None else list(rows)
        chunks = [wanted[start : start + size] for start in range(0, len(wanted), size)]
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="decode") as pool:
            ahead = [pool.submit(self._decode, chunk) for chunk in chunks[:1]]
            for position in range(len(chunks)):
                samples = ahead.pop(0).result()
                if position + 1 < len(chunks):
                    ahead.append(pool.submit(self._decode, chunks[position + 1]))
                yield samples

    def identity(self, row: int) -> list[Any]:
        """What one sample consists of, as JSON: classes, the file's digest and its regions as drawn."""
        entry = self.entries[row]
        shapes = [
            [s.polygons, s.rle, s.box, digest_of(s.file) if s.file else None, s.values, s.annotator, s.part, s.ignore]
            + ([s.colours, s.relative] if s.colours or s.relative else [])
            for s in entry.shapes
        ]
        told = [entry.label, list(entry.accepted), self.digest(row), shapes, entry.size]
        return told if entry.value is None and not entry.empty else [*told, entry.value, entry.empty]

    def _decode(self, rows: Sequence[int]) -> list[Sample]:
        samples, faults = [], []
        for row in rows:
            try:
                samples.append(self.sample(row))
            except (DataError, OSError) as error:
                faults.append(str(error))
        raise_faults(faults)
        return samples


def digest_of_set(data: RegressionSet) -> str:
    """Digest of all of it: files, labels, regions as drawn, preprocessing and classes, in order."""
    content = hashlib.sha256()
    content.update(json.dumps([data.preprocessing.describe(), data.classes], sort_keys=True).encode())
    for row, entry in enumerate(data.entries):
        content.update(json.dumps([entry.image, data.identity(row)]).encode())
    return content.hexdigest()


def raise_faults(faults: Sequence[str]) -> None:
    """One error that lists every fault, or nothing where there is none.

    Raises:
        DataError: there is one.
    """
    if faults:
        more = f"\n(and {len(faults) - LISTED} more)" if len(faults) > LISTED else ""
        raise DataError(f"{len(faults)} images cannot be used:\n" + "\n".join(faults[:LISTED]) + more)


def require_one_size(sizes: Mapping[tuple[int, int], str]) -> None:
    """Of images after preprocessing, each size with the name of one.

    Raises:
        DataError: there are several.
    """
    if len(sizes) > 1:
        shown = ", ".join(f"{width} x {height} ({image})" for (height, width), image in list(sizes.items())[:3])
        raise DataError(
            f"images must have one size after preprocessing, got {shown}; write data.preprocessing.resize and crop"
        )


def region_fault(region: torch.Tensor) -> str | None:
    """Why a map cannot be compared with a region (H, W); None where it can."""
    area = int(region.sum())
    if area < SMALLEST_REGION:
        return LOST
    return "the annotated region fills the whole frame" if area == region.numel() else None


def part_of(sample: Sample, part: str) -> Sample:
    """The sample with the region of one named part, such as "head", in place of the whole."""
    region = sample.parts.get(part)
    reason = f"no region is annotated as {part}" if region is None else region_fault(region)
    return replace(sample, region=region if reason is None else None, region_reason=reason)


def open_set(config: GateConfig) -> RegressionSet:
    """The regression set of a thresholds.yaml.

    Raises:
        DataError: the annotations cannot be used.
    """
    read: Entries = read_entries(config)
    preprocessing = preprocessing_of(config.sections.data.preprocessing, config.path.parent)
    return RegressionSet(read.entries, read.classes, preprocessing, read.notes, facts=read.facts)


def stack(samples: Sequence[Sample]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pixels (N, C, H, W), labels (N,), regions (N, H, W) with nothing where there is none, and which have one (N,)."""
    pixels = torch.stack([sample.pixels for sample in samples])
    labels = torch.tensor([sample.label for sample in samples])
    empty = torch.zeros(pixels.shape[-2:], dtype=torch.bool)
    regions = torch.stack([empty if sample.region is None else sample.region for sample in samples])
    return pixels, labels, regions, torch.tensor([sample.region is not None for sample in samples])
