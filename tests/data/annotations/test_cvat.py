"""CVAT for images: every kind of shape, and what a faulty file is told."""

from __future__ import annotations

import numpy as np
import pytest
from drawings import FIXED, SIDE, regions

from explain_gate.data.regression_set import open_set
from explain_gate.errors import DataError


def cvat(tmp_path, body: str, labels=("cat", "dog")):
    named = "".join(f"<label><name>{name}</name></label>" for name in labels)
    (tmp_path / "cvat").mkdir(exist_ok=True)
    (tmp_path / "cvat" / "annotations.xml").write_text(
        f'<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version><meta><task><labels>{named}'
        f"</labels></task></meta>{body}</annotations>"
    )


def cvat_image(name: str, body: str, size=SIDE) -> str:
    return f'<image id="0" name="{name}" width="{size[1]}" height="{size[0]}">{body}</image>'


@pytest.mark.parametrize(
    "shape",
    [
        '<box label="dog" xtl="2.00" ytl="3.00" xbr="8.00" ybr="7.00" occluded="0"></box>',
        '<box label="dog" xtl="3" ytl="2" xbr="7" ybr="8" rotation="90.0"></box>',
        '<polygon label="dog" points="2.0,3.0;8.0,3.0;8.0,7.0;2.0,7.0"></polygon>',
        '<mask label="dog" rle="0, 24" left="2" top="3" width="6" height="4"></mask>',
        '<mask label="dog" rle="1, 6, 2, 6, 2, 6, 2, 6, 1" left="1" top="3" width="8" height="4"></mask>',
    ],
    ids=["box", "turned box", "polygon", "mask", "wider mask"],
)
@pytest.mark.parametrize("source", ["cvat", "cvat/annotations.xml"])
def test_cvat_shapes(gate, tmp_path, images, source, shape):
    """Boxes turned or not, polygons, masks; labels in the task's order; a tag is a class without a region."""
    body = cvat_image("a.png", shape) + cvat_image("b.jpg", '<tag label="cat"></tag>') + cvat_image("deep/c.png", "")
    cvat(tmp_path, body)
    data = open_set(gate(source))
    assert data.classes == {"cat": 0, "dog": 1}
    found = regions(data)
    assert np.array_equal(found["a.png", "dog"].numpy(), FIXED)
    assert found["b.jpg", "cat"] is None
    assert data.sample(1).region_reason == "no region is drawn on this image"
    assert "1 of 3 images have no object" in data.notes[-1]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('<track id="0" label="cat"></track>', "tracks of a video; export it as `CVAT for images 1.1`"),
        (cvat_image("a.png", '<polygon label="cat" points="1,2;3,4"></polygon>'), "three points or more"),
        (cvat_image("a.png", '<mask label="cat" rle="5" left="0" top="0" width="3" height="3"></mask>'), "add up to 9"),
        (cvat_image("a.png", '<mask label="cat" rle="0,9" left="19" top="0" width="3" height="3"/>'), "outside of"),
        (cvat_image("a.png", '<box label="cat" xtl="1"></box>'), "has no 'ytl'"),
        (cvat_image("a.png", '<blob label="cat"></blob>'), "has a blob; boxes, polygons"),
    ],
)  # fmt: skip
def test_faulty_cvat_is_named(gate, tmp_path, images, body, told):
    """The image, and what is wrong."""
    cvat(tmp_path, body, labels=("cat",))
    with pytest.raises(DataError, match=told):
        open_set(gate("cvat"))
