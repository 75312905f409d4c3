"""PASCAL VOC: a year, a folder or a list; what LabelImg leaves; what a faulty file is told."""

from __future__ import annotations

import pytest
from drawings import SIDE, picture

from explain_gate.data.regression_set import open_set, part_of
from explain_gate.errors import DataError

BOX = "<bndbox><xmin>3</xmin><ymin>4</ymin><xmax>8</xmax><ymax>7</ymax></bndbox>"
OBJECT = "<object><name>{name}</name>" + BOX + "{more}</object>"
HEAD = "<part><name>head</name><bndbox><xmin>3</xmin><ymin>4</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></part>"


def voc(file_name: str, *objects: str, size=SIDE) -> str:
    frame = f"<size><width>{size[1]}</width><height>{size[0]}</height><depth>3</depth></size>"
    return f"<annotation><filename>{file_name}</filename>{frame}{''.join(objects)}</annotation>"


@pytest.fixture
def devkit(tmp_path):
    """VOCdevkit/VOC2012 with two photographs."""
    root = tmp_path / "VOCdevkit" / "VOC2012"
    for folder in ("Annotations", "ImageSets/Main"):
        (root / folder).mkdir(parents=True)
    for name, label in (("one", "cat"), ("two", "dog")):
        picture(root / "JPEGImages" / f"{name}.jpg")
        text = voc(f"{name}.jpg", OBJECT.format(name=label, more=HEAD))
        (root / "Annotations" / f"{name}.xml").write_text(text)
    (root / "ImageSets" / "Main" / "val.txt").write_text("two\n")
    (root / "ImageSets" / "Main" / "cat_val.txt").write_text("one  1\ntwo -1\n")
    return root


@pytest.mark.parametrize(
    ("source", "images"),
    [
        ("", ["one.jpg", "two.jpg"]),
        ("Annotations", ["one.jpg", "two.jpg"]),
        ("ImageSets/Main/val.txt", ["two.jpg"]),
        ("ImageSets/Main/cat_val.txt", ["one.jpg"]),
    ],
)
def test_voc_detection_as_a_year_a_folder_or_a_list(gate, devkit, source, images):
    """The year's folder, its annotations, or one of its lists."""
    data = open_set(gate(str(devkit / source), images=str(devkit / "JPEGImages")))
    assert [entry.image for entry in data.entries] == images
    region = data.sample(0).region
    assert region[3:7, 2:8].all()
    assert int(region.sum()) == 24
    assert int(part_of(data.sample(0), "head").region.sum()) == 6


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no element"),
        ("<a>", "no element|mismatched|closed"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "must not declare"),
        (voc("one.jpg", "<object><name>cat</name></object>"), "has no bndbox"),
        (voc("one.jpg", OBJECT.format(name="cat", more="").replace(">8<", ">nan<")), "finite"),
        (voc("one.jpg", OBJECT.format(name="cat", more="").replace(">8<", ">1<")), "area"),
        (voc("one.jpg", OBJECT.format(name="cat", more=""), size=("x", "y")), "invalid literal"),
        ("<annotation></annotation>", "has no filename"),
    ],
)
def test_a_faulty_voc_file_is_named_with_its_fault(gate, devkit, text, told):
    """What is not VOC XML is listed by file."""
    (devkit / "Annotations" / "one.xml").write_text(text)
    with pytest.raises(DataError, match=f"1 files are not PASCAL VOC XML:\n.*one.xml: .*({told})"):
        open_set(gate(str(devkit), images=str(devkit / "JPEGImages")))


def test_what_labelimg_leaves_is_dropped_and_told(gate, devkit):
    """A box without an area, a size of 0 x 0, a file without objects, a name without its ending."""
    empty = OBJECT.format(name="cat", more="").replace(">8<", ">2<")
    text = voc("one", OBJECT.format(name="cat", more=""), empty, size=(0, 0))
    (devkit / "Annotations" / "one.xml").write_text(text)
    (devkit / "Annotations" / "two.xml").write_text(voc("two.jpg"))
    data = open_set(gate(str(devkit), images=str(devkit / "JPEGImages")))
    assert [entry.image for entry in data.entries] == ["one.jpg"]
    assert int(data.sample(0).region.sum()) == 24
    told = " ".join(data.notes)
    assert "1 boxes without an area dropped (one.xml object 2)" in told
    assert "1 file names found in another way than they are written (one -> one.jpg)" in told
    assert "1 of 2 images have no object and are not measured" in told


def test_a_list_that_names_a_missing_file_is_refused(gate, devkit):
    """A list and its folder belong together."""
    (devkit / "ImageSets" / "Main" / "val.txt").write_text("two\nthree\n../../secret\n")
    with pytest.raises(DataError, match=r"three\.xml(.|\n)*secret\.xml"):
        open_set(gate(str(devkit / "ImageSets/Main/val.txt"), images=str(devkit / "JPEGImages")))
