"""The audit from end to end: finished runs and their regression set in, ranked lists out. No annotation is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explain_gate.config import GateConfig
from explain_gate.data.annotations.names import IMAGE_SUFFIXES
from explain_gate.data.regression_set import RegressionSet
from explain_gate.digits import plural
from explain_gate.labels.alike import Hashes, alike, leaked
from explain_gate.labels.doubted import doubted
from explain_gate.labels.features import features_of
from explain_gate.labels.hashing import hashes
from explain_gate.labels.placed import place, shifted, untouched
from explain_gate.labels.runs import Runs
from explain_gate.labels.suspects import AuditRecord
from explain_gate.measuring.job import Job
from explain_gate.measuring.progress import Progress
from explain_gate.studies.kept import Kept


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """What an audit is made of: runs, their set, its thresholds.yaml, and a model where its features count too."""

    config: GateConfig
    data: RegressionSet
    runs: Runs
    job: Job | None = None

    def paths(self) -> list[Path]:
        """Of each sample's picture."""
        return [self.data.entries[int(place)].path for place in self.runs.places]


def audit(asked: Asked, folder: Path, progress: Progress) -> AuditRecord:
    """Make every list; what was read before a kill is kept in `folder` and gone on from.

    Raises:
        ConfigError: data.training names no folder.
        ModelError, DataError: the model has no head that can be read, or a picture of the set cannot be used.
    """
    runs, paths = asked.runs, asked.paths()
    own, notes = _hashes(asked, sorted(set(paths)), folder, "hashing pictures", progress)
    trained, more = _trained(asked, folder, progress)
    among, seen = leaked(runs, paths, own, trained, _training(asked.config))
    placed = place(runs, lambda done, total: progress.advance("reading maps", done, total))
    of_labels = doubted(runs, seen)
    rows = {one.row for one in of_labels.suspects}
    first = runs.profiles[0].manifest["model"]
    return AuditRecord(
        task=runs.task,
        versions=tuple(str(one.manifest["model"].get("digest") or "") for one in runs.profiles),
        model=str(first.get("name") or first.get("source") or "model"),
        images=len(runs.images),
        left_out=runs.left_out,
        seed=asked.config.sections.seed,
        lists=(
            of_labels,
            untouched(runs, placed, seen, rows),
            shifted(runs, placed, seen, rows),
            alike(runs, paths, own, _features(asked, folder, progress)),
            among,
        ),
        notes=(*runs.notes, *notes, *more),
    )


def _training(config: GateConfig) -> Path | None:
    """The folder of data.training.

    Raises:
        ConfigError: there is no such folder.
    """
    named = config.sections.data.training
    if named is None:
        return None
    folder = config.resolve(named)
    if not folder.is_dir():
        raise config.error(f"must name a folder of pictures, and {folder} is none", "data", "training")
    return folder


def _trained(asked: Asked, folder: Path, progress: Progress) -> tuple[Hashes | None, tuple[str, ...]]:
    """Hashes of the pictures of training but for the set's own files, which may lie among them."""
    training = _training(asked.config)
    if training is None:
        return None, ()
    own = {entry.path.resolve() for entry in asked.data.entries}
    every = sorted(path for path in training.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
    paths = [path for path in every if path.resolve() not in own]
    skipped = len(every) - len(paths)
    read, notes = _hashes(asked, paths, folder, "hashing training pictures", progress)
    if skipped:
        told = f"{plural(skipped, 'file')} of data.training are the regression set's own, and were not compared"
        notes = (f"{told}: whether they were trained on, the folder does not say.", *notes)
    return read, notes


def _hashes(
    asked: Asked, paths: Sequence[Path], folder: Path, stage: str, progress: Progress
) -> tuple[Hashes, tuple[str, ...]]:
    name = stage.replace(" ", "-")
    kept = Kept(folder / f"{name}.jsonl", {"hash": 1, "preprocessing": repr(asked.config.sections.data.preprocessing)})
    read, faults = hashes(
        paths, asked.data.preprocessing, kept, lambda done, total: progress.advance(stage, done, total)
    )
    told = f"{plural(len(faults), 'picture')} cannot be read, the first: {faults[0]}" if faults else ""
    return read, (told,) if told else ()


def _features(asked: Asked, folder: Path, progress: Progress) -> NDArray[np.float64] | None:
    if asked.job is None:
        return None
    job = asked.job
    kept = Kept(folder / "features.jsonl", {"model": job.model.digest, "target": job.config.sections.model.target})
    return features_of(
        job,
        asked.runs.places.tolist(),
        kept,
        lambda done, total: progress.advance("reading features", done, total),
    )
