"""What labelling tools are handed is COCO as they read it, and a CSV of the reasons."""

import csv
import io
import json

import numpy as np
import pytest
from label_projects import COPY, SHIFTED
from pycocotools import mask as run_lengths

from explain_gate.labels.handed import coco_of, csv_of
from explain_gate.labels.suspects import AuditRecord, Suspect, SuspectList


def record_of(runs, *names):
    """One list of these samples."""
    rows = {image.image: row for row, image in enumerate(runs.images)}
    suspects = tuple(
        Suspect(row=rows[name], image=name, class_name=runs.images[rows[name]].class_name, number=-0.5, why='a "b", c')
        for name in names
    )
    lists = (SuspectList(name="doubted", measure="m", suspects=suspects, asked=17),)
    return AuditRecord(task="classification", versions=("a",), model="x", images=17, left_out=0, seed=0, lists=lists)


def test_every_reference_holds(project):
    """Ids from 1, categories in the order of the classes, sizes of the files, boxes around the polygons."""
    runs, data = project.runs, project.data
    document = json.loads(coco_of(record_of(runs, SHIFTED[0], COPY), runs, data, project.folder / "images"))
    assert [(one["id"], one["file_name"]) for one in document["images"]] == [(1, SHIFTED[0]), (2, COPY)]
    assert [(one["width"], one["height"]) for one in document["images"]] == [(64, 64), (48, 48)]
    assert [(one["id"], one["name"]) for one in document["categories"]] == [(1, "cat"), (2, "dog")]
    images = {one["id"] for one in document["images"]}
    categories = {one["id"] for one in document["categories"]}
    for one in document["annotations"]:
        assert one["image_id"] in images
        assert one["category_id"] in categories
        assert one["iscrowd"] == 0
        assert all(len(corners) >= 6 and len(corners) % 2 == 0 for corners in one["segmentation"])
    assert len({one["id"] for one in document["annotations"]}) == len(document["annotations"]) == 2
    first = document["annotations"][0]
    assert first["area"] == 256
    assert first["category_id"] == 2


def test_it_is_read_back_as_it_was_annotated(project, tmp_path):
    """By this package's own reader: the same labels and regions."""
    runs, data = project.runs, project.data
    before = {entry.image: (entry.class_name, data.sample(row).region) for row, entry in enumerate(data.entries)}
    text = coco_of(record_of(runs, *before), runs, data, project.folder / "images")
    (project.folder / "annotations.coco.json").write_text(text, encoding="utf-8")
    again = project.data
    assert len(again.entries) == len(before)
    for row, entry in enumerate(again.entries):
        name, region = before[entry.image]
        assert entry.class_name == name
        assert bool((again.sample(row).region == region).all())


def test_masks_become_polygons(project):
    """Along their border, with a part for each piece."""
    path = project.folder / "annotations.coco.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    mask = np.zeros((64, 64), dtype=np.uint8)
    mask[10:30, 5:25] = 1
    mask[40:50, 40:60] = 1
    rle = run_lengths.encode(np.asfortranarray(mask))
    document["annotations"][0]["segmentation"] = {"size": [64, 64], "counts": rle["counts"].decode()}
    path.write_text(json.dumps(document), encoding="utf-8")
    runs, data = project.runs, project.data
    (one,) = json.loads(coco_of(record_of(runs, "pic_00.png"), runs, data, project.folder / "images"))["annotations"]
    assert len(one["segmentation"]) == 2
    assert one["area"] == pytest.approx(600, rel=0.02)
    assert one["bbox"] == [5, 10, 55, 40]


def test_reasons_survive_the_csv(project):
    """Quotes and commas too."""
    lines = list(csv.DictReader(io.StringIO(csv_of(record_of(project.runs, SHIFTED[0], COPY)))))
    assert [(one["list"], one["rank"], one["image"]) for one in lines] == [
        ("doubted", "1", SHIFTED[0]),
        ("doubted", "2", COPY),
    ]
    assert lines[0]["why"] == 'a "b", c'
    assert float(lines[0]["number"]) == -0.5
