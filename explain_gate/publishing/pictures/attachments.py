"""Flat pictures of the worst images of broken rules, for surfaces that show one file and no layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

from explain_gate.publishing.pictures.gallery import Gallery
from explain_gate.publishing.pictures.kept import Kept
from explain_gate.publishing.pictures.overlays import BLUR, Scale, layer, normalised
from explain_gate.publishing.words.wording import by_severity, methods_of
from explain_gate.records import BLOCKING, Profile, Verdict

LIMIT = 20
"""Pictures in all: what a reviewer opens one by one."""
_SIDE = 448
_LINE, _CASING = (55, 240, 255), (6, 38, 43)


def save_worst(verdict: Verdict, profile: Profile | None, gallery: Gallery, folder: Path) -> dict[str, str]:
    """Write the worst image of every broken rule under `folder`/assets/worst; rule key -> path inside `folder`."""
    if profile is None:
        return {}
    kept = Kept(profile)
    rows = {image.image: row for row, image in enumerate(profile.images)}
    saved: dict[str, str] = {}
    written: dict[tuple[int, str | None], str] = {}
    for finding in by_severity(verdict.findings):
        worst = next((image for image in finding.worst if image in rows), None)
        if finding.status not in BLOCKING or worst is None:
            continue
        subject = (rows[worst], next((name for name in methods_of(finding) if name in gallery.scales), None))
        if subject not in written and len(written) < LIMIT:
            picture = overlay(kept, *subject, gallery)
            if picture is not None:
                name = f"assets/worst/{subject[0]:06d}-{len(written)}.png"
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                picture.save(folder / name)
                written[subject] = name
        if subject in written:
            saved[finding.key] = written[subject]
    return saved


def overlay(kept: Kept, row: int, method: str | None, gallery: Gallery) -> Image.Image | None:
    """Photograph, map and the region's border in one RGB picture; None where there is no photograph."""
    path = kept.photo(row)
    if path is None:
        return None
    try:
        with Image.open(path) as file:
            photo = file.convert("RGB")
    except OSError:
        return None
    size = (_SIDE, max(round(_SIDE * photo.height / photo.width), 1))
    picture = photo.resize(size, Image.Resampling.BICUBIC)
    if method is not None:
        colours = _map_colours(kept, row, method, gallery.scales[method], smooth=method in gallery.smoothed)
        if colours is not None:
            picture = picture.convert("L").convert("RGBA")
            picture.alpha_composite(Image.fromarray(colours, "RGBA").resize(size, Image.Resampling.BILINEAR))
            picture = picture.convert("RGB")
    return _with_border(picture, kept.region(row))


def _map_colours(kept: Kept, row: int, method: str, scale: Scale, *, smooth: bool) -> NDArray[np.uint8] | None:
    maps = kept.maps(method)
    if maps is None:
        return None
    values = np.asarray(maps[row], dtype=np.float32)
    if smooth and np.isfinite(values).all():
        values = gaussian_filter(values, sigma=BLUR * max(values.shape))
    shown = normalised(values, scale)
    return None if shown is None else layer(shown, scale)


def _with_border(picture: Image.Image, region: NDArray[np.bool_] | None) -> Image.Image:
    if region is None:
        return picture
    large = np.asarray(Image.fromarray(region).resize(picture.size, Image.Resampling.NEAREST), dtype=bool)
    border = large & ~binary_erosion(large, iterations=2)
    pixels = np.array(picture)
    pixels[binary_dilation(border) & ~border] = _CASING
    pixels[border] = _LINE
    return Image.fromarray(pixels)
