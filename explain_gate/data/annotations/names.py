"""From the file names that annotations hold to files in the images folder, which tools write in many ways.

A name is taken as it is where such a file is there. Else it is read as another system's, as part of an address, or by
its last part, and that is told. A name may not leave the folder, not even through a symbolic link.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from explain_gate.data.annotations.annotated import Leftovers

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".npy", ".dcm", ".dicom")

_LONGEST = 4096
"""Characters of a path on any system."""


class Names:
    """Names -> files of one images folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._left = Leftovers()
        self._taken: dict[str, str] = {}

    def find(self, name: str) -> str:
        """The file that a name means, relative to the folder, with slashes.

        Raises:
            LookupError: there is none, there are several, or it lies outside; the message is a sentence.
        """
        fault = self._fault(name)
        if fault is None:
            return name
        place = None if "\0" in name or len(name) > _LONGEST else self._otherwise(name)
        if place is None:
            raise LookupError(fault)
        taken_by = self._taken.setdefault(place, name)
        if taken_by != name:
            raise LookupError(
                f"{name!r}: leads to {place}, and so does {taken_by!r}; write both relative to {self.root}"
            )
        self._left.add("file names found in another way than they are written", f"{name} -> {place}")
        return place

    def notes(self, source: object) -> tuple[str, ...]:
        """What was found in another way than it is written."""
        return self._left.notes(source)

    def _fault(self, name: str) -> str | None:
        """What is wrong with a name as it is written."""
        try:
            if "\0" in name or not name:
                return f"{name!r}: not a file name"
            path = Path(os.path.realpath(self.root / name))
            if not path.is_relative_to(self.root):
                return f"{name!r}: leaves the images folder {self.root}"
            if not path.is_file():
                return f"{name!r}: missing in {self.root}"
        except (OSError, ValueError) as error:
            return f"{name[:80]!r}: not a usable file name ({error})"
        return None

    def _otherwise(self, name: str) -> str | None:
        """The file by the longest end of the name that is one, else by its last part alone."""
        readings = list(_readings(name))
        for reading in readings:
            parts = [part for part in PurePosixPath(reading).parts if part not in ("/", "..", ".")]
            for start in range(len(parts)):
                end = "/".join(parts[start:])
                if self._fault(end) is None:
                    return end
        for reading in readings:
            last = _folded(PurePosixPath(reading).name)
            places = self._by_name.get(last, []) or self._by_stem.get(last, [])
            if len(places) > 1:
                raise LookupError(
                    f"{name!r}: {len(places)} files are called so ({', '.join(places[:3])}); write the folder too"
                )
            if places:
                return places[0]
        return None

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        places: dict[str, list[str]] = {}
        for place in self._files():
            places.setdefault(_folded(place.name), []).append(place.as_posix())
        return places

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        """For names without an ending."""
        places: dict[str, list[str]] = {}
        for place in self._files():
            if place.suffix.lower() in IMAGE_SUFFIXES:
                places.setdefault(_folded(place.stem), []).append(place.as_posix())
        return places

    def _files(self) -> Iterator[Path]:
        for folder, folders, files in os.walk(self.root):
            folders.sort()
            for file in sorted(files):
                path = Path(folder, file)
                if self._fault(str(path.relative_to(self.root))) is None:
                    yield path.relative_to(self.root)


def with_stem(images: Path, *stems: str) -> str | None:
    """The first image file of these names without their endings, relative to the folder."""
    for stem in stems:
        for suffix in IMAGE_SUFFIXES:
            for ending in (suffix, suffix.upper()):
                if (images / f"{stem}{ending}").is_file():
                    return f"{stem}{ending}"
    return None


def _readings(name: str) -> Iterator[str]:
    """A name as other systems mean it: with slashes, decoded, without the address before it."""
    for text in dict.fromkeys((name, unquote(name))):
        plain = text.replace("\\", "/")
        yield plain
        if "://" in plain or "?" in plain:
            address = urlsplit(plain)
            # Label Studio serves local files as /data/local-files/?d=folder/name.png
            yield from (one for values in parse_qs(address.query).values() for one in values)
            yield address.path


def _folded(name: str) -> str:
    """Without case, and accents in one form: file systems differ in both."""
    return unicodedata.normalize("NFC", name).casefold()
