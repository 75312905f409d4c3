"""Pictures that are there twice: with other labels, or among those of training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explain_gate.data.images import digest_of
from explain_gate.digits import plural
from explain_gate.labels.hashing import ALIKE, BITS, Bits, near
from explain_gate.labels.runs import Runs
from explain_gate.labels.suspects import Seen, Suspect, SuspectList, ranked
from explain_gate.records import ImageRow

Hashes = Mapping[Path, tuple[Bits, Bits]]
_ALIKE = f"bits that differ, of {BITS}"
_AT_ONCE = 256
_NEAREST = 0.95
"""Share of pictures that are further from their nearest of the same label than features alike enough to list."""


def alike(runs: Runs, paths: Sequence[Path], hashes: Hashes, features: NDArray[np.float64] | None) -> SuspectList:
    """Pairs of pictures that look alike, or enter the model's last layer alike, and share no label.

    Args:
        runs: whose samples are asked.
        paths: of each sample's picture; samples of one file are no pair.
        hashes: by path.
        features: (N, D), what each sample gives the last layer; None where no model was opened.
    """
    first = {path: row for row, path in reversed(list(enumerate(paths))) if path in hashes}
    known = sorted(first, key=lambda path: runs.images[first[path]].image)
    bits = [hashes[path] for path in known]
    suspects, same = [], 0
    for one, other, apart in near(bits, bits):
        if one >= other:
            continue
        mine, theirs = (runs.images[first[known[place]]] for place in (one, other))
        if not _other_labels(runs.task, mine, theirs):
            same += 1
            continue
        why = f"{apart} of {BITS} bits of what they look like differ; {_named(mine, theirs)}"
        suspects.append(_pair(first[known[one]], mine, theirs, float(apart), why))
    if features is not None and runs.task != "regression":
        suspects += _of_features(runs, paths, features, {(one.image, one.other) for one in suspects})
    more = f"{plural(same, 'more pair')} {'has' if same == 1 else 'have'}"
    again = f" {more} the same label, and count twice in every number." if same else ""
    return SuspectList(
        name="alike",
        measure=f"{_ALIKE}; of features, their distance",
        suspects=ranked(suspects, lowest=True),
        asked=len(known),
        note=f"Pictures are alike where at most {ALIKE} of {BITS} bits differ; without relation about half do.{again}",
    )


def leaked(
    runs: Runs, paths: Sequence[Path], hashes: Hashes, trained: Hashes | None, folder: Path | None
) -> tuple[SuspectList, list[Seen]]:
    """Samples whose picture is like one of training, and of every sample whether it was seen there.

    Args:
        runs: whose samples are asked.
        paths: of each sample's picture.
        hashes: by path.
        trained: hashes of the pictures of training; None where data.training names no folder.
        folder: that folder.
    """
    if trained is None or folder is None:
        why = "data.training in thresholds.yaml names no folder of training pictures"
        return SuspectList(name="leaked", measure=_ALIKE, unasked=why), ["unknown"] * len(paths)
    rows = [row for row, path in enumerate(paths) if path in hashes]
    theirs = sorted(trained)
    nearest: dict[int, tuple[int, str]] = {}
    for one, other, apart in near([hashes[paths[row]] for row in rows], [trained[path] for path in theirs]):
        close = (apart, theirs[other].relative_to(folder).as_posix())
        nearest[rows[one]] = min(nearest.get(rows[one], close), close)
    suspects = []
    for row, (apart, name) in nearest.items():
        copied = digest_of(folder / name) == runs.images[row].digest
        suspects.append(
            Suspect(
                row=row,
                image=runs.images[row].image,
                class_name=runs.images[row].class_name,
                number=float(apart),
                why=f"the same file as {name} of data.training"
                if copied
                else f"{apart} of {BITS} bits differ from {name} of data.training",
                other=name,
                seen="yes",
            )
        )
    seen: list[Seen] = [
        "yes" if row in nearest else "no" if paths[row] in hashes else "unknown" for row in range(len(paths))
    ]
    note = f"Compared with {len(theirs):,} pictures of data.training. What was trained on proves nothing in a gate."
    return (
        SuspectList(name="leaked", measure=_ALIKE, suspects=ranked(suspects, lowest=True), asked=len(rows), note=note),
        seen,
    )


def _of_features(
    runs: Runs, paths: Sequence[Path], features: NDArray[np.float64], listed: set[tuple[str, str | None]]
) -> list[Suspect]:
    """Pairs of other labels that are nearer to each other than most pictures are to their nearest of the same label."""
    centred = features - features.mean(axis=0)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
    files = np.unique([str(path) for path in paths], return_inverse=True)[1]
    marks = np.zeros((len(unit), 1 + max(label for image in runs.images for label in image.accepted)), dtype=np.float32)
    for row, image in enumerate(runs.images):
        marks[row, list(image.accepted)] = 1
    sizes = marks.sum(axis=1)

    def blocks() -> Iterator[tuple[int, NDArray[np.float64], NDArray[np.bool_]]]:
        """Distances of some samples to all; infinite within a file. With it, which have other labels."""
        for start in range(0, len(unit), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            apart = np.sqrt(np.maximum(0, 2 - 2 * unit[part] @ unit.T))
            apart[files[part, None] == files[None]] = np.inf
            shared = marks[part] @ marks.T
            same = (shared == sizes[part, None]) & (shared == sizes[None]) if runs.task == "multilabel" else shared > 0
            yield start, apart, ~same

    nearest = np.concatenate([np.where(other, np.inf, apart).min(axis=1) for _, apart, other in blocks()])
    nearest = nearest[np.isfinite(nearest)]
    if not len(nearest):
        return []
    most = float(np.quantile(nearest, 1 - _NEAREST))
    suspects = []
    for start, apart, other in blocks():
        for row, two in zip(*np.nonzero(other & (apart <= most)), strict=True):
            one = start + int(row)
            mine, theirs = runs.images[one], runs.images[int(two)]
            if one >= two or (mine.image, theirs.image) in listed:
                continue
            why = (
                "the model's last layer is given nearly the same by both, nearer than by "
                f"{100 * _NEAREST:.0f} % of pictures and their nearest of one label; {_named(mine, theirs)}"
            )
            # Behind every pair that looks alike: those are copies, these the model's opinion.
            suspects.append(_pair(one, mine, theirs, BITS + float(apart[row, two]), why))
    return suspects


def _pair(row: int, mine: ImageRow, theirs: ImageRow, apart: float, why: str) -> Suspect:
    return Suspect(row=row, image=mine.image, class_name=mine.class_name, number=apart, why=why, other=theirs.image)


def _other_labels(task: str, mine: ImageRow, theirs: ImageRow) -> bool:
    """Of several labels all must be the same; of one, one may be."""
    if task == "regression":
        return False
    if task == "multilabel":
        return set(mine.accepted) != set(theirs.accepted)
    return not set(mine.accepted) & set(theirs.accepted)


def _named(mine: ImageRow, theirs: ImageRow) -> str:
    return f"{mine.image} is {mine.class_name}, {theirs.image} is {theirs.class_name}"
