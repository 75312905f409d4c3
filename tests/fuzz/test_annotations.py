"""Mutations of good annotation files of every format end in samples or in one sentence, never in a traceback.

And nothing is dropped unseen: where an object less comes out than the good file has, a note says so.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from drawings import SIDE, coco, mask, picture
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mangling import BOUNDED, DONE, JSON, MANGLED, UNUSABLE, end_of, mangle, read_all

from explain_gate.data.annotations import formats as reading
from explain_gate.data.regression_set import open_set
from explain_gate.errors import ExplainGateError

LABELME = json.dumps(
    {
        "imagePath": "a.png", "imageHeight": SIDE[0], "imageWidth": SIDE[1], "flags": {},
        "shapes": [
            {"label": "cat", "shape_type": "polygon", "points": [[2, 3], [8, 3], [8, 7]]},
            {"label": "cat", "shape_type": "rectangle", "points": [[2, 3], [8, 7]]},
            {"label": "dog", "shape_type": "circle", "points": [[9, 6], [9, 9]]},
        ],
    }
)  # fmt: skip
CVAT = (
    '<?xml version="1.0"?><annotations><meta><task><labels><label><name>cat</name></label></labels></task></meta>'
    '<image id="0" name="a.png" width="20" height="12"><box label="cat" xtl="2" ytl="3" xbr="8" ybr="7"></box>'
    '<polygon label="cat" points="2,3;8,3;8,7"></polygon><ellipse label="cat" cx="5" cy="5" rx="2" ry="3"></ellipse>'
    '<mask label="cat" rle="0, 24" left="2" top="3" width="6" height="4"></mask></image></annotations>'
)
YOLO = "0 0.25 0.41 0.3 0.33\n1 0.1 0.25 0.4 0.25 0.4 0.58\n"
NAMES = "names: {0: cat, 1: dog}\npath: .\n"
TABLE = "image,class,xmin,ymin,xmax,ymax\na.png,cat,2,3,8,7\na.png,dog,1,1,5,5\n"
CLASSES = '{"cat": 1, "dog": [0, 0, 1]}'
FILES = {
    "labelme/a.json": ("labelme", LABELME),
    "cvat.xml": ("cvat.xml", CVAT),
    "labels/a.txt": ("data.yaml", YOLO),
    "data.yaml": ("data.yaml", NAMES),
    "boxes.csv": ("boxes.csv", TABLE),
    "masks/classes.json": ("masks", CLASSES),
    "masks/labelmap.txt": ("masks", "cat:1,1,1::\ndog:2,2,2::\n"),
}
GOOD = {"labels/a.txt": YOLO, "data.yaml": NAMES}
FEWER = settings(BOUNDED, max_examples=80, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("file", FILES)
@FEWER
@given(changes=MANGLED)
def test_mangled_text_of_every_format(gate, tmp_path, file, changes):
    """Cut and filled anywhere."""
    picture(tmp_path / "images" / "a.png")
    mask(tmp_path / "masks" / "a.png", (slice(2, 5), slice(3, 8)), value=1)
    source, text = FILES[file]
    for name, content in {**GOOD, file: text}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(mangle(content, changes) if name == file else content.encode())
    assert end_of(lambda: read_all(gate, tmp_path, source)) in {DONE, UNUSABLE}


@FEWER
@given(data=st.data())
def test_any_value_in_the_place_of_any_of_labelme(gate, tmp_path, data):
    """As for COCO."""
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "labelme").mkdir(exist_ok=True)
    whole = json.loads(LABELME)
    node, key = whole, data.draw(st.sampled_from(sorted(whole)))
    while isinstance(node[key], (dict, list)) and node[key] and data.draw(st.integers(0, 5)):
        node = node[key]
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
    node[key] = data.draw(JSON)
    (tmp_path / "labelme" / "a.json").write_text(json.dumps(whole))
    assert end_of(lambda: read_all(gate, tmp_path, "labelme")) in {DONE, UNUSABLE}


LEFTOVERS = st.sampled_from(
    [
        {"segmentation": []}, {"segmentation": [[]]}, {"segmentation": None}, {"segmentation": [[1, 2, 3, 4]]},
        {"bbox": [-1, -1, -1, -1]}, {"bbox": []}, {"bbox": None}, {"bbox": [0, 0, 0, 0]}, {"category_id": None},
        {"segmentation": [[], [2, 3, 8, 3, 8, 7]]}, {"segmentation": [[5, 5, 5, 5, 5, 5]]}, {"image_id": "1"},
        {"category_id": 0.0}, {"id": None}, {"iscrowd": None}, {"area": "x"}, {},
    ]
)  # fmt: skip


@FEWER
@given(changes=st.lists(st.tuples(LEFTOVERS, LEFTOVERS), min_size=1, max_size=5))
def test_no_object_of_coco_is_dropped_unseen(gate, tmp_path, changes):
    """As many shapes as annotations come out, less those that a note counts; a file with nothing left is refused."""
    picture(tmp_path / "images" / "a.png")
    box = {"image_id": 1, "category_id": 0, "bbox": [2, 3, 6, 4]}
    annotations = [{**box, **first, **second} for first, second in changes]
    (tmp_path / "a.json").write_text(coco(["a.png"], annotations, ("cat",)))
    try:
        data = open_set(gate("a.json"))
    except ExplainGateError as error:
        told = str(error)
    else:
        told = ""
    if told:
        assert "no annotated image" in told
        assert "dropped" in told
        return
    dropped = sum(
        int(note.split(": ")[1].split()[0]) for note in data.notes if "annotations" in note and "dropped" in note
    )
    assert sum(len(entry.shapes) for entry in data.entries) + dropped == len(annotations)
    region = data.sample(0).region.numpy()
    assert region.any()
    outside = np.ones(SIDE, dtype=bool)
    outside[3:8, 2:9] = False
    assert not (region & outside).any()


def test_every_reader_is_tried_here():
    """A format that is added is fuzzed."""
    tried = {"coco", "voc", "labelme", "cvat", "yolo", "table", "classmasks"}
    others = {"folders", "foreign", "pets", "masks"}  # without a text of their own, or lists that others check
    readers = {
        name for name in vars(reading) if getattr(vars(reading)[name], "__name__", "").endswith(f"annotations.{name}")
    }
    assert readers == tried | others
