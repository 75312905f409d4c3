"""Every surface failing in turn: files, exit code and the tracking store of one run say the same.

The disk that is full and the folder that is read-only are errors of the calls that would meet them: the tests' own user
may write everywhere.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import projects
import pytest

from explain_gate.errors import TrackingError
from explain_gate.publishing import publish as publishing
from explain_gate.session import output as output_folder
from explain_gate.session.ending import Ending
from explain_gate.session.results import Results
from explain_gate.tracking import recorder


@pytest.fixture
def end(tmp_path, measured):
    """Measures the honest project, which passes, breaks something, and ends the run as pytest's side does."""

    def run(breaks=lambda: None, **tracking: str) -> Ending:
        store = f"sqlite:///{tmp_path / 'mlflow.db'}"
        section = f"tracking: {{{{uri: '{store}', on_unreachable: {tracking.get('on_unreachable', 'outbox')}}}}}\n"
        projects.write_project(tmp_path / "project", thresholds=projects.THRESHOLDS + section)
        session = measured(tracking=bool(tracking))
        results = Results()
        results.findings = dict(session.findings)
        breaks()
        ending = Ending(session.options, None)
        ending.conclude(session, results)
        return ending

    return run


def told(ending: Ending) -> dict:
    """verdict.json, after all other files were found to say the same."""
    assert ending.output is not None
    assert ending.verdict is not None
    document = json.loads((ending.output / "verdict.json").read_text(encoding="utf-8"))
    assert (document["verdict"], document["exit_code"]) == (ending.verdict.verdict, ending.verdict.exit_code)
    assert document["not_published"] == list(ending.verdict.not_published)
    error = ending.verdict.exit_code == 3
    if (ending.output / "junit.xml").is_file():
        suites = ET.parse(ending.output / "junit.xml").getroot()  # noqa: S314 - written just now
        assert (int(suites.get("errors", 0)) > 0) is error
    for name in ("summary.md", "index.html"):
        if (ending.output / name).is_file():
            assert ("Passed" in (ending.output / name).read_text(encoding="utf-8")) is not error
    return document


def outbox(tmp_path: Path) -> list[dict]:
    """The verdicts that wait for the store."""
    folder = tmp_path / "project" / ".explain-gate" / "outbox"
    return [json.loads(path.read_text(encoding="utf-8")) for path in folder.rglob("verdict.json")]


def refuse(monkeypatch, name: str, number: int) -> None:
    """Let one published file meet an error of the operating system."""
    write = publishing._write

    def fails(path: Path, text: str) -> None:
        if path.name == name:
            raise OSError(number, os.strerror(number))
        write(path, text)

    monkeypatch.setattr(publishing, "_write", fails)


@pytest.mark.parametrize("name", ["junit.xml", "metrics.txt", "summary.md", "results.sarif", "index.html"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS], ids=["full", "read-only"])
def test_a_surface_that_cannot_be_written_is_told_and_decides_nothing(end, monkeypatch, name, number):
    """The run passes, its verdict says which file is not there and why."""
    refuse(monkeypatch, name, number)
    ending = end()
    assert ending.verdict.exit_code == 0
    (reason,) = told(ending)["not_published"]
    assert name in reason
    assert os.strerror(number) in reason
    assert not (ending.output / name).exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS], ids=["full", "read-only"])
def test_without_verdict_json_there_is_no_verdict_anywhere(end, tmp_path, monkeypatch, number):
    """Exit 3; nothing is placed, nothing is recorded, and an earlier report stays."""
    (tmp_path / "out" / "profile").mkdir(parents=True)
    (tmp_path / "out" / "verdict.json").write_text("earlier")
    refuse(monkeypatch, "verdict.json", number)
    ending = end(on_unreachable="outbox")
    assert (ending.verdict.verdict, ending.verdict.exit_code, ending.output) == ("error", 3, None)
    assert os.strerror(number) in ending.verdict.messages[0]
    assert (tmp_path / "out" / "verdict.json").read_text() == "earlier"
    assert outbox(tmp_path) == []
    assert not list(tmp_path.glob(".run-*"))


def test_an_output_that_became_read_only_is_exit_3_and_the_earlier_report_stays(end, tmp_path, monkeypatch):
    """What cannot be placed is no verdict, and leaves no half of one."""

    def read_only(work: Path, output: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    (tmp_path / "out" / "profile").mkdir(parents=True)
    (tmp_path / "out" / "verdict.json").write_text("earlier")
    monkeypatch.setattr(output_folder, "replace", read_only)
    ending = end()
    assert (ending.verdict.exit_code, ending.output) == (3, None)
    assert (tmp_path / "out" / "verdict.json").read_text() == "earlier"
    assert not list(tmp_path.glob(".run-*"))


def store_refuses(monkeypatch) -> None:
    """MLflow takes no run."""

    def refuses(settings) -> None:
        raise TrackingError("the store says 403 Forbidden")

    monkeypatch.setattr(recorder, "connect", refuses)


def test_a_store_that_refuses_leaves_the_run_in_the_outbox_and_the_verdict_as_it_is(end, tmp_path, monkeypatch):
    """The run that waits says what the files say."""
    ending = end(lambda: store_refuses(monkeypatch), on_unreachable="outbox")
    assert (ending.verdict.verdict, ending.verdict.exit_code) == ("passed", 0)
    assert [waiting["exit_code"] for waiting in outbox(tmp_path)] == [told(ending)["exit_code"]]


def test_a_run_that_must_be_recorded_and_is_refused_has_no_verdict_anywhere(end, tmp_path, monkeypatch):
    """Exit 3 in every file, and in what waits for the store: nothing says that it passed."""
    ending = end(lambda: store_refuses(monkeypatch), on_unreachable="fail")
    assert (ending.verdict.verdict, ending.verdict.exit_code) == ("error", 3)
    assert "403 Forbidden" in told(ending)["messages"][0]
    assert [waiting["exit_code"] for waiting in outbox(tmp_path)] == [3]


@pytest.mark.parametrize(("on_unreachable", "code"), [("outbox", 0), ("fail", 3)])
def test_an_outbox_that_cannot_be_written_is_told_and_decides_only_where_records_must_be_kept(
    end, tmp_path, on_unreachable, code
):
    """Files, exit code and store agree; no run is in the store that the files do not know of."""

    def blocked() -> None:
        (tmp_path / "project" / ".explain-gate").mkdir(exist_ok=True)
        (tmp_path / "project" / ".explain-gate" / "outbox").write_text("a file, not a folder")

    ending = end(blocked, on_unreachable=on_unreachable)
    assert ending.verdict.exit_code == code
    document = told(ending)
    reasons = document["messages"] if code else document["not_published"]
    assert "outbox" in reasons[0]
    assert runs_in(tmp_path / "mlflow.db") == 0


def test_a_refused_rewrite_of_the_files_leaves_none_that_says_passed(end, tmp_path, monkeypatch):
    """The disk is full when the record has failed and the files should say so: then there are no files."""

    def full(*arguments, **options) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def breaks() -> None:
        store_refuses(monkeypatch)
        publish = publishing.publish
        calls = SimpleNamespace(count=0)

        def second_fails(*arguments, **options):
            calls.count += 1
            return publish(*arguments, **options) if calls.count == 1 else full()

        monkeypatch.setattr(publishing, "publish", second_fails)

    ending = end(breaks, on_unreachable="fail")
    assert ending.verdict.exit_code == 3
    assert not (tmp_path / "out" / "verdict.json").exists()
    assert not (tmp_path / "out" / "index.html").exists()


def runs_in(database: Path) -> int:
    """How many runs the store holds; 0 where nobody made it."""
    if not database.is_file():
        return 0
    with sqlite3.connect(database) as connection:
        tables = {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}
        return connection.execute("select count(*) from runs").fetchone()[0] if "runs" in tables else 0
