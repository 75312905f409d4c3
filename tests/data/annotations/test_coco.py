"""COCO JSON: what it may hold, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from drawings import SIDE, coco, only_fixed, picture
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
        ({"image_id": [1]}, "an id must be a number or text"),
        ({"bbox": [1, 2, float("nan"), 4]}, "must be finite"),
        ({"bbox": [1, 2, 10**400, 4]}, "too large"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "odd number of coordinates"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6], {"size": [12, 20], "counts": [240]}]}, "mixes run lengths and polygons"),
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
        '{"images": [{"id": 1, "file_name": "a"}, {"id": 1.0, "file_name": "b"}], "annotations": [], "categories": []}',
        '{"images": [], "annotations": [], "categories": [{"name": "cat"}]}',
        '{"images": [], "annotations": [{"category_id": 1}], "categories": [{"id": 1, "name": null}]}',
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


GOOD = [2, 3, 8, 3, 8, 7, 2, 7]


@pytest.mark.parametrize(
    ("annotation", "told"),
    [
        ({"segmentation": [[], GOOD]}, "1 polygons dropped"),
        ({"segmentation": [[5, 5], GOOD, None]}, "2 polygons dropped"),
        ({"segmentation": [[4, 4, 4, 4, 4, 4], GOOD]}, "1 polygons dropped"),
        ({"segmentation": [[]]}, "1 annotations without a whole polygon, taken by their bbox"),
        ({"segmentation": [[2, 3, 8, 7]]}, "1 annotations without a whole polygon, taken by their bbox"),
        ({"segmentation": []}, None),
        ({"segmentation": None}, None),
        ({"segmentation": GOOD}, None),
        ({"segmentation": [[2, 3], [8, 3], [8, 7], [2, 7]]}, None),
        ({"segmentation": [[[2, 3], [8, 3], [8, 7], [2, 7]]]}, None),
        ({"segmentation": [GOOD], "bbox": [-1, -1, -1, -1]}, None),
        ({"segmentation": [{"size": list(SIDE), "counts": _plain_counts(expected())}]}, None),
        ({"bbox": ["2", "3", "6", 4.0]}, None),
    ],
)
def test_what_exporters_leave_is_dropped_and_told(gate, tmp_path, annotation, told):
    """The region is the good shape's, or the box's; each kind of leftover is one sentence."""
    assert (region_of(gate, tmp_path, annotation) == expected()).all()
    notes = " ".join(open_set(gate("a.json")).notes)
    assert (told or "") in notes
    assert bool(notes) == (told is not None)


@pytest.mark.parametrize(
    ("leftover", "told"),
    [
        ({"bbox": [-1, -1, -1, -1]}, "1 annotations dropped whose bbox has no area (1)"),
        ({"bbox": [1, 2, 0, 4]}, "1 annotations dropped whose bbox has no area (1)"),
        ({"bbox": []}, "1 annotations dropped that have neither a segmentation nor a bbox (1)"),
        ({"bbox": None}, "1 annotations dropped that have neither a segmentation nor a bbox (1)"),
        ({"category_id": None}, "1 annotations without a category dropped (1)"),
    ],
)
def test_an_annotation_of_nothing_is_dropped_and_its_image_told(gate, tmp_path, leftover, told):
    """The other image stays; the one on which nothing is left is listed as such."""
    for name in ("a.png", "b.png"):
        picture(tmp_path / "images" / name)
    (tmp_path / "a.json").write_text(coco(["a.png", "b.png"], [BOX, {**BOX, "image_id": 2, **leftover}], ("cat",)))
    data = open_set(gate("a.json"))
    assert [entry.image for entry in data.entries] == ["a.png"]
    assert told in data.notes[0]
    assert "1 of 2 images have no object and are not measured" in data.notes[1]
    assert "(b.png)" in data.notes[1]


def test_a_file_in_which_nothing_is_left_says_what_was_dropped(gate, tmp_path):
    """A gate over nothing would always pass."""
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "a.json").write_text(coco(["a.png"], [{**BOX, "bbox": [0, 0, 0, 0]}], ("cat",)))
    with pytest.raises(DataError, match=r"no annotated image(.|\n)*whose bbox has no area \(0\)"):
        open_set(gate("a.json"))


@pytest.mark.parametrize(("listed", "named"), [("7", 7), (7, 7.0), (7.0, "7"), ("cat-a", "cat-a")])
def test_ids_of_any_kind_are_compared(gate, tmp_path, listed, named):
    """Text, whole and broken numbers mean the same id where they are the same number."""
    picture(tmp_path / "images" / "a.png")
    whole = {
        "images": [{"id": listed, "file_name": "a.png", "width": 20.0, "height": 12, "license": None}],
        "annotations": [{**BOX, "id": None, "image_id": named, "category_id": named}],
        "categories": [{"id": listed, "name": "cat"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(whole))
    data = open_set(gate("a.json"))
    assert (data.sample(0).region.numpy() == expected()).all()
    assert data.notes == ()


def test_a_supercategory_that_nothing_uses_takes_no_logit(gate, tmp_path):
    """Roboflow writes one category 0 that only stands for the others; another unused class is still asked about."""
    picture(tmp_path / "images" / "a.png")
    whole = json.loads(coco(["a.png"], [{**BOX, "category_id": 1}, {**BOX, "category_id": 2}], ("pets", "cat", "dog")))
    for category, above in zip(whole["categories"], ("none", "pets", "pets"), strict=True):
        category["supercategory"] = above
    (tmp_path / "a.json").write_text(json.dumps(whole))
    data = open_set(gate("a.json"))
    assert data.classes == {"cat": 0, "dog": 1}
    assert "only the supercategory of the others (pets)" in data.notes[0]
    whole["categories"][0]["supercategory"] = "pets"
    whole["categories"][1]["supercategory"] = "other"
    (tmp_path / "a.json").write_text(json.dumps(whole))
    with pytest.raises(DataError, match="classes without an annotated image: pets"):
        open_set(gate("a.json"))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_text_in_other_encodings_is_read(gate, tmp_path, encoding):
    """A mark says which one it is; without one what is not UTF-8 is read as Windows-1252, and that is told."""
    picture(tmp_path / "images" / "café.png")
    text = coco(["café.png"], [BOX], ("cat",)).encode().decode("unicode_escape")
    (tmp_path / "a.json").write_bytes(text.encode(encoding))
    data = open_set(gate("a.json"))
    assert [entry.image for entry in data.entries] == ["café.png"]
    assert ["read as Windows-1252" in note for note in data.notes] == ([True] if encoding == "cp1252" else [])


def test_a_shape_beyond_the_picture_is_refused_or_told(gate, tmp_path):
    """Mostly outside: an error with both; a part of it: cut at the edge, with the file and by how much."""
    with pytest.raises(DataError, match=r"from 25, 3, 31, 7 .* lies outside of the picture, which is 20 x 12"):
        region_of(gate, tmp_path, {"bbox": [25, 3, 6, 4]}, width=20, height=12)
    region = region_of(gate, tmp_path, {"bbox": [14, 3, 10, 4]}, width=20, height=12)
    assert (region == expected(columns=slice(14, 20))).all()
    told = "a.json: 1 shapes reach beyond their picture and are cut at its edge (a.png by 4)"
    assert open_set(gate("a.json")).notes == (told,)


def test_a_folder_of_one_coco_file_is_that_file(gate, tmp_path, images):
    """CVAT and FiftyOne export a folder; of two files one has to be named."""
    (tmp_path / "annotations").mkdir()
    whole = {"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 1, "name": "cat"}],
             "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 3, 6, 4]}]}  # fmt: skip
    (tmp_path / "annotations" / "instances_default.json").write_text(json.dumps(whole))
    only_fixed(open_set(gate("annotations")), ("a.png", "cat"), classes=["cat"])
    (tmp_path / "annotations" / "instances_val.json").write_text(json.dumps(whole))
    with pytest.raises(DataError, match=r"holds 2 JSON files .*name one of them"):
        open_set(gate("annotations"))


def test_coco_detection_is_a_folder_and_a_file(gate, tmp_path):
    """CocoDetection of torchvision takes the same two paths."""
    picture(tmp_path / "val2017" / "000000000139.jpg")
    file = tmp_path / "annotations" / "instances_val2017.json"
    file.parent.mkdir()
    box = {"image_id": 1, "category_id": 0, "bbox": [2, 3, 6, 4], "iscrowd": 0, "area": 24.0}
    file.write_text(coco(["000000000139.jpg"], [box], ("person",), height=SIDE[0], width=SIDE[1]))
    assert len(open_set(gate("annotations/instances_val2017.json", images="val2017"))) == 1
