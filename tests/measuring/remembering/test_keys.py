"""The one list of all that a number depends on: whatever changes a number gives a new key, and nothing else does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from explain_gate.config import load_config
from explain_gate.measuring.job import Compute, open_job
from explain_gate.measuring.remembering import code, keys
from explain_gate.measuring.remembering.keys import Facts, ImageFacts, image_facts

NAMES = ("moves", "tinymodel", "blocks", "scores", "helper", "ownmethod", "ownmetric")
FILES = {
    "helper.py": "FACTOR = 1.0\n",
    "blocks.py": "import torch\n\n\nclass Scale(torch.nn.Module):\n    def forward(self, x):\n        return 1.0 * x\n",
    "scores.py": (
        "def scores(output):\n    from helper import FACTOR\n    return FACTOR * output\n\n\n"
        "def others(output):\n    return 2 * output\n"
    ),
    "ownmethod.py": "def explain(probe, images, targets, *, keys, width=3):\n    raise NotImplementedError\n",
    "ownmetric.py": "def ones(relevance, *, share=0.5):\n    return relevance.amax((1, 2))\n",
}
THRESHOLDS = """\
version: 1
model: {source: "tinymodel:build", arguments: {corner: false}, target: "scores:scores", target_layer: window}
data:
  images: images
  annotations: annotations.coco.json
  preprocessing: {resize: 32, crop: 32, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}
methods:
  integrated_gradients: {baseline: base.png}
  "ownmethod:explain": {width: 3}
checks:
  alignment:
    iou: {methods: [integrated_gradients], at_least: 0.6, per_class: true}
  custom:
    "ownmetric:ones": {methods: [integrated_gradients], at_least: 0.1, parameters: {share: 0.5}}
seed: 0
"""


@dataclass
class Keys:
    """Of the first image: its logits, picture, two maps and two scores, and the mark of a worker that finished it."""

    logits: str
    picture: str
    map: str
    own_map: str
    score: str
    own_score: str
    finished: str


@pytest.fixture
def project(tmp_path, write_project, fresh_modules) -> Path:
    """A project in which everything that a number may depend on is a file of the team's own."""
    path = write_project(tmp_path / "project")
    folder = path.parent
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    model = (folder / "tinymodel.py").read_text()
    model = model.replace("from torch import nn", "from blocks import Scale\nfrom torch import nn")
    model = model.replace("self.window = Window(corner)", "self.window = Window(corner)\n        self.scale = Scale()")
    (folder / "tinymodel.py").write_text(model)
    Image.fromarray(np.full((32, 32, 3), 90, dtype=np.uint8)).save(folder / "base.png")
    path.write_text(THRESHOLDS)
    return path


@pytest.fixture
def keys_of(monkeypatch) -> Callable[..., Keys]:
    """The keys as a new process would make them."""
    import sys

    path = list(sys.path)

    def make(thresholds: Path, *, device: str = "cpu", dtype: str = "float32", state=None) -> Keys:
        for name in NAMES:
            sys.modules.pop(name, None)
        sys.path[:] = path
        sys.path_importer_cache.clear()
        config = load_config(thresholds)
        job = open_job(config, compute=Compute(device=device, dtype=dtype))
        if state is not None:
            job = replace(job, model=replace(job.model, digest=state))
        # No accelerator is needed to tell what its numbers are kept under.
        monkeypatch.setattr(keys, "pick_device", torch.device)
        data, rules = job.data, job.rules
        facts = Facts.of(job, config.method_options())
        row = next(row for row, entry in enumerate(data.entries) if entry.image == "red_00.png")
        image = image_facts(data, row)
        iou, own = (next(rule.check for rule in rules if name in rule.check) for name in ("iou", "ones"))
        return Keys(
            logits=facts.logits(image),
            picture=facts.picture(image),
            map=facts.map("integrated_gradients", image),
            own_map=facts.map("ownmethod:explain", image),
            score=facts.score(iou, "integrated_gradients", image),
            own_score=facts.score(own, "integrated_gradients", image),
            finished=facts.finished(rules),
        )

    yield make
    for name in NAMES:
        sys.modules.pop(name, None)
    sys.path[:] = path


def changed(before: Keys, after: Keys) -> set[str]:
    return {field.name for field in fields(Keys) if getattr(before, field.name) != getattr(after, field.name)}


MAPS = {"map", "own_map"}
SCORES = {"score", "own_score"}
MODEL = {"logits", "finished"} | MAPS | SCORES
EVERYTHING = MODEL | {"picture"}


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("thresholds.yaml", "scores:scores", "scores:others", MODEL),
        ("scores.py", "FACTOR * output", "FACTOR * output + 1", MODEL),
        ("helper.py", "1.0", "2.0", MODEL),
        ("tinymodel.py", "self.head(", "2 * self.head(", MODEL),
        ("blocks.py", "1.0 * x", "2.0 * x", MODEL),
        ("thresholds.yaml", "corner: false", "corner: true", MODEL),
        ("thresholds.yaml", "target_layer: window", "target_layer: relu", MODEL - {"logits"}),
        ("thresholds.yaml", "resize: 32", "resize: 40", EVERYTHING),
        ("thresholds.yaml", "crop: 32", "crop: 30", EVERYTHING),
        ("thresholds.yaml", "mean: [0.5,", "mean: [0.4,", EVERYTHING),
        ("thresholds.yaml", "std: [0.5,", "std: [0.4,", EVERYTHING),
        ("thresholds.yaml", "seed: 0", "seed: 1", MODEL),
        ("thresholds.yaml", "baseline: base.png", "baseline: black", {"map", "finished"} | SCORES),
        ("thresholds.yaml", "width: 3", "width: 4", {"own_map", "finished"}),
        ("ownmethod.py", "width=3", "width=4", {"own_map", "finished"}),
        ("thresholds.yaml", "share: 0.5", "share: 0.4", {"own_score", "finished"}),
        ("ownmetric.py", "relevance.amax", "2 * relevance.amax", {"own_score", "finished"}),
        ("thresholds.yaml", "at_least: 0.6,", "at_least: 0.6, parameters: {fraction: 0.4},", {"score", "finished"}),
    ],
)
def test_whatever_a_number_depends_on_gives_a_new_key(project, keys_of, file, old, new, expected):
    """Each of them one by one, and only the numbers that depend on it."""
    before = keys_of(project)
    assert keys_of(project) == before
    path = project.parent / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    assert changed(before, keys_of(project)) == expected


def test_weights_device_and_precision_give_new_keys(project, keys_of):
    """The same code with other weights, or run elsewhere or otherwise."""
    before = keys_of(project)
    for other in ({"state": "another"}, {"device": "cuda"}, {"dtype": "bfloat16"}):
        assert changed(before, keys_of(project, **other)) == MODEL


def test_a_picture_as_baseline_counts_by_its_bytes(project, keys_of):
    """Under the same name it may be another picture."""
    before = keys_of(project)
    Image.fromarray(np.full((32, 32, 3), 91, dtype=np.uint8)).save(project.parent / "base.png")
    assert changed(before, keys_of(project)) == {"map", "finished"} | SCORES


def test_bytes_of_the_image_and_its_annotation_give_new_keys(project, keys_of):
    """The picture that was drawn on, and what was drawn; a moved region costs no new map."""
    before = keys_of(project)
    annotations = project.parent / "annotations.coco.json"
    text = annotations.read_text()
    drawn = json.loads(text)
    drawn["annotations"][0]["bbox"][0] -= 1
    annotations.write_text(json.dumps(drawn))
    assert changed(before, keys_of(project)) == {"picture"} | SCORES
    annotations.write_text(text)
    file = project.parent / "images" / "red_00.png"
    pixels = np.array(Image.open(file))
    pixels[0, 0] += 1
    Image.fromarray(pixels).save(file)
    assert changed(before, keys_of(project)) == EVERYTHING - {"finished"}


def test_another_class_of_the_same_picture_has_its_own_keys(facts):
    """A target function may score the class that it is given, so logits too belong to one class."""
    image = ImageFacts(content="c", label=0, annotation=[])
    other = replace(image, label=1)
    assert facts.logits(image) != facts.logits(other)
    assert facts.map("grad_cam", image) != facts.map("grad_cam", other)


@pytest.mark.parametrize("name", keys.LIBRARIES)
def test_versions_of_libraries_give_new_keys(project, keys_of, monkeypatch, name):
    """Also of those whose package is called otherwise than it is imported."""
    before = keys_of(project)
    version = code._version
    assert version(name) != "none"
    monkeypatch.setattr(code, "_version", lambda one: "0.0" if one == name else version(one))
    monkeypatch.setattr(torch, "__version__", "0.0" if name == "torch" else torch.__version__)
    assert changed(before, keys_of(project)) == EVERYTHING


def test_a_changed_default_gives_a_new_key(project, keys_of, monkeypatch):
    """Of a method or a metric of this package, where thresholds.yaml says nothing."""
    from explain_gate.attribution import integrated_gradients
    from explain_gate.metrics import alignment

    before = keys_of(project)
    monkeypatch.setitem(integrated_gradients.integrated_gradients.__kwdefaults__, "tolerance", 0.02)
    assert changed(before, keys_of(project)) == {"map", "finished"} | SCORES
    monkeypatch.undo()
    monkeypatch.setitem(alignment.iou.__kwdefaults__, "fraction", 0.4)
    assert changed(before, keys_of(project)) == {"score", "finished"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version: 1\n", "# why: nobody knows\nversion: 1\n"),
        ("{resize: 32, crop: 32, mean: [0.5, 0.5, 0.5], std", "{crop: 32, resize: 32, mean: [0.5, 0.5, 0.5], std"),
        (
            '  integrated_gradients: {baseline: base.png}\n  "ownmethod:explain": {width: 3}\n',
            '  "ownmethod:explain": {width: 3}\n  integrated_gradients: {baseline: base.png}\n',
        ),
        ("baseline: base.png", "baseline: ./base.png"),
        ("baseline: base.png", "tolerance: 0.01, baseline: base.png"),
        ("at_least: 0.6,", "at_least: 0.7,"),
        ("at_least: 0.6,", "at_least: 0.6, parameters: {fraction: 0.5},"),
    ],
    ids=["comment", "order of keys", "order of methods", "path", "default of a method", "bound", "default of a metric"],
)
def test_what_does_not_matter_keeps_the_key(project, keys_of, old, new):
    """How thresholds.yaml is laid out, and what is judged and not measured."""
    before = keys_of(project)
    assert old in project.read_text()
    project.write_text(project.read_text().replace(old, new, 1))
    assert keys_of(project) == before


def test_the_path_of_the_folder_keeps_the_key(project, keys_of, tmp_path):
    """A checkout elsewhere, and other files in it."""
    before = keys_of(project)
    shutil.move(project.parent, tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "notes.py").write_text("VALUE = 1\n")
    assert keys_of(tmp_path / "elsewhere" / "thresholds.yaml") == before


def variants(value: object) -> list[object]:
    """The value with each of its parts changed, one by one."""
    if is_dataclass(value):
        return [
            replace(value, **{field.name: other})
            for field in fields(value)
            for other in variants(getattr(value, field.name))
        ]
    if isinstance(value, dict) and value:
        return [{**value, name: other} for name, part in value.items() for other in variants(part)]
    return [["another", value]]


def test_no_entry_of_the_list_is_forgotten(facts):
    """A score and what workers finished depend on every entry; whoever adds one need not think of its keys."""
    image = ImageFacts(content="c", label=0, annotation=[])
    others = variants(facts)
    assert len(others) > 15
    for other in others:
        assert other.score("alignment.iou", "grad_cam", image) != facts.score("alignment.iou", "grad_cam", image), other
        assert other.by_name() != facts.by_name(), other
    for other in variants(image):
        assert facts.score("alignment.iou", "grad_cam", other) != facts.score("alignment.iou", "grad_cam", image)


def test_the_code_of_a_teams_transform_is_part_of_every_key(project, keys_of):
    """The function is the preprocessing: what it imports counts as much as its own lines."""
    old = "preprocessing: {resize: 32, crop: 32, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}"
    project.write_text(project.read_text().replace(old, 'preprocessing: {transform: "moves:both"}'))
    (project.parent / "moves.py").write_text(
        "def both(image, mask):\n    from helper import FACTOR\n    return FACTOR * image.float() / 255, mask\n"
    )
    before = keys_of(project)
    (project.parent / "helper.py").write_text("FACTOR = 2.0\n")
    assert changed(before, keys_of(project)) == EVERYTHING
