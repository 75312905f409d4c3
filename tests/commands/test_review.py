"""`explain-gate review`: whose desk it is, over which run, beside which thresholds.yaml."""

import json

import pytest
from made_up import build_run
from projects import write_gate

from explain_gate.cli import main
from explain_gate.commands.review import open_desk, take, write_page
from explain_gate.decisions.files import text_of
from explain_gate.errors import ConfigError, DataError, OptionError, ReferenceError
from explain_gate.publishing.text.verdict_json import verdict_to_json


@pytest.fixture
def project(tmp_path):
    """A run's folder and the thresholds.yaml beside which reviews go."""
    folder = tmp_path / "out"
    folder.mkdir()
    run = build_run(folder, 3)
    (folder / "verdict.json").write_text(verdict_to_json(run.verdict), encoding="utf-8")
    return folder, str(write_gate(tmp_path, "annotations.json"))


def test_a_runs_folder_is_asked_about_with_its_verdict(project):
    """The worst images of its rules come first; a profile alone has none."""
    folder, config = project
    assert open_desk(folder, config, by="Anna").questions[0].group == "failed"
    alone = open_desk(folder / "profile", config, by="anna")
    assert alone.questions[0].group != "failed"
    assert alone.reviewer == "anna"
    assert alone.folder == folder.parent / "reviews"


def test_what_cannot_be_reviewed_is_told(project):
    """No run, no thresholds.yaml beside which decisions count, no name, nothing to see."""
    folder, config = project
    with pytest.raises(ReferenceError, match="not a whole profile"):
        open_desk(folder.parent / "none", config, by="anna")
    with pytest.raises(ConfigError, match="cannot be read"):
        open_desk(folder, str(folder / "none.yaml"), by="anna")
    with pytest.raises(OptionError, match="a reviewer's name"):
        open_desk(folder, config, by="../anna")
    (folder.parent / "reviews").mkdir()
    (folder.parent / "reviews" / "stray").touch()
    with pytest.raises(DataError, match="stray"):
        open_desk(folder, config, by="anna")


def test_a_profile_without_maps_has_nothing_to_judge(project):
    """It says so in place of an empty page."""
    folder, config = project
    text = (folder / "profile" / "manifest.json").read_text()
    emptied = text.replace('"methods": {', '"methods": {}, "were": {')
    assert emptied != text
    (folder / "profile" / "manifest.json").write_text(emptied)
    with pytest.raises(OptionError, match="no map that could be judged"):
        open_desk(folder, config, by="anna")


def test_the_account_that_runs_it_reviews_unless_named(project, monkeypatch):
    """As it is known to the system."""
    monkeypatch.setenv("LOGNAME", "carla")
    monkeypatch.setenv("USER", "carla")
    folder, config = project
    assert open_desk(folder, config, by=None).reviewer


def test_a_page_for_somebody_without_the_run(project, tmp_path):
    """Written as one file; what it saves is taken, and what is no such file is refused."""
    folder, config = project
    desk, said = open_desk(folder, config, by="anna"), []
    write_page(desk, tmp_path / "anna.html", said.append)
    assert "<script" in (tmp_path / "anna.html").read_text(encoding="utf-8")
    assert f"{len(desk.questions)} maps for anna" in said[0]
    blank = json.loads(text_of(desk.blank(desk.questions[0])))
    (tmp_path / "saved.json").write_text(json.dumps({"decisions": [{**blank, "opinion": "plausible"}]}))
    take(desk, tmp_path / "saved.json", said.append)
    assert said[1].startswith("1 of 1 decisions taken")
    assert desk.counted()[0] == 1
    with pytest.raises(OptionError, match="cannot be written"):
        write_page(desk, tmp_path / "none" / "anna.html", said.append)


def test_the_command_is_in_the_help():
    """With its options."""
    assert {"by", "port", "show", "page", "saved", "config"} <= {
        option.name for option in main.commands["review"].params
    }
