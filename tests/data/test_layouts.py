"""PASCAL VOC, and the folders that torchvision's data sets lie in."""

from __future__ import annotations

import numpy as np
import pytest
from drawings import SIDE, coco, picture
from PIL import Image

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


@pytest.fixture
def pets(tmp_path):
    """oxford-iiit-pet with three photographs; trimap 1 is the animal, 2 the background, 3 the border."""
    root = tmp_path / "oxford-iiit-pet"
    (root / "annotations" / "trimaps").mkdir(parents=True)
    trimap = np.full(SIDE, 2, dtype=np.uint8)
    trimap[2:8, 3:12] = 3
    trimap[3:7, 4:11] = 1
    names = ["Maine_Coon_1", "Abyssinian_2", "Maine_Coon_10"]
    for name in names:
        picture(root / "images" / f"{name}.jpg")
        Image.fromarray(trimap).save(root / "annotations" / "trimaps" / f"{name}.png")
    numbers = {"Maine_Coon": 2, "Abyssinian": 1}
    lines = [f"{name} {numbers[name.rpartition('_')[0]]} 1 1" for name in names]
    (root / "annotations" / "list.txt").write_text("# Image CLASS-ID SPECIES BREED ID\n" + "\n".join(lines) + "\n")
    (root / "annotations" / "test.txt").write_text("\n".join(lines[:2]) + "\n")
    return root


def test_oxford_pets_ignores_the_border(gate, pets):
    """The animal is the region and the trimap's border counts neither way; classes come in the order of their ids."""
    data = open_set(gate(str(pets / "annotations"), images=str(pets / "images")))
    assert data.classes == {"Abyssinian": 0, "Maine_Coon": 1}
    assert [entry.label for entry in data.entries] == [0, 1, 1]
    sample = data.sample(0)
    assert int(sample.region.sum()) == 28
    assert int(sample.ignored.sum()) == 54 - 28
    assert len(open_set(gate(str(pets / "annotations/test.txt"), images=str(pets / "images")))) == 2


def test_a_faulty_list_of_pets_names_its_lines(gate, pets):
    """Lines without a class, paths and missing trimaps."""
    (pets / "annotations" / "test.txt").write_text("Abyssinian_2\n../x_1 1 1 1\nMaine_Coon_99 2 1 1\n")
    with pytest.raises(DataError, match=r"3 faulty lines:\nline 1: (.|\n)*line 2: (.|\n)*line 3: no trimap"):
        open_set(gate(str(pets / "annotations/test.txt"), images=str(pets / "images")))


def test_coco_detection_is_a_folder_and_a_file(gate, tmp_path):
    """CocoDetection of torchvision takes the same two paths."""
    picture(tmp_path / "val2017" / "000000000139.jpg")
    file = tmp_path / "annotations" / "instances_val2017.json"
    file.parent.mkdir()
    box = {"image_id": 1, "category_id": 0, "bbox": [2, 3, 6, 4], "iscrowd": 0, "area": 24.0}
    file.write_text(coco(["000000000139.jpg"], [box], ("person",), height=SIDE[0], width=SIDE[1]))
    assert len(open_set(gate("annotations/instances_val2017.json", images="val2017"))) == 1
