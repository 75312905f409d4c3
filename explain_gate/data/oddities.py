"""What looks wrong in how files become the model's input, said with its numbers. Nothing here changes one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from explain_gate.data.preprocessing import Preprocessing

_DARK = 0.1
"""The largest value of a picture, of 1, below which it is nearly black."""
_LOST = 0.2
"""Share of a region that the crop may take away without a word."""
_STRETCHED = 1.2
_CLIPPED = 0.01
"""Share of a picture's values that may lie outside of preprocessing.range without a word."""
_APART = 0.05
"""How far a mean or standard deviation may be from the model's own, in values of [0, 1]."""
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def oddities(looks: Mapping[str, Mapping[str, float]]) -> tuple[str, ...]:
    """Sentences on pictures nearly black, regions lost to the crop and changed aspect ratios, by image name."""
    told = []
    dark = {image: one for image, one in looks.items() if one.get("brightest", 1.0) < _DARK}
    if dark:
        image, most = max(dark.items(), key=lambda item: item[1]["brightest"])
        told.append(
            f"{len(dark)} of {len(looks)} pictures are nearly black: the brightest value of any is "
            f"{most['brightest']:.3f} of 1 ({image}). If their values use a part of their depth only, such as 12 of 16 "
            "bits, write data.preprocessing.range: [low, high], such as [0, 4095]"
        )
    lost = {image: one["lost"] for image, one in looks.items() if one.get("lost", 0.0) > _LOST}
    if lost:
        image, most_lost = max(lost.items(), key=lambda item: item[1])
        told.append(
            f"{len(lost)} of {len(looks)} images lose more than {_LOST:.0%} of their annotated region to the crop, "
            f"{image} {most_lost:.0%}. What is cut off is not measured; data.preprocessing.pad keeps all of it"
        )
    stretched = {image: one["stretch"] for image, one in looks.items() if one.get("stretch", 1.0) > _STRETCHED}
    if stretched:
        image, ratio = max(stretched.items(), key=lambda item: item[1])
        told.append(
            f"{len(stretched)} of {len(looks)} pictures change their aspect ratio by more than {_STRETCHED:g}, {image} "
            f"by {ratio:.2f}. If the model was not trained so, write resize as one number (shorter side) with crop, or "
            "pad"
        )
    clipped = {image: one["clipped"] for image, one in looks.items() if one.get("clipped", 0.0) > _CLIPPED}
    if clipped:
        image, most_clipped = max(clipped.items(), key=lambda item: item[1])
        told.append(
            f"{len(clipped)} of {len(looks)} pictures have more than {_CLIPPED:.0%} of their values outside of "
            f"data.preprocessing.range, {image} {most_clipped:.0%}; they became 0 or 1"
        )
    turned = [image for image, one in looks.items() if one.get("turned")]
    if turned:
        told.append(
            f"{len(turned)} of {len(looks)} pictures are stored on their side (EXIF) and annotated with the size that "
            f"they are stored in ({turned[0]}), so their regions are turned with them. If they were drawn on the "
            "upright picture, write its width and height in the annotations"
        )
    return tuple(told)


def unlike_the_model(module: Any, source: str, preprocessing: Preprocessing) -> tuple[str, ...]:
    """A sentence where the normalisation is far from the one that the model itself names, or is done by it already."""
    if (within := _normalises(module)) is not None and preprocessing.transform is None:
        return _twice(within, preprocessing)
    own = _own_normalisation(module, source)
    if own is None or preprocessing.transform is not None:
        return ()
    for name, used, wanted in zip(("mean", "std"), (preprocessing.mean, preprocessing.std), own, strict=True):
        # The order of colours is the model's, and a library's own is red, green, blue.
        theirs = tuple(reversed(wanted)) if preprocessing.order == "bgr" else wanted
        if len(used) == len(theirs) and max(abs(a - b) for a, b in zip(used, theirs, strict=True)) > _APART:
            told = (
                f"data.preprocessing normalises with {name} {_numbers(used)}, and {source} was made for {name} "
                f"{_numbers(theirs)}. If yours was not trained otherwise, its accuracy and every map suffer"
            )
            return (told,)
    return ()


def _normalises(module: Any) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Mean and standard deviation that the model normalises its own input with, as torchvision's detectors do."""
    for part in module.modules() if hasattr(module, "modules") else ():
        mean, std = getattr(part, "image_mean", None), getattr(part, "image_std", None)
        if isinstance(mean, list | tuple) and isinstance(std, list | tuple):
            return tuple(map(float, mean)), tuple(map(float, std))
    return None


def _twice(within: tuple[tuple[float, ...], tuple[float, ...]], preprocessing: Preprocessing) -> tuple[str, ...]:
    plain = max(abs(value) for value in preprocessing.mean) <= _APART
    if plain and max(abs(value - 1) for value in preprocessing.std) <= _APART:
        return ()
    mean, std = map(_numbers, within)
    told = (
        f"the pictures are normalised twice: data.preprocessing does it with mean {_numbers(preprocessing.mean)} and "
        f"std {_numbers(preprocessing.std)}, and the model itself with mean {mean} and std {std}. Take mean and std "
        "out of data.preprocessing"
    )
    return (told,)


def _own_normalisation(module: Any, source: str) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    for name in ("pretrained_cfg", "default_cfg"):
        known = getattr(module, name, None)
        if isinstance(known, Mapping) and known.get("mean") and known.get("std"):
            return tuple(known["mean"]), tuple(known["std"])
    return _IMAGENET if source.startswith("torchvision:") else None


def _numbers(values: tuple[float, ...]) -> str:
    return f"[{', '.join(f'{value:.3g}' for value in values)}]"
