"""Finished runs of several versions, joined to the samples that all of them measured and the set still holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explain_gate.comparing.per_image import CONTROL_PREFIX
from explain_gate.data.regression_set import RegressionSet
from explain_gate.errors import OptionError
from explain_gate.profile.files import maps_file
from explain_gate.profile.profile import holds, load_profile
from explain_gate.records import ImageRow, Profile


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """Versions by digest, samples by name.

    Shapes: rows (V, N), the place of each sample in each profile; places (N,), its place in the regression set.
    `left_out` counts samples that one profile lacks, or that the set holds otherwise today.
    """

    profiles: tuple[Profile, ...]
    images: tuple[ImageRow, ...]
    rows: NDArray[np.int64]
    places: NDArray[np.int64]
    left_out: int
    notes: tuple[str, ...] = ()

    @property
    def task(self) -> str:
        """Of all versions."""
        return str(self.profiles[0].manifest.get("task", "classification"))

    @property
    def classes(self) -> tuple[str, ...]:
        """Of all versions, in the order of the logits."""
        return self.profiles[0].classes

    @property
    def bare(self) -> tuple[str, ...]:
        """Classes of pictures on which nothing is drawn."""
        return self.profiles[0].bare

    def maps(self) -> list[tuple[int, str]]:
        """Version and method of every file of maps."""
        return [
            (version, name)
            for version, profile in enumerate(self.profiles)
            for name in sorted(profile.manifest.get("methods", {}))
            if not name.startswith(CONTROL_PREFIX) and holds(profile, maps_file(name))
        ]


def open_runs(folders: Sequence[str | Path], data: RegressionSet) -> Runs:
    """Open the profiles and join them; the same weights on the same set count once.

    Raises:
        ReferenceError: a folder holds no whole profile.
        OptionError: they differ in task or classes, or share no sample with the set.
    """
    notes: list[str] = []
    by_weights: dict[tuple[str, str], tuple[str, Profile]] = {}
    for folder in sorted({str(folder) for folder in folders}):
        profile = load_profile(folder)
        manifest = profile.manifest
        key = (str(manifest["model"].get("digest") or folder), str(manifest["dataset"].get("digest") or ""))
        if key in by_weights:
            notes.append(f"{folder} is of the same weights and pictures as {by_weights[key][0]}, and counts with it.")
            continue
        by_weights[key] = (folder, profile)
    chosen = [by_weights[key] for key in sorted(by_weights)]
    _require_alike(chosen)
    profiles = tuple(profile for _, profile in chosen)
    images, rows, places, left_out = _joined(profiles, data)
    if not images:
        raise OptionError(
            f"{', '.join(folder for folder, _ in chosen)}: share no picture and label with the regression set of "
            "--config; give the runs of one set, and its thresholds.yaml"
        )
    return Runs(profiles=profiles, images=images, rows=rows, places=places, left_out=left_out, notes=tuple(notes))


def _require_alike(chosen: Sequence[tuple[str, Profile]]) -> None:
    first, profile = chosen[0]
    for folder, other in chosen[1:]:
        for what, mine, theirs in (
            ("classes", ", ".join(profile.classes), ", ".join(other.classes)),
            ("task", profile.manifest.get("task", "classification"), other.manifest.get("task", "classification")),
        ):
            if mine != theirs:
                raise OptionError(f"{folder}: must be a run of the same {what} as {first} ({mine}), got {theirs}")


def _joined(
    profiles: Sequence[Profile], data: RegressionSet
) -> tuple[tuple[ImageRow, ...], NDArray[np.int64], NDArray[np.int64], int]:
    """Samples that every profile holds of the same file and label, as the set holds them."""
    known = [{(one.image, one.label, one.digest): row for row, one in enumerate(two.images)} for two in profiles]
    every = sorted(set().union(*known))
    today = {(entry.image, entry.label): place for place, entry in enumerate(data.entries)}
    shared = []
    for key in every:
        place = today.get(key[:2])
        if place is not None and all(key in rows for rows in known) and data.digest(place) == key[2]:
            shared.append((key, place))
    images = tuple(profiles[0].images[known[0][key]] for key, _ in shared)
    rows = np.array([[one[key] for key, _ in shared] for one in known], dtype=np.int64).reshape(len(profiles), -1)
    return images, rows, np.array([place for _, place in shared], dtype=np.int64), len(every) - len(shared)
