"""The archive for an issue: what it takes to understand a fault, and nothing that is private."""

import zipfile

import projects
import pytest
from click.testing import CliRunner

from explain_gate.cli import main
from explain_gate.commands.report_bug import report_bug
from explain_gate.errors import OptionError


def contents(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_run_is_told_without_pictures_and_secrets(tmp_path, write_project, measured):
    """Versions, rules, verdict, manifest; the list is printed."""
    tracking = 'tracking: {{uri: "http://ann:s3cret@host:5000"}}\n'
    config = write_project(tmp_path / "project", thresholds=projects.THRESHOLDS + tracking)
    session = measured()
    output = session.finish(session.conclude()).output
    said = []
    report_bug(str(config), output, tmp_path / "bug.zip", say=said.append)
    inside = contents(tmp_path / "bug.zip")
    names = ["junit.xml", "manifest.json", "summary.md", "thresholds.yaml", "verdict.json", "versions.json"]
    assert sorted(inside) == names
    assert not [name for name, content in inside.items() if b"s3cret" in content or b"\xff\xd8\xff" in content]
    assert b"torch" in inside["versions.json"]
    assert all(any(name in line for line in said) for name in names)


def test_rules_that_cannot_be_read_are_told_with_what_is_wrong(tmp_path):
    """The fault itself is what the issue is about."""
    config = tmp_path / "thresholds.yaml"
    config.write_text("version: 1\nmodle: {}\n", encoding="utf-8")
    report_bug(str(config), None, tmp_path / "bug.zip", say=lambda _: None)
    inside = contents(tmp_path / "bug.zip")
    assert b"modle" in inside["thresholds.error.txt"]
    assert b"modle" in inside["thresholds.yaml"]


def test_an_archive_that_is_there_stays_and_a_folder_must_be_a_run(tmp_path):
    """Nothing of a user's is overwritten."""
    (tmp_path / "bug.zip").write_text("mine")
    with pytest.raises(OptionError, match="is there already"):
        report_bug("nowhere.yaml", None, tmp_path / "bug.zip", say=lambda _: None)
    assert (tmp_path / "bug.zip").read_text() == "mine"
    done = CliRunner().invoke(main, ["report-bug", str(tmp_path), "--output", str(tmp_path / "new.zip")])
    assert done.exit_code == 4
    assert "must be a run's output folder" in done.output
