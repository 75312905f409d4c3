"""What a reader of the study of parts is told, and the page that opens from disk."""

import pytest
from browsers import browser
from projects import write_project
from study_projects import write_many, write_two_ways

from explain_gate.config import load_config
from explain_gate.measuring.job import open_job
from explain_gate.measuring.progress import Silent
from explain_gate.studies.modules import study_modules
from explain_gate.studies.modules_page import render_modules, told_modules

__all__ = ["browser"]


def record_of(thresholds, folder):
    """The record of one study of backgrounds."""
    return study_modules(open_job(load_config(thresholds)), folder, cue="background", images=60, progress=Silent())


def test_the_answer_comes_first(tmp_path):
    """Head, way and number in sentences."""
    lines = told_modules(record_of(write_two_ways(tmp_path / "p", cheats=True), tmp_path / "out"))
    assert lines[0].startswith("The head (head) carries the cue: an honest head on its features regains 1.0")
    assert lines[1].startswith("The background of another class moves the margin by ")
    assert lines[2] == "It lies beside the object up to corner_way, the last part on its way that has places."
    assert lines[3] == "Less than half of it passes through object_way: it has another way."


def test_the_backbone_is_told_with_how_deep_the_cue_lies_beside_the_object(tmp_path):
    """The last part that has places."""
    lines = told_modules(record_of(write_project(tmp_path / "p", corner=True, per_class=8), tmp_path / "out"))
    assert lines[0].startswith("The backbone carries the cue: ")
    assert "It lies beside the object up to window, the last part on its way that has places." in lines


def test_the_channels_are_told_with_what_they_cost(tmp_path):
    """Beside as many random ones, and in a table."""
    record = record_of(write_many(tmp_path / "p"), tmp_path / "out")
    line = next(line for line in told_modules(record) if line.startswith("The most"))
    assert line.startswith("The most of 5 parts: without 2 channels of 32 in both, 1.00 (")
    assert line.endswith("right answers without the cue are 1.00 then, before 1.00.")
    assert "Channels that answer to the cue" in render_modules(record)


def test_without_a_cue_nothing_is_placed(tmp_path):
    """And the page says so too."""
    record = record_of(write_two_ways(tmp_path / "p", cheats=False), tmp_path / "out")
    (line,) = told_modules(record)
    assert line.startswith("There is no cue to place: ")
    assert "no effect" in render_modules(record)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_opens_from_disk(tmp_path, browser, width):
    """Chart and table, nothing loaded, nothing refused by its policy, nothing beyond the side of a phone."""
    record = record_of(write_two_ways(tmp_path / "p", cheats=True), tmp_path / "out")
    file = tmp_path / "index.html"
    file.write_text(render_modules(record), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 900})
    told = []
    page.on("console", lambda message: told.append(message.text))
    page.goto(file.as_uri())
    assert page.locator("tbody tr").count() == len(record.parts) + 5 + len(record.channels)
    assert record.channels
    assert page.locator("svg path.fall").count() >= 4
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert told == []
    page.close()
