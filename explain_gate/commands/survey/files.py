"""The files of a project that may say something: no hidden folders, environments, reports or outputs of tools."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from explain_gate.data.annotations.names import IMAGE_SUFFIXES

_SKIPPED = frozenset({
    "__pycache__", "node_modules", "site-packages", "venv", "env", "build", "dist", "reports", "mlruns", "mlartifacts",
    "wandb", "checks", "tests", "test_data",
})  # fmt: skip
_MOST_FILES = 200_000
_MOST_DEPTH = 8
_MOST_TEXT = 2_000_000
_MASKS = ("mask", "seg", "trimap", "groundtruth", "ground_truth", "gt")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Files:
    """Every file of a folder by its path below it, in alphabetical order, and the folders with pictures.

    `pictures` is folder -> names of the pictures in it; `masks` the same for folders whose name, or that of one
    above, says that masks lie there. `cut`: there were too many to look at all.
    """

    root: Path
    paths: tuple[PurePosixPath, ...]
    pictures: dict[PurePosixPath, tuple[str, ...]] = field(default_factory=dict)
    masks: dict[PurePosixPath, tuple[str, ...]] = field(default_factory=dict)
    cut: bool = False

    def ending(self, *suffixes: str) -> Iterator[PurePosixPath]:
        """The files whose names end so, those nearest to the root first."""
        matching = [path for path in self.paths if path.name.lower().endswith(suffixes)]
        return iter(sorted(matching, key=lambda path: (len(path.parts), str(path))))

    def named(self, *names: str) -> Iterator[PurePosixPath]:
        """The files that are called so, those nearest to the root first."""
        return (path for path in self.ending(*names) if path.name.lower() in names)

    def text(self, path: PurePosixPath) -> str:
        """What a file says, without what is no UTF-8; nothing where it cannot be read or is too large to be read."""
        file = self.root / path
        try:
            return "" if file.stat().st_size > _MOST_TEXT else file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def head(self, path: PurePosixPath, count: int = 4096) -> str:
        """How a file begins."""
        try:
            with (self.root / path).open("rb") as stream:
                return stream.read(count).decode("utf-8", "replace")
        except OSError:
            return ""

    def folder_of(self, name: str, near: PurePosixPath) -> PurePosixPath | None:
        """The folder below which the name of a picture leads to one; a name without an ending leads to any.

        Of several the one that shares most words and folders with `near`, the path of what names the picture.
        """
        return max(self._folders_of(name), key=lambda place: _shared(place, near), default=None)

    def _folders_of(self, name: str) -> list[PurePosixPath]:
        """By the longest end of the name that leads to a picture anywhere."""
        parts = PurePosixPath(name.replace("\\", "/")).parts
        for start in range(len(parts)):
            *inner, last = parts[start:]
            places = [
                PurePosixPath(*folder.parts[: len(folder.parts) - len(inner)])
                for folder, names in self.pictures.items()
                if list(folder.parts[len(folder.parts) - len(inner) :]) == inner
                and (last in names or last in {PurePosixPath(one).stem for one in names})
            ]
            if places:
                return places
        return []


def look(root: Path) -> Files:
    """The files below a folder; links to folders are not followed."""
    paths: list[PurePosixPath] = []
    cut = False
    for place, folders, names in os.walk(root):
        here = PurePosixPath(Path(place).relative_to(root).as_posix())
        deep = len(here.parts) >= _MOST_DEPTH
        folders[:] = [] if deep else sorted(one for one in folders if one not in _SKIPPED and not one.startswith("."))
        paths += [here / name for name in sorted(names) if not name.startswith(".")]
        if len(paths) > _MOST_FILES:
            cut = True
            break
    grouped = _pictures(paths)
    return Files(
        root=root,
        paths=tuple(paths),
        pictures={folder: names for folder, names in grouped.items() if not are_masks(folder)},
        masks={folder: names for folder, names in grouped.items() if are_masks(folder)},
        cut=cut,
    )


def are_masks(folder: PurePosixPath) -> bool:
    """Whether a folder says that masks lie in it."""
    return any(part.lower().startswith(_MASKS) or part.lower().endswith(("masks", "mask")) for part in folder.parts)


def _shared(one: PurePosixPath, other: PurePosixPath) -> int:
    """How many words two paths have in common."""
    first, second = (set(re.split(r"[\W_]+", str(path).lower())) for path in (one, other))
    return len(first & second)


def _pictures(paths: Iterable[PurePosixPath]) -> dict[PurePosixPath, tuple[str, ...]]:
    by_folder: dict[PurePosixPath, list[str]] = {}
    for path in paths:
        if path.suffix.lower() in IMAGE_SUFFIXES:
            by_folder.setdefault(path.parent, []).append(path.name)
    return {folder: tuple(names) for folder, names in by_folder.items()}
