"""YOLO label files: boxes, polygons, and what a faulty line is told."""

from __future__ import annotations

import numpy as np
import pytest
from drawings import SHARES, SIDE, only_fixed
from PIL import Image

from explain_gate.data.regression_set import open_set
from explain_gate.errors import DataError


def yolo(tmp_path, lines: dict[str, str], names="names: [cat, dog]"):
    for name, text in lines.items():
        path = tmp_path / "labels" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "data.yaml").write_text(f"train: images\nval: images\n{names}\n")


@pytest.mark.parametrize("source", ["data.yaml", "labels", "."])
@pytest.mark.parametrize("names", ["names: [cat, dog]", "names: {0: cat, 1: dog}"])
def test_yolo_boxes_and_polygons(gate, tmp_path, images, source, names):
    """Shares of the picture become its pixels; an empty file and none at all are images without objects."""
    polygon = "1 0.1 0.25 0.4 0.25 0.4 0.583333 0.1 0.583333"
    yolo(tmp_path, {"a.txt": f"0 {SHARES}\n", "b.txt": "", "deep/c.txt": polygon}, names)
    (tmp_path / "labels" / "classes.txt").write_text("cat\ndog\n") if source == "labels" else None
    data = open_set(gate(source))
    only_fixed(data, ("a.png", "cat"), ("deep/c.png", "dog"), classes=["cat", "dog"])
    assert "1 of 3 images have no object" in data.notes[-1]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_yolo_shares_are_of_the_upright_picture(gate, tmp_path, orientation):
    """As every tool shows it, whichever way the camera was held."""
    pixels = np.zeros((*SIDE, 3), dtype=np.uint8)
    pixels[2:6, 3:11] = 255
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = orientation
    (tmp_path / "images").mkdir()
    image.save(tmp_path / "images" / "a.png", exif=exif)
    yolo(tmp_path, {"a.txt": "0 0.5 0.5 1 1"}, "names: [cat]")
    white = (open_set(gate("data.yaml")).sample(0).pixels[0] > 0.5).numpy()
    (ys, xs), (height, width) = np.nonzero(white), white.shape
    left, right, top, bottom = xs.min() / width, (xs.max() + 1) / width, ys.min() / height, (ys.max() + 1) / height
    line = f"0 {(left + right) / 2} {(top + bottom) / 2} {right - left} {bottom - top}"
    yolo(tmp_path, {"a.txt": line}, "names: [cat]")
    assert np.array_equal(open_set(gate("data.yaml")).sample(0).region.numpy(), white)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"0 {SHARES} 0.9", "6 numbers, which are predictions"),
        ("0 10 20 30 40", "must be shares from 0 to 1, got 10 to 40"),
        (f"7 {SHARES}", "has class 7, and names go from 0 to 1"),
        (f"0.5 {SHARES}", "has class 0.5"),
        (f"1e999 {SHARES}", "has class 1e999"),
        (f"nan {SHARES}", "has class nan"),
        ("0 0.1 0.2 0.3 0.4 0.5 0.6 0.7", "8 numbers; a box has 5"),
        (f"cat {SHARES}", "must be numbers"),
        ("0 nan 0.1 0.1 0.1", "must be shares"),
    ],
)
def test_a_faulty_yolo_line_is_named(gate, tmp_path, images, line, told):
    """File, line, what came and what is read."""
    yolo(tmp_path, {"a.txt": f"1 {SHARES}\n{line}\n"})
    with pytest.raises(DataError, match=rf"a\.txt: line 2: .*{told}"):
        open_set(gate("data.yaml"))


def test_yolo_without_what_it_needs_says_so(gate, tmp_path, images):
    """Names, images, key points, and boxes without an area."""
    yolo(
        tmp_path,
        {"a.txt": f"0 {SHARES}\n1 0.5 0.5 0 0.1\n", "gone.txt": f"0 {SHARES}"},
        "names: [cat]\nkpt_shape: [4, 2]",
    )
    with pytest.raises(DataError, match="kpt_shape, so its labels are key points"):
        open_set(gate("data.yaml"))
    (tmp_path / "data.yaml").write_text("names: [cat, dog]")
    with pytest.raises(DataError, match=r"gone\.txt: no image of that name"):
        open_set(gate("data.yaml"))
    (tmp_path / "labels" / "gone.txt").unlink()
    assert "1 boxes without an area dropped (a.txt line 2)" in open_set(gate("data.yaml", classes={"cat": 0})).notes[0]
    (tmp_path / "data.yaml").unlink()
    with pytest.raises(DataError, match=r"hold class numbers; a data\.yaml with names"):
        open_set(gate("labels"))
