"""A whole profile as it was measured before: kept when a run ends, read again where nothing has changed.

What is large, maps and pictures, lies in the cache once, under the keys of the images; a whole profile names them. It
is read again to the byte, which its digests tell, or not at all.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explain_gate.measuring.remembering.contents import map_from_bytes, picture_from_bytes
from explain_gate.measuring.remembering.store import Cache, closed, opened
from explain_gate.profile.files import MANIFEST, REGIONS_FILE, digests_of, maps_file, thumbnail_file
from explain_gate.profile.manifest import FILES, manifest_text
from explain_gate.profile.profile import load_maps
from explain_gate.profile.writer import ProfileWriter
from explain_gate.records import Profile
from explain_gate.redact import redacted

if TYPE_CHECKING:
    from explain_gate.measuring.remembering.recall import Memory

_KIND = "wholes"
_AT_ONCE = 64
"""Images whose maps are in memory together."""


def keep_whole(key: str, profile: Profile, memory: Memory) -> None:
    """Keep a profile that was just measured, unless the next run would measure some of it again.

    That is a value that no key holds, such as a time, and what raised, which may end otherwise next time.
    """
    if memory.passing or not _final(profile) or profile.folder is None:
        return
    pictures, keys = memory.keys_of(list(profile.manifest["methods"]))
    maps = {method: _kept_rows(profile, method, mine) for method, mine in keys.items()}
    large = {REGIONS_FILE, *map(maps_file, maps), *(thumbnail_file(row) for row in range(len(pictures)))}
    names = [name for name in profile.manifest[FILES] if name not in large]
    contents = [(profile.folder / name).read_bytes() for name in names]
    head = {
        "manifest": profile.manifest,
        "pictures": pictures,
        "maps": maps,
        "sizes": {name: len(content) for name, content in zip(names, contents, strict=True)},
    }
    memory.cache.put(_KIND, {key: closed(head, b"".join(contents))})


def recall_whole(cache: Cache, key: str, folder: Path, *, told: Mapping[str, Any]) -> bool:
    """Write a profile as it was measured before; False, and no folder, where it is not known whole.

    Args:
        cache: an entered one.
        key: from `whole_key.key_of`.
        folder: where it is written.
        told: what of the manifest is this run's: what it was asked for and, in `environment`, who started it.
    """
    began = time.perf_counter()
    content = cache.get([key]).get(key)
    if content is None:
        return False
    head, rest = opened(content)
    manifest = head["manifest"]
    try:
        whole = _written(cache, head, rest, folder) and digests_of(folder) == manifest[FILES]
    except (OSError, ValueError, KeyError):
        whole = False
    if not whole:
        shutil.rmtree(folder, ignore_errors=True)
        return False
    ours = {
        **told,
        "environment": {**manifest["environment"], **told.get("environment", {})},
        "passes": {"forward": 0, "backward": 0},
        "cache": {"read": cache.read, "written": cache.written},
        "seconds": round(time.perf_counter() - began, 3),
    }
    (folder / MANIFEST).write_text(manifest_text(redacted({**manifest, **ours})), encoding="utf-8")
    return True


def _final(profile: Profile) -> bool:
    """Whether no image lacks a number because something raised."""
    from explain_gate.measuring.reasons import tells_an_exception

    reasons = {reason for one in profile.measurements for reason in one.reasons if reason is not None}
    return not any(map(tells_an_exception, reasons)) and all(image.answered for image in profile.images)


def _kept_rows(profile: Profile, method: str, keys: Sequence[str]) -> list[str | None]:
    """The key of each row that has a map in this profile, None for the others."""
    maps = load_maps(profile, method)
    return [None if np.isnan(maps[row, 0, 0]) else key for row, key in enumerate(keys)]


def _written(cache: Cache, head: Mapping[str, Any], rest: bytes, folder: Path) -> bool:
    """Write every file but the manifest; False where the cache lacks something of it."""
    dataset = head["manifest"]["dataset"]
    size, count = (dataset["height"], dataset["width"]), len(head["pictures"])
    folder.mkdir(parents=True, exist_ok=True)
    with ProfileWriter(folder, count=count, height=size[0], width=size[1]) as writer:
        for start in range(0, count, _AT_ONCE):
            rows = range(start, min(start + _AT_ONCE, count))
            if not (_pictures(cache, head["pictures"], rows, writer) and _maps(cache, head["maps"], rows, writer)):
                return False
            writer.let_go()
    place = 0
    for name, length in head["sizes"].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rest[place : place + length])
        place += length
    return True


def _pictures(cache: Cache, keys: Sequence[str], rows: Sequence[int], writer: ProfileWriter) -> bool:
    known = cache.get([keys[row] for row in rows])
    regions = writer.regions()
    for row in rows:
        if keys[row] not in known:
            return False
        picture = picture_from_bytes(known[keys[row]])
        if picture.region:
            regions[row] = np.frombuffer(picture.region, dtype=np.uint8).reshape(regions.shape[1:])
        writer.thumbnail(row).write_bytes(picture.jpeg)
    return True


def _maps(cache: Cache, keys: Mapping[str, Sequence[str | None]], rows: Sequence[int], writer: ProfileWriter) -> bool:
    for method, mine in keys.items():
        kept = writer.maps(method)
        wanted = {row: key for row in rows if (key := mine[row]) is not None}
        known = cache.get(list(wanted.values()))
        for row, key in wanted.items():
            one = map_from_bytes(known[key], (kept.shape[1], kept.shape[2])) if key in known else None
            if one is None:
                return False
            kept[row] = one[0]
    return True
