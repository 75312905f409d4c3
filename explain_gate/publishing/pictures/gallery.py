"""Which images the report shows, worst first, and their picture files. Reads the profile, writes assets/."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain_gate.attribution import METHODS
from explain_gate.comparing.per_image import CONTROL_PREFIX, Breaches, PerImage, breaches, worst_first
from explain_gate.digits import number
from explain_gate.publishing.pictures.kept import Kept
from explain_gate.publishing.pictures.overlays import Scale, outline, save_map_layer, scale_of
from explain_gate.records import Finding, ImageRow, Profile, Status, Verdict

PER_CELL = 40
"""Images of one class with right predictions, and as many with wrong ones: what a reviewer can inspect."""
LIMIT = 800
"""Images in all; keeps the page within a few megabytes however many classes there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One image of the gallery.

    `anchor` is its id on the page; `layers` maps a method to the picture of its map; `path` is the region's outline;
    `breach` is the rule that this image breaks most, with its value, such as "alignment.iou 0.03".
    """

    row: int
    image: ImageRow
    anchor: str
    predicted: str
    status: Status
    breach: str
    photo: str | None
    layers: Mapping[str, str]
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """The images shown, worst first, out of `total`; `scales` holds the methods with pictures and their colours.

    `anchors` holds the id of every image of the profile, in its order. The maps of methods in `smoothed` are drawn with
    neighbouring pixels summed. `left_out` tells what cannot be drawn because it is not what was measured: path inside
    the profile -> what is wrong.
    """

    shown: tuple[Shown, ...]
    anchors: Sequence[str] = ()
    total: int
    width: int
    height: int
    scales: Mapping[str, Scale]
    smoothed: frozenset[str] = frozenset()
    left_out: Mapping[str, str] = field(default_factory=dict)

    def by_image(self) -> dict[str, Shown]:
        """The images shown, by their id."""
        return {shown.image.image: shown for shown in self.shown}


def build_gallery(verdict: Verdict, per_image: PerImage | None, folder: Path, *, seed: int = 0) -> Gallery:
    """Choose the images and write their pictures under `folder`/assets; what is missing or damaged is left out."""
    if per_image is None or not per_image.profile.images:
        return Gallery(shown=(), total=0, width=1, height=1, scales={})
    profile = per_image.profile
    kept = Kept(profile)
    breached = breaches(per_image, verdict)
    rows = choose_rows(profile, verdict, breached, seed=seed)
    maps = _open_maps(per_image, kept)
    height, width = _frame(profile, maps)
    kinds = kinds_of(profile)
    scales = {method: scale_of(kinds.get(method), array[rows[:8]]) for method, array in maps.items()}
    smoothed = frozenset(method for method in maps if kinds.get(method) in {"magnitude", "signed"})
    slugs, anchors = slugs_of(list(maps)), anchors_of(profile)
    shown = tuple(
        Shown(
            row=row,
            image=profile.images[row],
            anchor=anchors[row],
            predicted=answer_of(profile, profile.images[row]),
            status=breached.status_of(row),
            breach=breach_told(verdict.findings, breached, row),
            photo=photo_of(kept, row, folder),
            layers={
                method: path
                for method, array in maps.items()
                if save_map_layer(
                    array[row],
                    scales[method],
                    folder / (path := f"assets/maps/{slugs[method]}/{row:06d}.webp"),
                    smooth=method in smoothed,
                )
            },
            path=outline_of(kept, row),
        )
        for row in rows
    )
    return Gallery(
        shown=shown,
        anchors=anchors,
        total=len(profile.images),
        width=width,
        height=height,
        scales=scales,
        smoothed=smoothed,
        left_out=kept.left_out,
    )


def choose_rows(profile: Profile, verdict: Verdict, breached: Breaches, *, seed: int = 0) -> list[int]:
    """Rows to show, worst first: of each class and of right and of wrong predictions the worst and a seeded sample.

    The images that findings name are always among them, as far as `LIMIT` allows.
    """
    order = worst_first(breached)
    cells: dict[tuple[str, bool], list[int]] = {}
    for row in order:
        image = profile.images[row]
        cells.setdefault((image.class_name, image.correct), []).append(row)
    quota = min(PER_CELL, max(LIMIT // len(cells), 1))
    generator = np.random.default_rng(seed)
    chosen: set[int] = set()
    for _, members in sorted(cells.items()):
        worst, rest = members[: (quota + 1) // 2], members[(quota + 1) // 2 :]
        chosen.update(worst)
        if rest and quota > 1:
            chosen.update(generator.permutation(rest)[: quota // 2].tolist())
    position = {row: place for place, row in enumerate(order)}
    index = {image.image: row for row, image in enumerate(profile.images)}
    named = [index[image] for finding in verdict.findings for image in finding.worst if image in index]
    kept = dict.fromkeys([*named[: LIMIT // 2], *sorted(chosen, key=position.__getitem__)])
    return sorted(list(kept)[:LIMIT], key=position.__getitem__)


def _open_maps(per_image: PerImage, kept: Kept) -> dict[str, NDArray[np.float16]]:
    names = [m.method for m in per_image.shown() if m.method is not None]
    listed = per_image.profile.manifest.get("methods", {})
    names += [name for name in listed if not name.startswith(CONTROL_PREFIX)]
    opened = {name: kept.maps(name) for name in dict.fromkeys(names)}
    return {name: array for name, array in opened.items() if array is not None}


def kinds_of(profile: Profile) -> dict[str, str]:
    """The kind of map of every method: from the table, and from the manifest for a user's own."""
    kinds = {name: str(method.kind) for name, method in METHODS.items()}
    listed = profile.manifest.get("methods", {})
    return kinds | {name: settings["kind"] for name, settings in listed.items() if "kind" in settings}


def _frame(profile: Profile, maps: Mapping[str, NDArray[Any]]) -> tuple[int, int]:
    for array in maps.values():
        return int(array.shape[1]), int(array.shape[2])
    dataset = profile.manifest["dataset"]
    return int(dataset["height"]), int(dataset["width"])


def slugs_of(methods: list[str]) -> dict[str, str]:
    """A folder name for each method; the position keeps apart what the replacement would merge."""
    plain = {method: re.sub(r"[^A-Za-z0-9_-]", "_", method) for method in methods}
    clash = len(set(plain.values())) < len(plain)
    return {method: f"{position}_{slug}" if clash else slug for position, (method, slug) in enumerate(plain.items())}


def answer_of(profile: Profile, image: ImageRow) -> str:
    """What the model says of an image: a value beside the annotated one, every class that it says, or "nothing"."""
    if image.value is not None:
        beside = "" if image.annotated is None else f" (annotated {number(image.annotated)})"
        return f"{number(image.value)}{beside}"
    if image.said is not None and len(image.said) > 1:
        return ", ".join(class_name(profile, label) for label in image.said)
    return class_name(profile, image.predicted)


def class_name(profile: Profile, label: int | None) -> str:
    """The name of a class; "nothing" where there is no prediction."""
    if label is None:
        return "nothing"
    return profile.classes[label] if 0 <= label < len(profile.classes) else f"class {label}"


def anchors_of(profile: Profile) -> list[str]:
    """The id of each image on a page: its name, so that a link holds from run to run, whatever else is measured."""
    seen: Counter[str] = Counter()
    anchors = []
    for image in profile.images:
        anchor = "image-" + re.sub(r"\s", "-", image.image)
        seen[anchor] += 1
        anchors.append(anchor if seen[anchor] == 1 else f"{anchor}-{seen[anchor]}")
    return anchors


def breach_told(findings: Sequence[Finding], breached: Breaches, row: int) -> str:
    """The rule that an image breaks most, with its value, such as "alignment.iou 0.03"; empty where it breaks none."""
    position = int(breached.finding[row])
    return "" if position < 0 else f"{findings[position].check} {number(float(breached.value[row]))}"


def photo_of(kept: Kept, row: int, folder: Path) -> str | None:
    """Copy an image's picture under `folder`/assets; None where the profile has none."""
    source = kept.photo(row)
    if source is None:
        return None
    name = f"assets/images/{row:06d}.jpg"
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, folder / name)
    return name


def outline_of(kept: Kept, row: int) -> str:
    """The region of an image as an SVG path; empty where there is none."""
    region = kept.region(row)
    return "" if region is None else outline(region)
