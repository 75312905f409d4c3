"""Formats that are recognised and not read: what they are, and how to export what is read."""

from __future__ import annotations

from typing import Any


def named(data: Any) -> str | None:
    """What a JSON file is, and what to export instead; None where nothing is known of it."""
    entries = data if isinstance(data, list) else list(data.values()) if isinstance(data, dict) else []
    one = next((entry for entry in entries if isinstance(entry, dict)), {})
    keys = set(data) if isinstance(data, dict) else set()
    for outer, inner, told in _SIGNS:
        if outer <= keys and inner <= set(one) and (outer or isinstance(data, list) or "regions" in inner):
            return told
    return None


_VIA = "export it as `Annotations as COCO JSON`"
_STUDIO = "Label Studio's own JSON: export it as COCO, or as `Brush labels to PNG` for masks"
_SIGNS: tuple[tuple[set[str], set[str], str], ...] = (
    ({"_via_img_metadata"}, set(), f"the project of a VGG Image Annotator: {_VIA}"),
    (set(), {"regions", "filename"}, f"the JSON of a VGG Image Annotator: {_VIA}"),
    (set(), {"completions"}, _STUDIO),
    (set(), {"data", "annotations"}, _STUDIO),
    (set(), {"image", "annotations"}, "CreateML's JSON: export it as COCO"),
    ({"objects", "size"}, set(), "Supervisely's JSON: export it as COCO or as PASCAL VOC"),
    ({"samples"}, set(), "FiftyOne's own JSON: export it with dataset_type=fiftyone.types.COCODetectionDataset"),
    (
        set(),
        {"image_id", "category_id", "score"},
        "COCO results, which are predictions: give the annotations themselves",
    ),
    (set(), {"image_id", "category_id"}, "COCO annotations without images and categories: give the whole file"),
)
"""Keys of the whole, keys of its first entry, and what that is; the first that fits."""
