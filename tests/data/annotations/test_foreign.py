"""A format that is not read is named, with how to export one that is."""

from __future__ import annotations

import json

import pytest

from explain_gate.data.regression_set import open_set
from explain_gate.errors import DataError


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"_via_img_metadata": {}}, "VGG Image Annotator: export it as `Annotations as COCO JSON`"),
        ({"a.png123": {"filename": "a.png", "regions": []}}, "VGG Image Annotator"),
        ([{"id": 1, "data": {}, "annotations": []}], "Label Studio's own JSON: export it as COCO"),
        ([{"image": "a.png", "annotations": []}], "CreateML's JSON"),
        ({"objects": [], "size": {}}, "Supervisely's JSON"),
        ({"samples": []}, "FiftyOne's own JSON"),
        ([{"image_id": 1, "category_id": 1, "bbox": [], "score": 0.5}], "COCO results, which are predictions"),
        ({"a": 1}, "must be COCO JSON"),
    ],
)
def test_a_format_that_is_not_read_is_named_with_how_to_export(gate, tmp_path, images, content, told):
    """Its name, and what to click."""
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=told):
        open_set(gate("a.json"))
