"""Channels that answer to a cue, on a part of which it is known which do."""

from types import SimpleNamespace

import pytest
from projects import write_project
from study_projects import write_many, write_two_ways

from explain_gate.config import load_config
from explain_gate.measuring.job import open_job
from explain_gate.measuring.progress import Silent
from explain_gate.studies.channels import halves
from explain_gate.studies.modules import study_modules


def studied(thresholds, folder, **options):
    """What is told of channels, by part."""
    asked = {"cue": "background", "images": 60, "progress": Silent(), **options}
    record = study_modules(open_job(load_config(thresholds)), folder, **asked)
    return {one.part: one for one in record.channels}


def test_the_channels_that_carry_the_cue_are_named_and_take_it_with_them(tmp_path):
    """All of the effect goes, no right answer without the cue is lost, and random channels do nothing."""
    both = studied(write_many(tmp_path / "p"), tmp_path / "out")["both"]
    assert (sorted(both.channels), both.of, both.images) == ([30, 31], 32, 8)
    assert both.gone == pytest.approx(1, abs=0.02)
    assert both.gone_random == pytest.approx(0, abs=0.02)
    assert both.more[0] > 0.9
    assert both.right == (1, 1, 1)


def test_where_all_channels_carry_it_right_answers_go_too(tmp_path):
    """The one that is taken out is the only one for its class; classes themselves are no channels."""
    told = studied(write_project(tmp_path / "p", corner=True, per_class=8), tmp_path / "out")
    assert "head" not in told
    assert (len(told["window"].channels), told["window"].of) == (1, 2)
    assert told["window"].gone == pytest.approx(0.5, abs=0.1)


def test_a_patch_is_taken_out_too(tmp_path):
    """The picture as it is has no patch."""
    both = studied(write_many(tmp_path / "p", per_class=12), tmp_path / "out", cue="patch")["both"]
    assert sorted(both.channels) == [30, 31]
    assert both.gone == pytest.approx(1, abs=0.02)


def test_without_a_cue_there_are_no_channels_of_it(tmp_path):
    """And no passes are made for them."""
    assert studied(write_two_ways(tmp_path / "p", cheats=False), tmp_path / "out") == {}
    assert not (tmp_path / "out" / "channels.jsonl").exists()


def test_a_killed_study_goes_on_with_the_channels_that_are_left(tmp_path):
    """The same to the bit."""
    thresholds = write_many(tmp_path / "p")
    whole = studied(thresholds, tmp_path / "out")
    file = tmp_path / "out" / "channels.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 9
    file.write_text("\n".join(lines[:4]) + "\n" + lines[4][:20], encoding="utf-8")
    told = []
    progress = SimpleNamespace(advance=lambda stage, done, _: told.append((stage, done)))
    assert studied(thresholds, tmp_path / "out", progress=progress) == whole
    assert [done for stage, done in told if stage == "taking channels out"] == [8]  # three kept, five in one batch
    assert file.read_text(encoding="utf-8").splitlines()[:4] == lines[:4]


def test_no_image_chooses_what_it_is_asked_about(tmp_path):
    """Either half has both classes."""
    job = open_job(load_config(write_project(tmp_path / "p", per_class=8)))
    choose, ask = halves(job, range(16))
    assert sorted(choose + ask) == list(range(16))
    for half in (choose, ask):
        assert sorted(job.data.entries[row].label for row in half) == [0] * 4 + [1] * 4
