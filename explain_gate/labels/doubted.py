"""Labels that several versions doubt: after confident learning (Northcutt 2021), a version at a time, then together.

A class's threshold is the mean probability that a version gives the class on the samples labelled so (equation 2). A
version doubts a label where the class that is most probable, as a multiple of its threshold, is not annotated. (The
paper counts a class from its threshold on alone; where a clean class has all of its samples near the mean, half of the
wrong labels would lie below it.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from explain_gate.digits import plural
from explain_gate.labels.runs import Runs
from explain_gate.labels.suspects import Seen, Suspect, SuspectList, ranked
from explain_gate.profile.files import STRENGTHS_FILE
from explain_gate.profile.profile import holds, load_strengths
from explain_gate.tasks import PROBABLE

MEASURE = "probability of the label less its class's mean, over the versions"
_TINY = 1e-12
_LEAST = 5
"""Samples of a class that were not trained on, from which they alone say what a class's probability is."""


def doubted(runs: Runs, seen: Sequence[Seen]) -> SuspectList:
    """Samples whose label at least half of the versions doubt, the least probable first.

    For several labels at once, each is a question of its own, and so is one that is not annotated and may be missing.

    Args:
        runs: of tasks with probabilities; of others the list says that it was not asked.
        seen: whether each sample's picture is among those of training.
    """
    if runs.task not in PROBABLE:
        return _unasked(f"model.task {runs.task} gives no probability of a label; {', '.join(PROBABLE)} do")
    if not all(holds(profile, STRENGTHS_FILE) for profile in runs.profiles):
        return _unasked(
            "a run holds no probabilities: it is of an earlier version of this package, or its model gives one score "
            "per image; run it again"
        )
    said = np.stack([load_strengths(one)[rows] for one, rows in zip(runs.profiles, runs.rows, strict=True)])
    given = _given(runs)
    unseen = np.array([one == "no" for one in seen])
    if runs.task == "multilabel":
        suspects = _of_several(runs, said.astype(np.float64), given, unseen, seen)
    else:
        suspects = _of_one(runs, said.astype(np.float64), given, unseen, seen)
    return SuspectList(
        name="doubted",
        measure=MEASURE,
        suspects=ranked(suspects, lowest=True),
        asked=len(runs.images),
        note=_told_seen(seen),
    )


def thresholds(said: NDArray[np.float64], given: NDArray[np.bool_], unseen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean probability (V, K) of each class over the samples that are labelled so; infinite for a class of none.

    Over samples that were not trained on, where a class has enough of them.

    Shapes: said (V, N, K), NaN where a version said nothing; given (N, K); unseen (N,).
    """
    made = np.full((said.shape[0], said.shape[2]), np.inf)
    for label in range(said.shape[2]):
        rows = given[:, label] & unseen if int((given[:, label] & unseen).sum()) >= _LEAST else given[:, label]
        for version in range(said.shape[0]):
            values = said[version, rows, label]
            if np.isfinite(values).any():
                made[version, label] = np.nanmean(values)
    return made


def _of_one(
    runs: Runs,
    said: NDArray[np.float64],
    given: NDArray[np.bool_],
    unseen: NDArray[np.bool_],
    seen: Sequence[Seen],
) -> list[Suspect]:
    cuts = thresholds(said, given, unseen)
    says = (said / np.maximum(cuts, _TINY)[:, None, :]).argmax(axis=2)
    below = said - cuts[:, None, :]
    suspects = []
    for row, image in enumerate(runs.images):
        versions = np.isfinite(said[:, row]).all(axis=1)
        others = [int(label) for label in says[versions, row] if not given[row, label]]
        if not others or 2 * len(others) < int(versions.sum()):
            continue
        own = runs.classes.index(image.class_name)
        instead = min(Counter(others).items(), key=lambda pair: (-pair[1], pair[0]))[0]
        suspects.append(
            Suspect(
                row=row,
                image=image.image,
                class_name=image.class_name,
                number=float(below[versions, row, own].mean()),
                why=f"{_say(len(others), int(versions.sum()))} something else, most of them "
                f"{runs.classes[instead]}; {image.class_name} has {_percent(said[versions, row, own])}",
                suggested=runs.classes[instead],
                seen=seen[row],
            )
        )
    return suspects


def _of_several(
    runs: Runs,
    said: NDArray[np.float64],
    given: NDArray[np.bool_],
    unseen: NDArray[np.bool_],
    seen: Sequence[Seen],
) -> list[Suspect]:
    """Each label against its absence; what is annotated is asked once a sample, what may be missing once a picture."""
    there, absent = thresholds(said, given, unseen), thresholds(1 - said, ~given, unseen)
    suspects = []
    asked: set[tuple[str, int]] = set()
    for row, image in enumerate(runs.images):
        own = runs.classes.index(image.class_name)
        for label, name in enumerate(runs.classes):
            annotated = bool(given[row, label])
            if (annotated and label != own) or (
                not annotated and (name in runs.bare or (image.digest, label) in asked)
            ):
                continue
            asked.add((image.digest, label))
            versions = np.isfinite(said[:, row, label])
            yes = said[versions, row, label]
            mine, mine_cut = (yes, there) if annotated else (1 - yes, absent)
            theirs, their_cut = (1 - yes, absent) if annotated else (yes, there)
            mine_cut, their_cut = mine_cut[versions, label], their_cut[versions, label]
            doubts = theirs * mine_cut > mine * their_cut
            if not doubts.any() or 2 * int(doubts.sum()) < len(yes):
                continue
            what = f"{name} has {_percent(yes)}"
            suspects.append(
                Suspect(
                    row=row,
                    image=image.image,
                    class_name=image.class_name,
                    number=float((mine - mine_cut).mean()),
                    why=f"{_say(int(doubts.sum()), len(yes))} that "
                    f"{name} {'is not there' if annotated else 'is missing'}; {what}",
                    suggested=f"without {name}" if annotated else f"with {name}",
                    seen=seen[row],
                )
            )
    return suspects


def _given(runs: Runs) -> NDArray[np.bool_]:
    """(N, K), the classes that are annotated on each sample's picture."""
    column = {image.label: runs.classes.index(image.class_name) for image in runs.images}
    given = np.zeros((len(runs.images), len(runs.classes)), dtype=bool)
    for row, image in enumerate(runs.images):
        given[row, [column[label] for label in image.accepted if label in column]] = True
    return given


def _say(count: int, versions: int) -> str:
    return f"{count} of {plural(versions, 'version')} {'says' if count == 1 else 'say'}"


def _percent(said: NDArray[np.float64]) -> str:
    return f"{100 * float(said.mean()):.1f} %"


def _told_seen(seen: Sequence[Seen]) -> str:
    if "unknown" in seen:
        return (
            "Whether these pictures were trained on is not known: data.training names no folder. What a model was "
            "trained on it may remember with its wrong label, so that it doubts too little; what it does doubt counts."
        )
    known = seen.count("yes")
    if not known:
        return "None of the pictures is among those of training, so that what the versions say of them is judged."
    return (
        f"{plural(known, 'picture')} of {len(seen)} are among those of training: what a model was trained on it may "
        "remember with its wrong label, so that it doubts too little there."
    )


def _unasked(why: str) -> SuspectList:
    return SuspectList(name="doubted", measure=MEASURE, unasked=why)
