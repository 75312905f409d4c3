"""Everything that a number depends on changes the key of the whole; what is only demanded does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from explain_gate.config import load_config
from explain_gate.data.annotations.read import read_entries
from explain_gate.measuring.job import Compute, Version
from explain_gate.measuring.remembering import whole_key
from explain_gate.measuring.remembering.whole_key import device_here, key_of, model_files
from explain_gate.plan import plan


@pytest.fixture
def thresholds(tmp_path, write_project) -> Path:
    """The tiny project's thresholds.yaml."""
    return write_project(tmp_path / "project", per_class=2)


def key(thresholds: Path, *, model: str = "m", compute: Compute | None = None) -> str:
    """Of the project as it lies there now."""
    config = load_config(thresholds)
    entries = read_entries(config)
    rules = plan(config, list(entries.classes))
    return key_of(config, rules, entries, model=model, compute=compute or Compute(device="cpu"))


def edited(thresholds: Path, old: str, new: str) -> None:
    text = thresholds.read_text()
    assert old in text
    thresholds.write_text(text.replace(old, new))


def repainted(thresholds: Path) -> None:
    """One pixel of one picture."""
    file = min((thresholds.parent / "images").iterdir())
    picture = Image.open(file).convert("RGB")
    picture.putpixel((0, 0), (1, 2, 3))
    picture.save(file)


MATTERS = {
    "a picture": repainted,
    "a picture less": lambda path: edited(path, "annotations.coco.json", "annotations.coco.json\n  limit: 2"),
    "an annotation": lambda path: edited(
        path.with_name("annotations.coco.json"), '"bbox": [18, 19, 10, 10]', '"bbox": [18, 19, 10, 9]'
    ),
    "the preprocessing": lambda path: edited(path, "std: [0.5, 0.5, 0.5]", "std: [0.5, 0.5, 0.6]"),
    "an option of a method": lambda path: edited(path, "layer: window", "layer: relu"),
    "the model's arguments": lambda path: edited(path, "corner: false", "corner: true"),
    "the model's code": lambda path: edited(path.with_name("tinymodel.py"), "20 *", "21 *"),
    "a rule less": lambda path: edited(path, "    accuracy: {at_least: 0.9}", "    balanced_accuracy: {at_least: 0.9}"),
    "a sample": lambda path: edited(path, "{at_least: 0.9}", "{at_least: 0.9, sample: 2}"),
    "the seed": lambda path: path.write_text(path.read_text() + "seed: 7\n"),
}


@pytest.mark.parametrize("change", MATTERS.values(), ids=MATTERS)
def test_what_a_number_depends_on_is_in_the_key(thresholds, change):
    """Each by itself."""
    before = key(thresholds)
    assert key(thresholds) == before
    change(thresholds)
    assert key(thresholds) != before


@pytest.mark.parametrize(
    ("old", "new"),
    [("{at_least: 0.9}", "{at_least: 0.7, severity: warn, max_unmeasured: 0.1}"), ("version: 1", "# seen\nversion: 1")],
    ids=["a bound", "a comment"],
)
def test_what_is_only_demanded_is_not(thresholds, old, new):
    """Judging reads it, and nothing else."""
    before = key(thresholds)
    edited(thresholds, old, new)
    assert key(thresholds) == before


def test_model_device_and_precision_are_in_the_key(thresholds):
    """As they are given."""
    keys = {
        key(thresholds),
        key(thresholds, model="other"),
        key(thresholds, compute=Compute(device="cuda")),
        key(thresholds, compute=Compute(device="cpu", dtype="bfloat16")),
    }
    assert len(keys) == 4


def of_library(thresholds: Path, checkpoint: str, source: str = "torchvision:resnet18"):
    """model_files of a project whose model is so."""
    edited(thresholds, 'source: "tinymodel:build", arguments: {corner: false}', f"source: '{source}'{checkpoint}")
    return lambda version=None: model_files(load_config(thresholds), version or Version())


def test_a_library_s_model_with_one_checkpoint_is_its_files(thresholds):
    """By their content; an override counts like the file's own."""
    weights = thresholds.with_name("v1.pt")
    weights.write_bytes(b"one")
    files = of_library(thresholds, ", checkpoint: v1.pt")
    before = files()
    assert before is not None
    weights.write_bytes(b"two")
    assert files() not in (before, None)
    weights.write_bytes(b"one")
    assert files() == before
    other = thresholds.with_name("v2.safetensors")
    other.write_bytes(b"one")
    assert files(Version(checkpoint=other)) not in (before, None)


@pytest.mark.parametrize(
    ("checkpoint", "source"),
    [
        ("", "torchvision:resnet18"),
        (", checkpoint: gone.pt", "torchvision:resnet18"),
        (", checkpoint: index.json", "torchvision:resnet18"),
        (", checkpoint: v1.pt", "tinymodel:build"),
        ("", "models:/pets@good"),
    ],
    ids=["no weights", "not there", "an index of shards", "a team's code", "a registry"],
)
def test_any_other_model_has_to_be_built(thresholds, checkpoint, source):
    """What it reads is not known from outside."""
    for name in ("v1.pt", "index.json"):
        thresholds.with_name(name).write_bytes(b"one")
    assert of_library(thresholds, checkpoint, source)() is None


def test_an_exported_program_is_its_file(thresholds):
    """Graph and weights lie in it."""
    program = thresholds.with_name("model.pt2")
    program.write_bytes(b"one")
    files = of_library(thresholds, "", "model.pt2")
    before = files()
    program.write_bytes(b"two")
    assert before is not None
    assert files() not in (before, None)


def test_the_device_is_known_where_there_is_only_one(monkeypatch):
    """Everywhere else torch is asked."""
    monkeypatch.setattr(whole_key.platform, "system", lambda: "Linux")
    monkeypatch.setattr(whole_key, "_ACCELERATORS", ("dev/nothing-like-this*",))
    assert [device_here(wanted) for wanted in ("cpu", "auto", "cuda")] == ["cpu", "cpu", None]
    monkeypatch.setattr(whole_key, "_ACCELERATORS", ("dev/null",))
    monkeypatch.setattr(whole_key, "_built_for_none", lambda: False)
    assert device_here("auto") is None
    monkeypatch.setattr(whole_key.platform, "system", lambda: "Darwin")
    assert device_here("auto") is None
