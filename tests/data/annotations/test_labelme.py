"""labelme files: every kind of shape, and what a faulty one is told."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from drawings import SIDE, only_fixed
from PIL import Image

from explain_gate.data.regression_set import open_set
from explain_gate.errors import DataError


def labelme(tmp_path, *shapes, image="..\\images\\a.png", name="a.json", **more):
    path = tmp_path / "labelme" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        json.dumps({"version": "5.5.0", "flags": {}, "shapes": list(shapes), "imagePath": image, "imageData": None,
                    "imageHeight": SIDE[0], "imageWidth": SIDE[1], **more})
    )  # fmt: skip


def encoded(inside) -> str:
    stream = io.BytesIO()
    Image.fromarray(inside).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


@pytest.mark.parametrize(
    "shape",
    [
        {"shape_type": "polygon", "points": [[2, 3], [8, 3], [8, 7], [2, 7]]},
        {"points": [[2, 3], [8, 3], [8, 7], [2, 7]]},
        {"shape_type": "rectangle", "points": [[8, 7], [2, 3]]},
        {"shape_type": "mask", "points": [[2, 3], [7, 6]], "mask": encoded(np.ones((4, 6), dtype=bool))},
    ],
    ids=lambda shape: shape.get("shape_type", "old"),
)
def test_labelme_shapes(gate, tmp_path, images, shape):
    """Polygons, rectangles from any corner, masks; a line has no area, and a file without shapes no object."""
    line = {"label": "cat", "shape_type": "line", "points": [[0, 0], [5, 5]]}
    labelme(tmp_path, {"label": "cat", **shape}, line)
    labelme(tmp_path, image="../images/b.jpg", name="b.json")
    for source in ("labelme", "labelme/a.json"):
        data = open_set(gate(source))
        only_fixed(data, ("a.png", "cat"), classes=["cat"])
        assert "1 shapes dropped that have no area (line) (a.json shape 1)" in data.notes[0]
    assert "1 of 2 images have no object" in open_set(gate("labelme")).notes[-1]


def test_a_labelme_circle_is_round(gate, tmp_path, images):
    """Its area is that of a circle."""
    labelme(tmp_path, {"label": "cat", "shape_type": "circle", "points": [[10, 6], [15, 6]]})
    region = open_set(gate("labelme")).sample(0).region
    assert abs(int(region.sum()) - np.pi * 25) < 10
    assert region[6, 5:15].all()


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ({"shape_type": "cube", "points": [[1, 1]]}, "is a cube of 1 points; polygon, rectangle, circle and mask"),
        ({"shape_type": "mask", "points": [[2, 3], [7, 6]], "mask": "AAAA"}, "cannot identify"),
        ({"points": [[1, 2, 3]]}, "unpack"),
        ({"points": [[float("nan"), 1], [2, 2], [3, 1]]}, "finite"),
    ],
)
def test_a_faulty_labelme_file_is_named(gate, tmp_path, images, shape, told):
    """All faulty files at once."""
    labelme(tmp_path, {"label": "cat", **shape})
    with pytest.raises(DataError, match=rf"1 labelme files cannot be used:\n.*a\.json: .*{told}"):
        open_set(gate("labelme"))
