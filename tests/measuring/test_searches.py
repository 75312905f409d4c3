"""What is searched for a whole set: each search once, in rounds, and remembered for whoever asks next."""

from __future__ import annotations

import pytest

from explain_gate.config import load_config
from explain_gate.measuring.job import Compute, open_job
from explain_gate.measuring.measure import measure_model
from explain_gate.measuring.progress import Silent
from explain_gate.measuring.remembering.store import Cache
from explain_gate.measuring.searches import searches_of
from explain_gate.measuring.workers.share import turns_of

RULES = """\
    transplant_follow: {at_most: 0.9}
    signature_follow: {at_most: 0.9}
    operation_follow: {at_most: 0.9, parameters: {classes: 3}}
"""


@pytest.fixture
def project(tmp_path, write_project, fresh_modules):
    path = write_project(tmp_path / "project")
    path.write_text(path.read_text() + RULES)
    return path


def opened(project):
    return open_job(load_config(project), compute=Compute(device="cpu"))


def test_each_search_is_listed_once_and_after_what_it_goes_on_from(project):
    """Operations are searched among those whose marks a class's pictures show, so marks come a round before."""
    job = opened(project)
    first, second = searches_of([*job.rules, *job.rules], job.data)
    assert sorted({search[0] for search in first}) == ["confounds", "marks", "patch", "signature"]
    assert len(first) == len(set(first)) == 1 + 1 + 2 * 2 + 2
    assert first[0][0] == "marks"
    assert second == [("operation", "", label, 3, half) for label in (0, 1) for half in (False, True)]


def test_rules_that_search_nothing_leave_the_warnings_about_the_data(tmp_path, write_project, fresh_modules):
    """Nothing is searched that nobody asks for."""
    job = opened(write_project(tmp_path / "plain"))
    assert [[search[0] for search in searches] for searches in searches_of(job.rules, job.data)] == [["confounds"], []]


def test_turns_cover_every_search_and_every_row_once(project):
    """Whatever the number of workers, and no worker is left without anything to do."""
    job = opened(project)
    for count in (1, 2, 5):
        turns = [turn for turns in turns_of(job, count) for turn in turns]
        searches = [search for turn in turns for search in turn.searches]
        assert sorted(searches) == sorted(
            search for searches in searches_of(job.rules, job.data) for search in searches
        )
        assert sorted(row for turn in turns for row in turn.rows) == list(range(8))
        assert all(turn.searches or turn.rows for turn in turns)


def test_what_was_searched_is_not_searched_again(tmp_path, project, monkeypatch):
    """A second measurement with an empty list of scores finds every search where the first one left it."""
    with Cache(tmp_path / "cache") as cache:
        measure_model(opened(project), tmp_path / "first", progress=Silent(), cache=cache)
        kinds = {kind: contents for kind, contents in cache.everything() if kind != "scores"}
    with Cache(tmp_path / "other") as cache:
        for kind, contents in kinds.items():
            cache.put(kind, contents)
        for search in ("operations.Operations._measured", "operations.Operations._search", "looks.Looks._common_of",
                       "cues.CueSearch._search"):  # fmt: skip
            monkeypatch.delattr(f"explain_gate.measuring.asking.{search}")
        profile = measure_model(opened(project), tmp_path / "second", progress=Silent(), cache=cache)
    assert {score.check for score in profile.scores()} >= {"reliance.operation_follow", "reliance.transplant_follow"}
