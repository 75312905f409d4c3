"""What the model did, as measuring kept it in pictures: each behaviour rule's worst images, its median and best."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explain_gate.digits import number
from explain_gate.profile.files import thumbnail_file
from explain_gate.publishing.pictures.kept import Kept
from explain_gate.records import BLOCKING, Finding, ImageRow

_LISTED = "evidence/evidence.json"
_MOST_CHECKS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureView:
    """One picture that the model was given, and what it said; `difference` shows what changed, None where all did."""

    file: str
    said: str
    wrong: bool
    difference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StripView:
    """One image in one rule: as it is, then as it was given. `rank` says why it is shown: worst, median, best."""

    row: int
    image: str
    class_name: str
    rank: str
    value: str
    yes: bool | None
    pictures: tuple[PictureView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceView:
    """The strips of all rules by check; `chosen` says by which rule the images were."""

    chosen: str = ""
    strips: Mapping[str, tuple[StripView, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """The strip that stands beside the headline, and the check that it belongs to."""

    check: str
    strip: StripView


def most_telling(evidence: EvidenceView, findings: Sequence[Finding]) -> Telling | None:
    """The worst image of the first broken rule that has pictures; None where none has.

    Args:
        evidence: of the run.
        findings: in the order in which the page lists them.
    """
    for finding in findings:
        strips = evidence.strips.get(finding.check, ())
        if finding.status in BLOCKING and strips:
            named = [strip for strip in strips if strip.image in finding.worst]
            return Telling(check=finding.check, strip=(named or strips)[0])
    return None


def build_evidence(kept: Kept, folder: Path) -> EvidenceView:
    """Read the profile's evidence and copy its pictures; damaged or absent ones are left out."""
    path = kept.file(_LISTED)
    if path is None:
        return EvidenceView(strips={})
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        listed, chosen = list(document["strips"]), str(document["chosen"])
    except (OSError, ValueError, KeyError, TypeError):
        return EvidenceView(strips={})
    classes = {image.label: image.class_name for image in kept.profile.images}
    strips: dict[str, list[StripView]] = {}
    for entry in listed:
        try:
            check, view = str(entry["check"]), _strip(entry, kept, folder, classes)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, OSError):
            continue
        if view is not None and (check in strips or len(strips) < _MOST_CHECKS):
            strips.setdefault(check, []).append(view)
    return EvidenceView(chosen=chosen, strips={check: tuple(views) for check, views in strips.items()})


def _strip(entry: Mapping[str, Any], kept: Kept, folder: Path, classes: Mapping[int, str]) -> StripView | None:
    row = int(entry["row"])
    image = kept.profile.images[row]
    original = _copied(kept, thumbnail_file(row), folder)
    given = [
        PictureView(
            file=file,
            said=answer_in(one, classes),
            wrong=_wrong(one, image, kept.profile.tolerance),
            difference=_copied(kept, _own(one["difference"]), folder) if "difference" in one else None,
        )
        for one in entry["pictures"]
        if (file := _copied(kept, _own(one["file"]), folder)) is not None
    ]
    if original is None or not given:
        return None
    before = PictureView(
        file=original,
        said=answer_in(entry["original"], classes),
        wrong=image.answered and not image.correct,
    )
    return StripView(
        row=row,
        image=image.image,
        class_name=image.class_name,
        rank=str(entry["rank"]),
        value=number(float(entry["value"])),
        yes=None if entry["yes"] is None else bool(entry["yes"]),
        pictures=(before, *given),
    )


def answer_in(one: Mapping[str, Any], classes: Mapping[int, str]) -> str:
    """`Bengal, 97 %`, several labels beside each other, or a value; empty where scores mean no class."""
    if one.get("value") is not None:
        return number(float(one["value"]))
    if one["predicted"] is None:
        return ""
    if len(said := one.get("said") or ()) > 1:
        return ", ".join(classes.get(int(label), f"class {label}") for label in said)
    label = int(one["predicted"])
    return f"{classes.get(label, f'class {label}')}, {100 * float(one['confidence']):.0f} %"


def _wrong(one: Mapping[str, Any], image: ImageRow, tolerance: float) -> bool:
    """Whether a picture's answer is not what is annotated on the image that it was made from."""
    if one.get("value") is not None:
        return image.annotated is not None and abs(float(one["value"]) - image.annotated) > tolerance
    said = one.get("said") or ([one["predicted"]] if one["predicted"] is not None else [])
    return bool(said) and not {int(label) for label in said} & set(image.accepted)


def _own(name: object) -> str:
    # Only the last part of the name: a profile from elsewhere must not copy other files into the report.
    return f"evidence/{Path(str(name)).name}"


def _copied(kept: Kept, name: str, folder: Path) -> str | None:
    path = kept.file(name)
    if path is None:
        return None
    copy = f"assets/evidence/{Path(name).parent.name}-{Path(name).name}"
    (folder / copy).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, folder / copy)
    return copy
