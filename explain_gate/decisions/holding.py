"""Which decisions hold for a version: those about its pictures as they are annotated, and about its maps."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from explain_gate.decisions.likeness import same_map
from explain_gate.profile.profile import load_maps, load_region
from explain_gate.records import Decision, Excluded, ImageRow, Profile

WRONG = ("label wrong", "region wrong")
"""What speaks of the annotation and not of the map."""
_UNSURE = "unsure"


def opinions_of(
    profile: Profile, method: str, decisions: Sequence[Decision], *, rows: Collection[int] | None = None
) -> list[dict[str, Decision]]:
    """For each image, the last decision of every reviewer that holds for its map of a method.

    A decision holds for the same picture, annotated as it was, with the same map (`likeness.same_map`).

    Args:
        profile: in its folder.
        method: of the maps.
        decisions: all that there are, oldest first.
        rows: of the images that are looked at; for the others nothing is told. None: all of them.
    """
    known: dict[tuple[str, str], list[Decision]] = {}
    for one in decisions:
        if one.method == method:
            known.setdefault((one.image_digest, one.annotation_digest), []).append(one)
    annotated = _annotations(profile, decisions, rows)
    holding: list[dict[str, Decision]] = [{} for _ in profile.images]
    if known:
        maps = load_maps(profile, method)
        for row, annotation in annotated.items():
            about = known.get((profile.images[row].digest, annotation), ())
            holding[row] = {one.reviewer: one for one in about if same_map(one, maps[row])}
    return holding


def excluded_by(profile: Profile, decisions: Sequence[Decision]) -> tuple[Excluded, ...]:
    """The images whose label or region more people find wrong than not, as they are annotated now.

    Every reviewer has one voice about an image, whatever the map: the last in which they were not unsure.
    """
    annotated = _annotations(profile, decisions)
    voices: dict[tuple[str, str], dict[str, Decision]] = {}
    for one in decisions:
        if one.opinion != _UNSURE:
            voices.setdefault((one.image_digest, one.annotation_digest), {})[one.reviewer] = one
    out = [
        _excluded(image, voices.get((image.digest, annotated[row]), {}))
        for row, image in enumerate(profile.images)
        if row in annotated
    ]
    return tuple(one for one in out if one is not None)


def annotation_digest(profile: Profile, row: int) -> str:
    """SHA-256 over what is annotated on an image: its classes, its value and its region in the model's frame."""
    image = profile.images[row]
    told = json.dumps([image.class_name, sorted(_names(profile, image)), image.annotated])
    return hashlib.sha256(told.encode() + load_region(profile, row).tobytes()).hexdigest()


def _names(profile: Profile, image: ImageRow) -> list[str]:
    """Class names and not numbers: another order of the logits is the same annotation."""
    names = profile.classes
    return [names[label] if 0 <= label < len(names) else str(label) for label in image.accepted]


def _annotations(
    profile: Profile, decisions: Sequence[Decision], rows: Collection[int] | None = None
) -> dict[int, str]:
    """The digest of the annotation of each row whose picture somebody decided about."""
    decided = {one.image_digest for one in decisions}
    looked_at = range(len(profile.images)) if rows is None else sorted(rows)
    return {row: annotation_digest(profile, row) for row in looked_at if profile.images[row].digest in decided}


def _excluded(image: ImageRow, voices: Mapping[str, Decision]) -> Excluded | None:
    against = [one for one in voices.values() if one.opinion in WRONG]
    # Taking an image out turns failures green, so that one voice against one does not.
    if not against or 2 * len(against) <= len(voices):
        return None
    counted = Counter(one.opinion for one in against)
    return Excluded(
        image=image.image,
        reason="region wrong" if counted["region wrong"] > counted["label wrong"] else "label wrong",
        reviewers=tuple(sorted(one.reviewer for one in against)),
        at=max((one.at for one in against), key=dt.datetime.fromisoformat),
        notes=tuple(one.note for one in against if one.note),
    )
