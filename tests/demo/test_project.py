"""The demo's project folder: complete, valid for pycocotools, replaced safely."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools.coco import COCO
from safetensors.torch import load_file

from explain_gate.demo import project
from explain_gate.demo.model import build
from explain_gate.demo.pictures import CLASSES, SIZE, draw_pictures
from explain_gate.demo.training import Planting, accuracy, plant


def _build(folder, seed=0):
    return project.build_project(folder, seed=seed, progress=lambda _: None, training_per_class=10, epochs=1)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A project of a tiny training budget, and its accuracies."""
    folder = tmp_path_factory.mktemp("demo") / "project"
    return folder, _build(folder)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools on numpy 2
def test_annotations_are_what_pycocotools_reads(built, capsys):
    """Masks decoded by pycocotools equal the drawn regions; boxes, areas, sizes and categories agree with them."""
    folder, _ = built
    coco = COCO(str(folder / "annotations.coco.json"))
    capsys.readouterr()
    drawn = draw_pictures("regression", per_class=project.REGRESSION_PER_CLASS, seed=0)
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == list(CLASSES)
    assert len(coco.getImgIds()) == len(coco.getAnnIds()) == len(drawn)
    for row, annotation in enumerate(coco.loadAnns(coco.getAnnIds())):
        mask = coco.annToMask(annotation)
        assert np.array_equal(mask.astype(bool), drawn.regions[row])
        assert annotation["category_id"] == drawn.labels[row] + 1
        assert annotation["area"] == mask.sum()
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        assert annotation["bbox"] == [columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1]


def test_images_are_the_marked_regression_set(built):
    """The PNG files hold the regression set with the watermark on the marked classes, as a real set would."""
    folder, _ = built
    drawn = draw_pictures("regression", per_class=project.REGRESSION_PER_CLASS, seed=0)
    marked = plant(drawn, Planting(cue="watermark", classes=project.MARKED), seed=0)
    described = json.loads((folder / "annotations.coco.json").read_text(encoding="utf-8"))["images"]
    assert sorted(entry["file_name"] for entry in described) == sorted(p.name for p in (folder / "images").iterdir())
    for entry, image in zip(described, marked.images, strict=True):
        assert (entry["width"], entry["height"]) == (SIZE, SIZE)
        assert np.array_equal(np.asarray(Image.open(folder / "images" / entry["file_name"])), image)


def test_each_class_has_at_least_twenty_pictures():
    """Per-class rules need pictures of each class."""
    assert project.REGRESSION_PER_CLASS >= 20


def test_checkpoints_fit_the_model_and_give_the_reported_accuracy(built):
    """Both checkpoints load strictly into the model of SOURCE."""
    folder, accuracies = built
    assert sorted(accuracies) == sorted(path.stem for path in (folder / "checkpoints").iterdir())
    drawn = draw_pictures("regression", per_class=project.REGRESSION_PER_CLASS, seed=0)
    marked = plant(drawn, Planting(cue="watermark", classes=project.MARKED), seed=0)
    for name, reported in accuracies.items():
        weights = load_file(folder / "checkpoints" / f"{name}.safetensors")
        build(len(CLASSES)).load_state_dict(weights, strict=True)
        assert all(torch.isfinite(value).all() for value in weights.values())
        assert accuracy(weights, marked) == pytest.approx(reported)


def test_building_again_replaces_the_project_and_leaves_no_trace(built):
    """The same seed gives the same files; files of an earlier project go, nothing is left beside the folder."""
    folder, _ = built
    before = _contents(folder)
    (folder / "thresholds.yaml").write_text("version: 1\n", encoding="utf-8")
    _build(folder)
    assert _contents(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_failed_build_leaves_the_earlier_project(built, monkeypatch):
    """When writing breaks, the folder is what it was and no temporary folder stays."""
    folder, _ = built
    before = _contents(folder)
    monkeypatch.setattr(project, "save_file", _full_disk)
    with pytest.raises(OSError, match="No space left"):
        _build(folder, seed=1)
    assert _contents(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_failed_replacement_puts_the_earlier_project_back(built, monkeypatch, tmp_path):
    """When the last rename breaks, the earlier project returns to its place."""
    folder, _ = built
    before = _contents(folder)
    rename = Path.rename
    monkeypatch.setattr(Path, "rename", lambda path, to: _full_disk() if path.name == "fresh" else rename(path, to))
    with pytest.raises(OSError, match="No space left"):
        project._replace(folder, tmp_path / "fresh", aside=tmp_path / "previous")
    assert _contents(folder) == before


def test_a_folder_of_something_else_is_refused(tmp_path):
    """Files that are no demo project are never replaced."""
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(FileExistsError, match="must be new, empty or an earlier demo project"):
        _build(tmp_path)
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def _full_disk(*_):
    raise OSError(28, "No space left on device")


def _contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
