"""The pictures of one question, from the profile's folder and nowhere else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explain_gate.publishing.pages.evidence import answer_in
from explain_gate.publishing.pictures.gallery import kinds_of, outline_of
from explain_gate.publishing.pictures.kept import Kept
from explain_gate.publishing.pictures.overlays import map_layer, scale_of
from explain_gate.records import Profile

_LISTED = "evidence/evidence.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """A picture that a metric gave the model in place of an image's: of which rule, what was said, where it lies."""

    row: int
    check: str
    rank: str
    said: str
    path: Path

    @property
    def text(self) -> str:
        """`reliance.background_follow, worst image: the model says zero, 93 %`."""
        told = f": the model says {self.said}" if self.said else ""
        return f"{self.check}, {self.rank} image{told}"


class Pictures:
    """Opens what a profile keeps; what is withheld, damaged or was never there is None."""

    def __init__(self, profile: Profile, methods: tuple[str, ...]) -> None:
        self.profile = profile
        self.methods = methods
        self._kept = Kept(profile)
        self._kinds = kinds_of(profile)
        self.exchanged: tuple[Exchanged, ...] = self._exchanged()

    def photo(self, row: int) -> bytes | None:
        """JPEG of an image as the model sees it."""
        path = self._kept.photo(row)
        return None if path is None else path.read_bytes()

    def layer(self, row: int, method: int) -> bytes | None:
        """WebP of a map, to lay over the photograph; `method` is its place in `methods`."""
        name = self.methods[method]
        maps = self._kept.maps(name)
        if maps is None:
            return None
        kind = self._kinds.get(name)
        return map_layer(maps[row], scale_of(kind, maps[:8]), smooth=kind in {"magnitude", "signed"})

    def detail(self, row: int) -> dict[str, Any]:
        """What is drawn over a photograph and shown beside it, as JSON."""
        region = self._kept.region(row)
        dataset = self.profile.manifest["dataset"]
        height, width = region.shape if region is not None else (dataset["height"], dataset["width"])
        return {
            "width": int(width),
            "height": int(height),
            "region": outline_of(self._kept, row),
            "photo": self._kept.photo(row) is not None,
            "exchanged": [
                {"number": number, "text": one.text} for number, one in enumerate(self.exchanged) if one.row == row
            ],
        }

    def _exchanged(self) -> tuple[Exchanged, ...]:
        path = self._kept.file(_LISTED)
        if path is None:
            return ()
        try:
            strips = json.loads(path.read_text(encoding="utf-8"))["strips"]
            named = [(strip, one, str(one["file"])) for strip in strips for one in strip["pictures"]]
            # Only the last part of the name, and only what the manifest lists: no path leads out of the profile.
            there = [(strip, one, self._kept.file(f"evidence/{Path(name).name}")) for strip, one, name in named]
            classes = {image.label: image.class_name for image in self.profile.images}
            return tuple(
                Exchanged(
                    row=int(strip["row"]),
                    check=str(strip["check"]),
                    rank=str(strip["rank"]),
                    said=answer_in(one, classes),
                    path=file,
                )
                for strip, one, file in there
                if file is not None
            )
        except (OSError, ValueError, KeyError, TypeError):
            return ()
