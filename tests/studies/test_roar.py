"""Remove and retrain where it is known which pixels tell the class."""

import dataclasses
import json
from types import SimpleNamespace

import pytest
from roar_projects import write_leaning

from explain_gate.config import load_config
from explain_gate.measuring.job import Compute, open_job
from explain_gate.measuring.progress import Silent
from explain_gate.studies.retraining import RANDOM
from explain_gate.studies.roar import study_roar
from explain_gate.studies.roar_plan import Asked

RIGHT_ORDER = ["leaning:oracle", "gradient", RANDOM, "leaning:anti_oracle"]


def studied(thresholds, folder, *, workers=1, progress=None, prices=None, **asked):
    """The record of one study."""
    given = {"train": "leaning:train", "seeds": 3, "shares": (0.1, 0.5, 0.9), **asked}
    return study_roar(
        open_job(load_config(thresholds), None, Compute(device="cpu")),
        folder,
        Asked(**given),
        workers=workers,
        progress=progress or Silent(),
        agree=lambda price: None if prices is None else prices.append(price),
    )


@pytest.mark.parametrize("fill", ["mean", "impute"])
def test_the_right_order_comes_out(tmp_path, fill):
    """The square itself, a gradient that sees half of the squares, random pixels, everything but the square."""
    record = studied(write_leaning(tmp_path / "p", per_class=60, lean=20), tmp_path / "out", fill=fill)
    assert [one.method for one in record.standings] == RIGHT_ORDER
    assert record.answered
    assert record.standings[0].mean > 0.15
    assert record.standings[2].mean == 0
    if fill == "mean":
        assert [one.rank for one in record.standings] == [1, 2, 3, 4]
    oracle = record.curves[0]
    assert oracle.right[0] == record.whole > 0.8
    assert oracle.intervals[2][0] < 0.6  # nothing of the square is left
    assert record.without_map["gradient"] > 10


def test_models_that_learned_nothing_rank_nothing(tmp_path):
    """They say one class always, and are right about half."""
    asked = {"train": "leaning:deaf", "methods": ("leaning:oracle",)}
    record = studied(write_leaning(tmp_path / "p"), tmp_path / "out", **asked)
    assert (record.whole, record.commonest, record.answered) == (0.5, 0.5, False)
    assert all(one.mean == 0 and one.rank == 1 for one in record.standings)


def test_a_killed_study_goes_on(tmp_path, monkeypatch):
    """What was kept is not trained again, the record is the same, and the price is of what is left."""
    thresholds = write_leaning(tmp_path / "p")
    monkeypatch.chdir(tmp_path)
    asked = {"train": "leaning:counted", "methods": ("leaning:oracle",), "shares": (0.5,), "seeds": 3}
    whole = studied(thresholds, tmp_path / "out", **asked)
    files = sorted((tmp_path / "out" / "retrains").iterdir())
    assert len(files) == 9  # whole pictures, random pixels and one method, three times each
    files[0].unlink()
    files[4].write_text("{", encoding="utf-8")
    (tmp_path / "calls.txt").unlink()
    prices, told = [], []
    progress = SimpleNamespace(advance=lambda stage, done, total: told.append((stage, done, total)))
    assert studied(thresholds, tmp_path / "out", prices=prices, progress=progress, **asked) == whole
    assert len((tmp_path / "calls.txt").read_text(encoding="utf-8").splitlines()) == 2
    assert (prices[0].retrains, prices[0].known, prices[0].maps.forward) == (2, 7, 0)
    assert ("retraining", 7, 9) in told
    assert not list((tmp_path / "out").glob(".work-*"))


@pytest.mark.parametrize("change", ["seed", "code", "set", "fill"])
def test_another_question_begins_anew(tmp_path, monkeypatch, change):
    """Answers to another seed, another function, other pictures or another fill are no answers."""
    thresholds = write_leaning(tmp_path / "p")
    monkeypatch.chdir(tmp_path)
    asked = {"methods": ("leaning:oracle",), "shares": (0.5,), "seeds": 3}
    studied(thresholds, tmp_path / "out", **asked)
    if change == "seed":
        thresholds.write_text(thresholds.read_text(encoding="utf-8") + "seed: 7\n", encoding="utf-8")
    elif change == "code":
        code = tmp_path / "p" / "leaning.py"
        code.write_text(code.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    elif change == "set":
        file = tmp_path / "p" / "annotations.coco.json"
        plain = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps({**plain, "images": plain["images"][:-2], "annotations": plain["annotations"][:-2]}))
    prices = []
    studied(thresholds, tmp_path / "out", prices=prices, **asked, **({"fill": "impute"} if change == "fill" else {}))
    assert prices[0].known == 1  # the first, which told the price


def test_workers_find_what_one_process_finds(tmp_path):
    """The same record, from two processes."""
    thresholds = write_leaning(tmp_path / "p")
    asked = {"methods": ("leaning:oracle",), "shares": (0.5,), "seeds": 3}
    alone = studied(thresholds, tmp_path / "one", **asked)
    told = []
    progress = SimpleNamespace(advance=lambda stage, done, total: told.append((stage, done, total)))
    assert studied(thresholds, tmp_path / "two", workers=2, progress=progress, **asked) == alone
    assert told[-1] == ("retraining", 9, 9)


def test_what_is_found_can_be_written(tmp_path):
    """As JSON, all of it."""
    record = studied(write_leaning(tmp_path / "p"), tmp_path / "out", methods=("gradient",), shares=(0.5,), seeds=3)
    assert json.loads(json.dumps(dataclasses.asdict(record)))["curves"][0]["method"] in ("gradient", RANDOM)
