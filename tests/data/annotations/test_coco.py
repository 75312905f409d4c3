"""COCO JSON: what it may hold, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from drawings import SIDE, coco, picture
from pycocotools import mask as run_lengths

from explain_gate.data.annotations import coco as reader
from explain_gate.data.regression_set import open_set
from explain_gate.errors import DataError

BOX = {"image_id": 1, "category_id": 0, "bbox": [2, 3, 6, 4]}


def region_of(gate, tmp_path, annotation: dict, **image):
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "a.json").write_text(coco(["a.png"], [{**BOX, **annotation}], ("cat",), **image))
    return open_set(gate("a.json")).sample(0).region.numpy()


def expected(rows=slice(3, 7), columns=slice(2, 8)):
    inside = np.zeros(SIDE, dtype=bool)
    inside[rows, columns] = True
    return inside


def test_a_box_covers_its_pixels(gate, tmp_path):
    """A box is x, y, width, height."""
    assert (region_of(gate, tmp_path, {}) == expected()).all()


def test_polygons_are_united(gate, tmp_path):
    """Two polygons of one annotation are one region."""
    first = [2, 3, 8, 3, 8, 7, 2, 7]
    second = [12, 3, 14, 3, 14, 7, 12, 7]
    found = region_of(gate, tmp_path, {"segmentation": [first, second]})
    assert (found == (expected() | expected(columns=slice(12, 14)))).all()


@pytest.mark.parametrize("compressed", [False, True])
def test_run_lengths_are_read_in_both_forms(gate, tmp_path, compressed):
    """Run lengths give the very mask they were made from."""
    encoded = run_lengths.encode(np.asfortranarray(expected().astype(np.uint8)))
    counts = encoded["counts"].decode() if compressed else _plain_counts(expected())
    found = region_of(gate, tmp_path, {"segmentation": {"size": list(SIDE), "counts": counts}})
    assert (found == expected()).all()


def _plain_counts(inside):
    flat = inside.T.flatten()
    edges = np.flatnonzero(np.diff(flat.astype(int))) + 1
    return np.diff([0, *edges, flat.size]).tolist()


@pytest.mark.parametrize(
    ("segmentation", "told"),
    [
        ({"size": [5, 5], "counts": [25]}, "must be of size"),
        ({"counts": [240]}, "must be of size"),
        ({"size": list(SIDE), "counts": [100]}, "must add up to 240"),
        ({"size": list(SIDE), "counts": "o" * 5000}, "run lengths must"),
        ({"size": list(SIDE), "counts": "0é"}, "run lengths must"),
        ({"size": list(SIDE), "counts": ""}, "must add up to 240"),
    ],
)
def test_run_lengths_that_do_not_fit_are_refused(gate, tmp_path, segmentation, told):
    """Run lengths of another size, or that run over, are named with their image."""
    with pytest.raises(DataError, match=told):
        region_of(gate, tmp_path, {"segmentation": segmentation})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"image_id": 9}, "belongs to image 9"),
        ({"category_id": 9}, "has category 9"),
        ({"image_id": [1]}, "unhashable"),
        ({"bbox": [1, 2, 0, 4]}, "must have an area"),
        ({"bbox": [1, 2, float("nan"), 4]}, "must be finite"),
        ({"bbox": [1, 2, 10**400, 4]}, "too large"),
        ({"bbox": None}, "neither a segmentation nor a bbox"),
        ({"segmentation": [[1, 2, 3, 4]]}, "fewer than three points"),
        ({"segmentation": ["123456"]}, "must be a list of numbers"),
        ({"segmentation": [[1, 2, 3, 4, 5, float("inf")]]}, "must be finite"),
        ({"segmentation": {"counts": [1, -1]}}, "counts"),
    ],
)
def test_a_faulty_annotation_is_named(tmp_path, change, told):
    """The message holds the annotation's number and what is wrong with it."""
    path = tmp_path / "a.json"
    path.write_text(coco(["a.png"], [BOX, {**BOX, **change}], ("cat",)))
    with pytest.raises(DataError, match=f"annotation 1.*{told}"):
        reader.read(path)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "null", "{", '{"images": 3, "annotations": [], "categories": []}',
        '{"images": [3], "annotations": [], "categories": []}',
        '{"images": [], "annotations": [7], "categories": []}',
        '{"images": [{"id": 1}, {"id": 1}], "annotations": [], "categories": []}',
        '{"images": [], "annotations": [], "categories": [{"id": 1}]}',
        "[" * 100_000,
        "\xff",
    ],
)  # fmt: skip
def test_what_is_not_coco_is_one_error(tmp_path, text):
    """Any other JSON, or no JSON, is a DataError that names the file."""
    path = tmp_path / "a.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=r"a\.json"):
        reader.read(path)


def test_annotators_parts_and_ignored_pixels_are_told_apart(gate, tmp_path):
    """Each annotator and part has its region; ignored pixels are in none of them."""
    picture(tmp_path / "images" / "a.png")
    annotations = [
        {**BOX, "annotator": "ann"},
        {**BOX, "bbox": [2, 3, 8, 4], "annotator": "bob", "part": "head"},
        {**BOX, "bbox": [2, 3, 1, 4], "ignore": True},
    ]
    (tmp_path / "a.json").write_text(coco(["a.png"], annotations))
    data = open_set(gate("a.json", classes=["cat"]))
    sample = data.sample(0)
    assert [entry.class_name for entry in data.entries] == ["cat"]
    assert (sample.region.numpy() == expected(columns=slice(3, 10))).all()
    assert [int(one.sum()) for one in sample.annotators] == [20, 28]
    assert (sample.parts["head"].numpy() == expected(columns=slice(3, 10))).all()
    assert int(sample.ignored.sum()) == 4


def test_a_region_marked_iscrowd_is_still_a_region(gate, tmp_path):
    """Run-length regions carry iscrowd 1 in many data sets; they count like any other."""
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "a.json").write_text(coco(["a.png"], [{**BOX, "iscrowd": 1}]))
    sample = open_set(gate("a.json", classes=["cat"])).sample(0)
    assert int(sample.region.sum()) == 24


def test_several_classes_on_one_image_are_several_samples(gate, tmp_path):
    """Each sample asks for its own class and accepts all that are annotated; regions of one class are united."""
    picture(tmp_path / "images" / "a.png")
    picture(tmp_path / "images" / "b.png")
    annotations = [
        BOX,
        {**BOX, "bbox": [10, 3, 2, 4]},
        {**BOX, "category_id": 1, "bbox": [0, 0, 3, 3]},
        {**BOX, "image_id": 2},
    ]
    (tmp_path / "a.json").write_text(coco(["a.png", "b.png"], annotations))
    data = open_set(gate("a.json"))
    assert [(entry.image, entry.label, entry.accepted) for entry in data.entries] == [
        ("a.png#cat", 0, (0, 1)),
        ("a.png#dog", 1, (0, 1)),
        ("b.png", 0, (0,)),
    ]
    assert int(data.sample(0).region.sum()) == 24 + 8


def test_entries_of_one_file_under_two_ids_are_united(gate, tmp_path):
    """An image that is listed twice is one sample with both regions."""
    picture(tmp_path / "images" / "a.png")
    annotations = [BOX, {**BOX, "image_id": 2, "bbox": [10, 3, 2, 4]}]
    (tmp_path / "a.json").write_text(coco(["a.png", "a.png"], annotations, ("cat",)))
    data = open_set(gate("a.json"))
    assert len(data) == 1
    assert int(data.sample(0).region.sum()) == 32


def test_the_size_that_is_stated_must_be_the_files(gate, tmp_path):
    """An annotation of a resized copy is refused with both sizes."""
    with pytest.raises(DataError, match="annotated as 40 x 24, but the file is 20 x 12"):
        region_of(gate, tmp_path, {}, height=24, width=40)


def test_too_many_shapes_on_one_image_are_refused(gate, tmp_path):
    """50,000 annotations of one image would take minutes and mean nothing."""
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "a.json").write_text(coco(["a.png"], [BOX] * 50_000, ("cat",)))
    with pytest.raises(DataError, match="has 50000 annotated shapes, at most 1000"):
        open_set(gate("a.json"))


def test_an_annotation_file_without_annotations_is_refused(gate, tmp_path):
    """Nothing annotated means nothing measured, which must not pass."""
    (tmp_path / "a.json").write_text(json.dumps({"images": [], "annotations": [], "categories": []}))
    with pytest.raises(DataError, match="no annotated image"):
        open_set(gate("a.json"))
