"""The profile folder: write it while measuring, read it back whole. Knows files and columns, no metrics.

The manifest holds the SHA-256 of every other file, and no file is read before it was compared with it. The manifest's
own digest stands in the MLflow run.
"""

from __future__ import annotations

import functools
import hashlib
import mmap
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from explain_gate.errors import ReferenceError
from explain_gate.profile.manifest import FILES, SCHEMA_VERSION, manifest_text, read_manifest
from explain_gate.records import ImageRow, Measurement, Profile
from explain_gate.redact import redact, redacted

UNVERIFIED = "it was recorded before profiles held the digests of their files"

_MANIFEST = "manifest.json"
REGIONS_FILE = "regions.npy"
_TABLES = ("images.parquet", "scores.parquet")
_SETTLED = 2.0
"""Seconds after which a file's time of change tells its content apart; clocks of file systems are coarse."""
_FILLED_AT_ONCE = 256


def load_profile(path: str | Path) -> Profile:
    """Read a profile folder, or the `profile/` inside a run's output folder.

    Its tables are compared with their digests here, maps and pictures when they are opened. A folder of an earlier
    version has no digests; it is read, and `unverified` says so.

    Raises:
        ReferenceError: there is no profile, or it is damaged, changed since it was measured, or of another schema
            version.
    """
    folder = folder_of(path)
    try:
        manifest = read_manifest((folder / _MANIFEST).read_text(encoding="utf-8"), str(folder))
        for name in _TABLES:
            _check(folder, name, manifest.get(FILES))
        images = _read_images(folder / "images.parquet")
        measurements = _read_scores(folder / "scores.parquet", images)
    except FileNotFoundError as error:
        # pyarrow gives no filename, but names the file in its message.
        missing = f"{error.filename} is missing" if error.filename else str(error).partition(". Detail")[0]
        raise ReferenceError(f"{path}: not a whole profile folder: {missing}") from error
    except (OSError, ValueError, KeyError, AttributeError, pa.ArrowException) as error:
        raise ReferenceError(f"{path}: damaged profile: {error}") from error
    unverified = None if FILES in manifest else UNVERIFIED
    return Profile(manifest=manifest, images=images, measurements=measurements, folder=folder, unverified=unverified)


def verify(profile: Profile) -> None:
    """Compare every file of the profile's folder with its digest; nothing for a profile without digests.

    Raises:
        ReferenceError: one is missing or not what was measured.
    """
    if profile.folder is None:
        return
    for name in profile.manifest.get(FILES) or ():
        _check(profile.folder, name, profile.manifest[FILES])


def folder_of(path: str | Path) -> Path:
    """The profile folder behind a path, which may also be the run's output folder around it."""
    folder = Path(path)
    inside = folder / "profile"
    return inside if not (folder / _MANIFEST).is_file() and (inside / _MANIFEST).is_file() else folder


def profile_digest(path: str | Path) -> str | None:
    """SHA-256 of the manifest, which stands for all files of the profile; None where there is no profile."""
    manifest = folder_of(path) / _MANIFEST
    return _digest(manifest) if manifest.is_file() else None


def profile_file(profile: Profile, name: str) -> Path:
    """A file of the profile by its path inside the folder, compared with its digest.

    Raises:
        ReferenceError: the profile was not read from a folder, or the file is missing or not what was measured.
    """
    if profile.folder is None:
        raise ReferenceError(f"the profile was not read from a folder, so it has no {name}")
    _check(profile.folder, name, profile.manifest.get(FILES))
    return profile.folder / name


def holds(profile: Profile, name: str) -> bool:
    """Whether a file was measured: the manifest lists it, or, in a profile without digests, it is there."""
    if profile.folder is None:
        return False
    listed = profile.manifest.get(FILES)
    return (profile.folder / name).is_file() if listed is None else name in listed


def maps_file(method: str) -> str:
    """Where the maps of a method lie inside the folder."""
    return f"maps/{method.replace(':', '.')}.npy"


def thumbnail_file(row: int) -> str:
    """Where the picture of a row lies inside the folder."""
    return f"thumbnails/{row:06d}.jpg"


def load_maps(profile: Profile, method: str) -> NDArray[np.float16]:
    """The maps of one method, (N, H, W) float16, opened without reading them all; NaN rows are unmeasurable."""
    return _load_array(profile, maps_file(method))


def load_regions(profile: Profile) -> NDArray[np.bool_]:
    """The annotated regions as the model's input sees them, (N, H, W) bool; all False where there is none."""
    width = int(profile.manifest["dataset"]["width"])
    return np.unpackbits(_load_array(profile, REGIONS_FILE), axis=-1, count=width).astype(bool)


def load_region(profile: Profile, row: int) -> NDArray[np.bool_]:
    """One region, (H, W) bool."""
    width = int(profile.manifest["dataset"]["width"])
    return np.unpackbits(_load_array(profile, REGIONS_FILE)[row], axis=-1, count=width).astype(bool)


def thumbnail_path(profile: Profile, row: int) -> Path:
    """The JPEG of one image as the model sees it (before normalisation)."""
    return profile_file(profile, thumbnail_file(row))


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
    (folder / _MANIFEST).unlink(missing_ok=True)
    pq.write_table(_images_table(profile.images), folder / "images.parquet")
    pq.write_table(_scores_table(profile), folder / "scores.parquet")
    manifest = {**redacted(dict(profile.manifest)), "schema_version": SCHEMA_VERSION, FILES: _digests(folder)}
    draft = folder / f".{_MANIFEST}"
    draft.write_text(manifest_text(manifest), encoding="utf-8")
    draft.replace(folder / _MANIFEST)
    return replace(profile, manifest=manifest, folder=folder)


def _digests(folder: Path) -> dict[str, str]:
    """Of every file but the manifest and hidden ones, which are scratch."""
    names = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    listed = sorted(name for name in names if not any(part.startswith(".") for part in name.parts))
    return {name.as_posix(): _digest(folder / name) for name in listed if name != Path(_MANIFEST)}


def _check(folder: Path, name: str, digests: Mapping[str, str] | None) -> None:
    """Nothing is checked where there are no digests: such a profile is unverified, and says so."""
    if digests is None:
        return
    path = folder / name
    if name not in digests:
        if not path.exists():
            return  # never measured: whoever opens it finds nothing there
        raise ReferenceError(f"{path}: is no file of this profile: its manifest does not list it")
    try:
        stat = path.stat()
        settled = not 0 <= time.time() - stat.st_mtime <= _SETTLED
        content = _known_digest(path, stat.st_size, stat.st_mtime_ns, stat.st_ino) if settled else _digest(path)
    except FileNotFoundError as error:
        raise ReferenceError(f"{path}: not a whole profile folder: {path} is missing") from error
    if content != digests[name]:
        raise ReferenceError(
            f"{path}: is not the file that was measured: its SHA-256 must be {digests[name][:12]}..., is "
            f"{content[:12]}.... Nothing of this profile counts; measure the version again"
        )


@functools.lru_cache(maxsize=100_000)
def _known_digest(path: Path, size: int, changed: int, inode: int) -> str:  # noqa: ARG001 - they tell contents apart
    return _digest(path)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _load_array(profile: Profile, name: str) -> NDArray[Any]:
    path = profile_file(profile, name)
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ReferenceError(f"{path}: damaged or missing: {error}") from error
    return array


def _images_table(images: Sequence[ImageRow]) -> pa.Table:
    return pa.table(
        {
            "image": pa.array([row.image for row in images], pa.string()),
            "label": pa.array([row.label for row in images], pa.int32()),
            "class": pa.array([row.class_name for row in images], pa.string()),
            "accepted": pa.array([list(row.accepted) for row in images], pa.list_(pa.int32())),
            "digest": pa.array([row.digest for row in images], pa.string()),
            "predicted": pa.array([row.predicted for row in images], pa.int32()),
            "probability": pa.array([row.probability for row in images], pa.float64()),
            "region_area": pa.array([row.region_area for row in images], pa.float64()),
            "region_reason": pa.array([row.region_reason for row in images], pa.string()),
        }
    )


def _read_images(path: Path) -> tuple[ImageRow, ...]:
    columns = pq.read_table(path).to_pydict()
    columns["class_name"] = columns.pop("class")
    columns["accepted"] = [tuple(accepted) for accepted in columns["accepted"]]
    names = list(columns)
    return tuple(ImageRow(**dict(zip(names, row, strict=True))) for row in zip(*columns.values(), strict=True))


def _scores_table(profile: Profile) -> pa.Table:
    parts = []
    for measurement in profile.measurements:
        rows = measurement.rows
        images = [profile.images[row] for row in rows.tolist()]
        count = len(images)
        parts.append(
            pa.table(
                {
                    "image": pa.array([image.image for image in images], pa.string()),
                    "label": pa.array([image.label for image in images], pa.int32()),
                    "predicted": pa.array([image.predicted for image in images], pa.int32()),
                    "check": pa.array([measurement.check] * count, pa.string()),
                    "method": pa.array([measurement.method] * count, pa.string()),
                    "value": pa.array(measurement.values, mask=~measurement.measured),
                    "reason": pa.array([reason and redact(reason) for reason in measurement.reasons], pa.string()),
                    "about": pa.array([None] * count if measurement.about is None else measurement.about, pa.int32()),
                    "not_applicable": pa.array(
                        [False] * count if measurement.not_applicable is None else measurement.not_applicable,
                        pa.bool_(),
                    ),
                }
            )
        )
    return pa.concat_tables(parts) if parts else _EMPTY_SCORES


def _read_scores(path: Path, images: tuple[ImageRow, ...]) -> tuple[Measurement, ...]:
    position = {row.image: index for index, row in enumerate(images)}
    grouped: dict[tuple[str, str | None], list[_Score]] = {}
    columns = pq.read_table(path).to_pydict()
    none = [None] * len(columns["image"])  # of what profiles did not hold yet when this one was written
    for image, check, method, value, reason, about, exempt in zip(
        columns["image"],
        columns["check"],
        columns["method"],
        columns["value"],
        columns["reason"],
        columns.get("about", none),
        columns.get("not_applicable", none),
        strict=True,
    ):
        score = _Score(position[image], value, None if value is not None else reason, about, bool(exempt))
        grouped.setdefault((check, method), []).append(score)
    return tuple(
        Measurement(
            check=check,
            method=method,
            rows=np.array([score.row for score in scores]),
            values=np.array([float("nan") if score.value is None else score.value for score in scores]),
            reasons=tuple(score.reason for score in scores),
            about=_column([score.about for score in scores]),
            not_applicable=np.array([score.exempt for score in scores]) if any(s.exempt for s in scores) else None,
        )
        for (check, method), scores in grouped.items()
    )


class _Score(NamedTuple):
    """One line of scores.parquet."""

    row: int
    value: float | None
    reason: str | None
    about: int | None
    exempt: bool


def _column(about: Sequence[int | None]) -> NDArray[np.int64] | None:
    """The classes that values are about; None where the file names none."""
    named = [index for index in about if index is not None]
    return np.array(named, dtype=np.int64) if named and len(named) == len(about) else None


_EMPTY_SCORES = pa.table(
    {
        "image": pa.array([], pa.string()),
        "label": pa.array([], pa.int32()),
        "predicted": pa.array([], pa.int32()),
        "check": pa.array([], pa.string()),
        "method": pa.array([], pa.string()),
        "value": pa.array([], pa.float64()),
        "reason": pa.array([], pa.string()),
        "about": pa.array([], pa.int32()),
        "not_applicable": pa.array([], pa.bool_()),
    }
)
