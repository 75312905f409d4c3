"""Pictures that must not leave the machine, such as those of patients: taken out of a profile before it is published.

Every surface draws from the profile's folder, so what is not in it is in no report, no comment and no record.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from explain_gate.profile.files import thumbnail_file
from explain_gate.profile.writer import write_tables
from explain_gate.records import Profile

_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif"})
_ABOUT_PICTURES = ("evidence/evidence.json", "cues/cues.json")
"""What lists pictures and is worth nothing without them."""


def withhold_pictures(profile: Profile, folder: Path, keep: Collection[str] = ()) -> Profile:
    """Remove every picture from a profile's folder but the photographs of some images; numbers, maps and regions stay.

    Pictures made of several images (exchanged backgrounds, planted patches) go in any case, since the others in them
    may not be shown.

    Args:
        profile: a whole one.
        folder: where it lies; its manifest is written anew.
        keep: identifiers of the images whose photographs stay.

    Raises:
        OSError: a picture cannot be removed, so that nothing may be published.
    """
    kept = {thumbnail_file(row) for row, image in enumerate(profile.images) if image.image in keep}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and (path.suffix.lower() in _PICTURES or name in _ABOUT_PICTURES) and name not in kept:
            path.unlink()
    return write_tables(profile, folder)
