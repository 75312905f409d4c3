"""What a profile keeps to be drawn: maps, regions and pictures, each compared with its digest when it is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from explain_gate.errors import ReferenceError
from explain_gate.profile.files import REGIONS_FILE, maps_file, thumbnail_file
from explain_gate.profile.profile import holds, load_maps, load_region, profile_file
from explain_gate.records import Profile

_Opened = TypeVar("_Opened")
_NAMED = 3


class Kept:
    """Opens what was measured. What was never measured is None; what is damaged is None too, and `left_out` tells it.

    `left_out` maps a file's path inside the profile to what is wrong with it.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.left_out: dict[str, str] = {}

    def maps(self, method: str) -> NDArray[np.float16] | None:
        """The maps of one method, (N, H, W) float16, a row for each image."""
        maps = self._opened(maps_file(method), lambda: load_maps(self.profile, method))
        whole = maps is not None and maps.ndim == 3 and len(maps) == len(self.profile.images)
        return maps if whole else None

    def region(self, row: int) -> NDArray[np.bool_] | None:
        """The annotated region of one image, (H, W) bool."""
        return self._opened(REGIONS_FILE, lambda: load_region(self.profile, row))

    def photo(self, row: int) -> Path | None:
        """The picture of one image as the model sees it."""
        return self.file(thumbnail_file(row))

    def file(self, name: str) -> Path | None:
        """Any file of the profile by its path inside the folder."""
        return self._opened(name, lambda: profile_file(self.profile, name))

    def _opened(self, name: str, open_it: Callable[[], _Opened]) -> _Opened | None:
        if name in self.left_out or not holds(self.profile, name):
            return None
        try:
            return open_it()
        except (ReferenceError, KeyError, IndexError) as error:
            self.left_out[name] = str(error)
            return None


def left_out_told(left_out: Mapping[str, str]) -> str:
    """What a page lacks, in a sentence without its full stop; `left_out` has at least one file."""
    names = list(left_out)
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    listed = ", ".join(names[:_NAMED]) + more
    first = next(iter(left_out.values()))
    return f"pictures are left out, because files of the profile are damaged ({listed}): {first}"
