"""A table of images and classes, with boxes or masks or neither."""

from __future__ import annotations

import pytest
from drawings import COLUMNS, ROWS, mask, only_fixed, picture

from explain_gate.data.annotations.read import read_entries
from explain_gate.data.regression_set import open_set, part_of
from explain_gate.errors import DataError


@pytest.mark.parametrize(
    "text",
    [
        "image,class,xmin,ymin,xmax,ymax\na.png,cat,2,3,8,7\n",
        "filename,width,height,class,xmin,ymin,xmax,ymax\na.png,20,12,cat,2,3,8,7\n",
        "path;label;x;y;w;h\n/home/me/images/a.png;cat;2;3;6;4\n",
        "\ufeffImage\tLabel\tx1\ty1\tx2\ty2\na.png\tcat\t2\t3\t8\t7\n",
        "image,class,mask\na.png,cat,masks/one.png\n",
    ],
)
def test_a_table_of_boxes_or_masks(gate, tmp_path, images, text):
    """Commas, semicolons, tabs; corners or sides; the names that tools give to columns."""
    mask(tmp_path / "masks" / "one.png", (ROWS, COLUMNS))
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    only_fixed(open_set(gate("labels.csv")), ("a.png", "cat"), classes=["cat"])


def test_a_table_of_classes_alone(gate, tmp_path, images):
    """Classes that are numbers come in their order; no class is an image without an object; nothing has a region."""
    (tmp_path / "labels.csv").write_text("image,label\na.png,10\nb.jpg,2\ndeep/c.png,\n")
    data = open_set(gate("labels.csv"))
    assert data.classes == {"2": 0, "10": 1}
    assert [data.sample(row).region for row in range(2)] == [None, None]
    assert "1 of 3 images have no object" in data.notes[-1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a.png,cat\n", "must have a column image or file_name or filename and a column class or label"),
        ("image,value\na.png,3.5\n", "for a model of the values in value write model.task: {name: regression"),
        ("image,class,xmin,ymin,xmax,ymax\na.png,cat,0.1,0.1,0.5,0.5\n", "look like shares of the picture"),
        ("image,class,xmin,ymin,xmax,ymax\na.png,cat,1,,5,5\n", "a box needs xmin, ymin, xmax, ymax"),
        ("image,class,xmin,ymin,xmax,ymax\na.png,cat,8,3,2,7\n", "must have an area"),
        ("image,class,mask\na.png,cat,../a.png\n", "line 2: no mask"),
        ("image,class\n,cat\n", "line 2: image must not be empty"),
        ("", "got nothing"),
    ],
)
def test_a_faulty_table_is_refused(gate, tmp_path, images, text, told):
    """The line, what it holds and what to write."""
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=told):
        open_set(gate("labels.csv"))


def test_a_table_of_masks_with_annotators_and_parts(gate, tmp_path):
    """labels.csv may tell annotators and parts apart; a part takes the place of the region."""
    picture(tmp_path / "images" / "a.png")
    mask(tmp_path / "masks" / "one.png", (slice(2, 6), slice(3, 8)))
    mask(tmp_path / "masks" / "two.png", (slice(3, 6), slice(3, 8)))
    (tmp_path / "masks" / "labels.csv").write_text(
        "image,class,mask,annotator,part\na.png,cat,one.png,ann,\na.png,cat,two.png,bob,head\n"
    )
    sample = open_set(gate("masks")).sample(0)
    assert int(sample.region.sum()) == 20
    assert [int(one.sum()) for one in sample.annotators] == [20, 15]
    assert int(part_of(sample, "head").region.sum()) == 15
    assert part_of(sample, "tail").region_reason == "no region is annotated as tail"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("image\na.png\n", "must have the columns"),
        ("image,class,mask\n,cat,m.png\n", "line 2: image and class must not be empty"),
        ("image,class,mask\na.png,cat,../secret.png\n", "line 2: no mask"),
        ("image,class,mask\na.png,cat," + "x" * 5000 + "\n", "line 2: no mask"),
        ("image,class\n", "no annotated image"),
        ("", "must have the columns"),
        ('image,class\n"' + "x" * 200_000 + '",cat\n', "not a readable CSV"),
    ],
)
def test_a_faulty_table_names_its_line(gate, tmp_path, table, told):
    """labels.csv is refused with the line."""
    mask(tmp_path / "secret.png", (slice(2, 6), slice(3, 8)))
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "labels.csv").write_text(table)
    with pytest.raises(DataError, match=told):
        read_entries(gate("masks"))
