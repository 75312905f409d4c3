"""What workers have finished is known to the next run, unless anything that a number depends on has changed."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load

from explain_gate.config import load_config
from explain_gate.errors import ModelError
from explain_gate.measuring.job import Compute, Job, Turn, open_job
from explain_gate.measuring.remembering.store import Cache
from explain_gate.measuring.workers.share import Ledger, share_from, share_of, weights_of


@pytest.fixture
def project(tmp_path, write_project, fresh_modules) -> Path:
    return write_project(tmp_path / "project")


def opened(project: Path, dtype: str = "float32") -> Job:
    return open_job(load_config(project), compute=Compute(device="cpu", dtype=dtype))


def test_finished_images_need_no_worker(tmp_path, project):
    """Those that were finished, and no others."""
    with Cache(tmp_path / "cache") as cache:
        ledger = Ledger(opened(project), cache)
        assert ledger.open() == list(range(8))
        ledger.finish([0, 1, 5])
        assert ledger.open() == [2, 3, 4, 6, 7]
    with Cache(tmp_path / "cache") as cache:
        assert Ledger(opened(project), cache).open() == [2, 3, 4, 6, 7]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seed: 0", "seed: 1"),
        ("layer: window", "layer: relu"),
        ("std: [0.5", "std: [0.4"),
        ("corner: false", "corner: true"),
        ("per_class: true", "per_class: true, parameters: {fraction: 0.4}"),
    ],
    ids=["seed", "method", "preprocessing", "weights", "metric"],
)
def test_whatever_a_number_depends_on_opens_every_image(tmp_path, project, old, new):
    """A changed bound does not: it is judged, not measured."""
    project.write_text(project.read_text() + "seed: 0\n")
    with Cache(tmp_path / "cache") as cache:
        Ledger(opened(project), cache).finish(range(8))
        project.write_text(project.read_text().replace("at_most: 0.3", "at_most: 0.2"))
        assert Ledger(opened(project), cache).open() == []
        assert Ledger(opened(project, dtype="bfloat16"), cache).open() == list(range(8))
        assert old in project.read_text()
        project.write_text(project.read_text().replace(old, new))
        assert Ledger(opened(project), cache).open() == list(range(8))


def test_one_changed_image_is_open_alone(tmp_path, project):
    """So is one whose file has gone since the set was opened: a worker, or the caller, tells of it."""
    with Cache(tmp_path / "cache") as cache:
        Ledger(opened(project), cache).finish(range(8))
        images = project.parent / "images"
        Image.fromarray(np.zeros((32, 32, 3), dtype=np.uint8)).save(images / "green_03.png")
        job = opened(project)
        (images / "red_06.png").unlink()
        names = [job.data.entries[row].image for row in Ledger(job, cache).open()]
        assert names == ["green_03.png", "red_06.png"]


def test_an_eviction_takes_the_note_before_the_numbers(tmp_path, project):
    """Otherwise a set larger than the cache would be left to the process that started the workers."""
    with Cache(tmp_path / "cache") as cache:
        cache.hold()
        ledger = Ledger(opened(project), cache)
        for number in range(8):
            cache.put("maps", {f"map {number}": b"x" * 100})
            ledger.finish([number])
        assert ledger.open() == []
        assert cache.get([f"map {number}" for number in range(8)]).keys() == {f"map {number}" for number in range(8)}
        cache.prune(750)
        assert len(cache.has([f"map {number}" for number in range(8)])) == 7
        assert ledger.open() == list(range(8))


def test_a_held_cache_keeps_what_the_run_still_reads(tmp_path):
    """The bound holds again when the run ends."""
    with Cache(tmp_path / "cache", most_bytes=500) as cache:
        cache.hold()
        for number in range(20):
            cache.put("maps", {f"map {number}": b"x" * 100})
        assert sum(size.size for size in cache.sizes()) == 2000
    with Cache(tmp_path / "cache", most_bytes=500) as cache:
        assert sum(size.size for size in cache.sizes()) <= 500


def test_weights_travel_without_pickle_and_tied_ones_too(project):
    """As safetensors, bit for bit."""
    model = opened(project).model
    model.module.tied = model.module.head
    sent = load(weights_of(model) or b"")
    assert sent.keys() == model.module.state_dict().keys()
    assert all((sent[name] == tensor).all() for name, tensor in model.module.state_dict().items())


def test_whole_models_of_a_registry_are_refused(project):
    """Workers could not load them, and a run that measures alone without a word would look like a hang."""
    with pytest.raises(ModelError, match="cannot build"):
        weights_of(replace(opened(project).model, source="models:/pets@champion"))


def test_a_set_that_changed_needs_workers_again(tmp_path, project):
    """What needs the whole set was finished for these very images."""
    with Cache(tmp_path / "cache") as cache:
        ledger = Ledger(opened(project), cache)
        assert not ledger.whole
        ledger.finish_whole()
        assert Ledger(opened(project), cache).whole
        images = project.parent / "images"
        Image.fromarray(np.zeros((32, 32, 3), dtype=np.uint8)).save(images / "green_03.png")
        assert not Ledger(opened(project), cache).whole


def test_a_share_travels_as_json(tmp_path, project):
    """A worker is told of rules, rows and searches as they were."""
    job = opened(project)
    compute = Compute(device="cpu")
    plain = share_of(job, [0, 3], tmp_path, scratch=tmp_path, checkpoint="", compute=compute, threads=1)
    for turn in (None, Turn(searches=(("patch", "inside", 1, 0, True),), rows=(2, 4))):
        share = replace(plain, turn=turn)
        assert share_from(json.dumps(asdict(share)).encode()) == share
