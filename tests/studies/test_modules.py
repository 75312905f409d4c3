"""Which part carries a cue, on networks of which it is known."""

from types import SimpleNamespace

import pytest
from projects import write_project
from study_projects import write_two_ways
from task_projects import write_task_project

from explain_gate.config import load_config
from explain_gate.errors import OptionError
from explain_gate.measuring.job import open_job
from explain_gate.measuring.progress import Silent
from explain_gate.studies.modules import study_modules


def studied(thresholds, folder, **options):
    """The record of one study."""
    asked = {"cue": "background", "images": 60, "progress": Silent(), **options}
    return study_modules(open_job(load_config(thresholds)), folder, **asked)


def shares(record):
    """Share by part and way."""
    return {one.block.name: one.share for one in record.parts}


def test_a_backbone_that_sees_the_mark_alone_is_named(tmp_path):
    """All of the cue passes beside the object in every part with places, and no honest head gets anything back."""
    record = studied(write_project(tmp_path / "p", corner=True, per_class=8), tmp_path / "out")
    assert record.images == 16
    assert record.effect > 0
    assert (record.honest.part, record.head) == ("backbone", "head")
    assert (record.honest.on_base, record.honest.on_twin) == (1, 0)
    for name in ("colour", "relu", "window"):
        assert shares(record)[name] == pytest.approx({"whole": 1, "beside": 1, "on": 0}, abs=1e-5)
    assert shares(record)["head"] == {"whole": pytest.approx(1), "beside": None, "on": None}


def test_a_head_that_listens_to_the_mark_is_named(tmp_path):
    """The features hold the object too; the cue passes one of the two ways, and an honest head does without it."""
    record = studied(write_two_ways(tmp_path / "p", cheats=True), tmp_path / "out")
    assert record.honest.part == "head"
    assert record.honest.honest == 1
    assert record.honest.regained == pytest.approx(1)
    assert shares(record)["corner_way"]["whole"] == pytest.approx(1)
    assert shares(record)["object_way"]["whole"] == pytest.approx(0, abs=1e-5)


def test_an_honest_network_has_no_cue_to_place(tmp_path):
    """Nothing is divided by an effect that is none."""
    record = studied(write_two_ways(tmp_path / "p", cheats=False), tmp_path / "out")
    assert record.honest.part == "none"
    assert record.honest.reason == "the cue costs no right answers that can be told from chance"
    assert all(share is None for one in record.parts for share in one.share.values())


def test_a_patch_is_found_where_the_mark_is(tmp_path):
    """The place that tells is chosen on images that the study leaves out."""
    record = studied(write_project(tmp_path / "p", corner=True, per_class=10), tmp_path / "out", cue="patch")
    assert (record.place.top, record.place.left) == (0, 0)
    assert record.images == 12
    assert record.effect > 0
    assert shares(record)["window"]["beside"] == pytest.approx(1, abs=1e-5)


def test_a_killed_study_goes_on(tmp_path):
    """What was kept is not measured again, and the record is the same to the bit."""
    thresholds = write_project(tmp_path / "p", corner=True, per_class=8)
    whole = studied(thresholds, tmp_path / "whole")
    lines = (tmp_path / "whole" / "images.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 17
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "images.jsonl").write_text("\n".join(lines[:9]) + "\n" + lines[9][:30], encoding="utf-8")

    told = []
    progress = SimpleNamespace(advance=lambda _, done, total: told.append((done, total)))
    assert studied(thresholds, tmp_path / "cut", progress=progress) == whole
    assert told[0] == (16, 16)  # eight of before, eight in one batch


def test_a_task_without_a_margin_is_refused(tmp_path):
    """It says what it needs."""
    with pytest.raises(OptionError, match="must be classification, got regression"):
        studied(write_task_project(tmp_path, "regression"), tmp_path / "out")
