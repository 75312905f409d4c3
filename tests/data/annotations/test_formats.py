"""Every format is recognised by what lies there, and what is of none is told what is possible."""

from __future__ import annotations

import json

import pytest
from drawings import picture

from explain_gate.data.annotations.read import read_entries
from explain_gate.errors import DataError


def test_a_missing_or_foreign_source_says_what_is_possible(gate, tmp_path):
    """A path that is nothing, and a file that is nothing we read."""
    with pytest.raises(DataError, match="does not exist"):
        read_entries(gate("gone.json"))
    (tmp_path / "a.bin").write_bytes(b"x")
    with pytest.raises(DataError, match="must be a COCO"):
        read_entries(gate("a.bin"))


def test_one_file_of_a_folder_format_says_to_name_the_folder(gate, tmp_path, images):
    """PASCAL VOC has a file an image; several JSON files are not one COCO file."""
    (tmp_path / "one.xml").write_text("<annotation><filename>a.png</filename></annotation>")
    with pytest.raises(DataError, match="one file of PASCAL VOC is one image; name the folder"):
        read_entries(gate("one.xml"))
    folder = tmp_path / "several"
    folder.mkdir()
    for name in ("train.json", "val.json"):
        (folder / name).write_text('{"images": [], "annotations": [], "categories": []}')
    with pytest.raises(DataError, match=r"holds 2 JSON files \(train\.json, val\.json\); name one of them"):
        read_entries(gate("several"))


def test_a_json_file_of_another_tool_is_called_by_its_name(gate, tmp_path, images):
    """Not "no COCO file": who exported it knows what to change."""
    (tmp_path / "via.json").write_text('{"_via_settings": {}, "_via_img_metadata": {}}')
    with pytest.raises(DataError, match=r"via\.json: is .*VIA|via\.json: is .*VGG"):
        read_entries(gate("via.json"))


def test_labelme_files_beside_their_pictures_are_no_masks(gate, tmp_path, images):
    """A folder of x.json and x.png is labelme's; one whose PNG files have no JSON is a folder of masks."""
    box = {"label": "cat", "shape_type": "rectangle", "points": [[2, 3], [8, 7]]}
    for name in ("a", "b"):
        picture(tmp_path / "both" / f"{name}.png")
        text = {"version": "5", "flags": {}, "shapes": [box], "imagePath": f"{name}.png", "imageData": None}
        text |= {"imageHeight": 12, "imageWidth": 20}
        (tmp_path / "both" / f"{name}.json").write_text(json.dumps(text))
    config = gate("both", images="both")
    assert [entry.image for entry in read_entries(config).entries] == ["a.png", "b.png"]
