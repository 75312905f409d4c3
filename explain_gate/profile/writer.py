"""Writes a profile folder while images stream by; the manifest comes last."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow.parquet as pq

from explain_gate.profile.files import MANIFEST, REGIONS_FILE, STRENGTHS_FILE, digests_of, maps_file, thumbnail_file
from explain_gate.profile.manifest import FILES, SCHEMA_VERSION, manifest_text
from explain_gate.profile.tables import images_table, scores_table
from explain_gate.records import ImageRow, Measurement, Profile
from explain_gate.redact import redacted

_FILLED_AT_ONCE = 256


class ProfileWriter:
    """Fills a profile folder while images stream by; nothing of size N x H x W is held in memory.

    Use as a context manager: maps are flushed and closed when it ends. `finish` writes the tables and the manifest.
    """

    def __init__(self, folder: Path, *, count: int, height: int, width: int) -> None:
        self.folder = folder
        self.shape = (count, height, width)
        self._arrays: dict[str, np.memmap[Any, Any]] = {}
        (folder / "maps").mkdir(parents=True, exist_ok=True)
        (folder / "thumbnails").mkdir(exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for array in self._arrays.values():
            array.flush()
        self._arrays.clear()

    def maps(self, method: str) -> np.memmap[Any, Any]:
        """The (N, H, W) float16 file of one method, made on first use and full of NaN until written."""
        return self._array(maps_file(method), np.float16, self.shape, np.nan)

    def regions(self) -> np.memmap[Any, Any]:
        """The (N, H, ceil(W / 8)) uint8 file of packed regions."""
        count, height, width = self.shape
        return self._array(REGIONS_FILE, np.uint8, (count, height, (width + 7) // 8), 0)

    def strengths(self, classes: int) -> np.memmap[Any, Any]:
        """The (N, classes) float32 file of how strongly the model says each class, NaN until written."""
        return self._array(STRENGTHS_FILE, np.float32, (self.shape[0], classes), np.nan)

    def thumbnail(self, row: int) -> Path:
        """Where the picture of one row belongs."""
        return self.folder / thumbnail_file(row)

    def let_go(self) -> None:
        """Give the memory of what is written back to the system; the files hold it."""
        for array in self._arrays.values():
            _let_go(array)

    def finish(
        self,
        images: Sequence[ImageRow],
        measurements: Sequence[Measurement],
        manifest: Mapping[str, Any],
        *,
        also: Callable[[Profile], None] | None = None,
    ) -> Profile:
        """Write tables, what `also` writes, and the manifest; it comes last, so that a folder with one is whole."""
        profile = Profile(
            manifest=redacted({"schema_version": SCHEMA_VERSION, **manifest}),
            images=tuple(images),
            measurements=tuple(measurements),
            folder=self.folder,
        )
        if also is not None:
            also(profile)
        return write_tables(profile, self.folder)

    def _array(self, name: str, dtype: type, shape: tuple[int, ...], fill: float) -> np.memmap[Any, Any]:
        if name not in self._arrays:
            array = np.lib.format.open_memmap(self.folder / name, mode="w+", dtype=dtype, shape=shape)
            _reserve(self.folder / name)
            if fill != 0:
                for start in range(0, len(array), _FILLED_AT_ONCE):
                    array[start : start + _FILLED_AT_ONCE] = fill
                    _let_go(array)
            self._arrays[name] = array
        return self._arrays[name]


def _reserve(path: Path) -> None:
    """Take the file's space now: a full disk is an error here, and would be a fatal signal in a mapped write."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, os.fstat(stream.fileno()).st_size)


def _let_go(array: np.memmap[Any, Any]) -> None:
    mapped = array._mmap  # type: ignore[attr-defined]  # noqa: SLF001 - numpy offers no other way to it
    if hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def write_tables(profile: Profile, folder: Path) -> Profile:
    """Write images.parquet, scores.parquet and, last, manifest.json; returns the profile with the folder's digests."""
    folder.mkdir(parents=True, exist_ok=True)
    # While the tables are rewritten there is no manifest: a process killed here leaves nothing that looks whole.
    (folder / MANIFEST).unlink(missing_ok=True)
    pq.write_table(images_table(profile.images), folder / "images.parquet")
    pq.write_table(scores_table(profile), folder / "scores.parquet")
    manifest = {**redacted(dict(profile.manifest)), "schema_version": SCHEMA_VERSION, FILES: digests_of(folder)}
    draft = folder / f".{MANIFEST}"
    draft.write_text(manifest_text(manifest), encoding="utf-8")
    draft.replace(folder / MANIFEST)
    return replace(profile, manifest=manifest, folder=folder)
