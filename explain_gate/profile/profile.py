"""The profile folder, read back whole: no file is read before it was compared with its digest in the manifest.

The manifest's own digest stands in the MLflow run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from explain_gate.errors import ReferenceError
from explain_gate.profile.files import (
    MANIFEST,
    REGIONS_FILE,
    STRENGTHS_FILE,
    file_digest,
    maps_file,
    thumbnail_file,
    verify_file,
)
from explain_gate.profile.manifest import FILES, read_manifest
from explain_gate.profile.tables import read_images, read_scores
from explain_gate.records import Profile

UNVERIFIED = "it was recorded before profiles held the digests of their files"
_TABLES = ("images.parquet", "scores.parquet")


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
        manifest = read_manifest((folder / MANIFEST).read_text(encoding="utf-8"), str(folder))
        for name in _TABLES:
            verify_file(folder, name, manifest.get(FILES))
        images = read_images(folder / "images.parquet")
        measurements = read_scores(folder / "scores.parquet", images)
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
        verify_file(profile.folder, name, profile.manifest[FILES])


def folder_of(path: str | Path) -> Path:
    """The profile folder behind a path, which may also be the run's output folder around it."""
    folder = Path(path)
    inside = folder / "profile"
    return inside if not (folder / MANIFEST).is_file() and (inside / MANIFEST).is_file() else folder


def profile_digest(path: str | Path) -> str | None:
    """SHA-256 of the manifest, which stands for all files of the profile; None where there is no profile."""
    manifest = folder_of(path) / MANIFEST
    return file_digest(manifest) if manifest.is_file() else None


def profile_file(profile: Profile, name: str) -> Path:
    """A file of the profile by its path inside the folder, compared with its digest.

    Raises:
        ReferenceError: the profile was not read from a folder, or the file is missing or not what was measured.
    """
    if profile.folder is None:
        raise ReferenceError(f"the profile was not read from a folder, so it has no {name}")
    verify_file(profile.folder, name, profile.manifest.get(FILES))
    return profile.folder / name


def holds(profile: Profile, name: str) -> bool:
    """Whether a file was measured: the manifest lists it, or, in a profile without digests, it is there."""
    if profile.folder is None:
        return False
    listed = profile.manifest.get(FILES)
    return (profile.folder / name).is_file() if listed is None else name in listed


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


def load_strengths(profile: Profile) -> NDArray[np.float32]:
    """Probability of each class of the set, (N, K) float32 in [0, 1], in the order of `Profile.classes`.

    NaN rows have no finite output. Tasks without probabilities, and profiles of earlier versions, have no such file.
    """
    return _load_array(profile, STRENGTHS_FILE)


def thumbnail_path(profile: Profile, row: int) -> Path:
    """The JPEG of one image as the model sees it (before normalisation)."""
    return profile_file(profile, thumbnail_file(row))


def _load_array(profile: Profile, name: str) -> NDArray[Any]:
    path = profile_file(profile, name)
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ReferenceError(f"{path}: damaged or missing: {error}") from error
    return array
