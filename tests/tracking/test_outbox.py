"""Runs that wait: kept when the store is away, delivered exactly once, whatever interrupts the delivery."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from stores import all_runs

from explain_gate.errors import TrackingError
from explain_gate.tracking.history import history
from explain_gate.tracking.outbox import deliver, put, waiting
from explain_gate.tracking.recorder import record
from explain_gate.tracking.settings import TrackingSettings
from explain_gate.tracking.store import Store
from explain_gate.tracking.submission import describe


@pytest.fixture
def nowhere(settings, free_port) -> TrackingSettings:
    """Settings on a port where nothing listens."""
    return replace(settings, uri=f"http://ann:s3cret@127.0.0.1:{free_port}")


def test_unreachable_server_costs_seconds_and_loses_nothing(nowhere, gate_run):
    """The run waits with its report, profile and weights; the reason is told without the password."""
    run = gate_run("v1")
    started = time.monotonic()
    recorded = record(run.verdict, run.profile, run.folder, nowhere)
    assert time.monotonic() - started < 30
    assert recorded.run_id is None
    assert recorded.waiting.parent == nowhere.outbox
    assert (recorded.waiting / "run" / "index.html").read_text() == "<title>v1</title>"
    assert (recorded.waiting / "run" / "profile" / "manifest.json").is_file()
    assert [path.name for path in (recorded.waiting / "weights").iterdir()] == ["v1.safetensors"]
    assert str(recorded.waiting) in recorded.message
    assert "connection refused" in recorded.message
    assert "s3cret" not in recorded.message + repr(recorded) + (recorded.waiting / "entry.json").read_text()


def test_fail_demands_the_record(nowhere, gate_run):
    """`on_unreachable: fail` is an error without a traceback's secrets, and the run waits all the same."""
    run = gate_run("v1")
    with pytest.raises(TrackingError, match="explain-gate publish") as caught:
        record(run.verdict, run.profile, run.folder, replace(nowhere, on_unreachable="fail"))
    assert caught.value.exit_code == 3
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert len(waiting(nowhere.outbox)) == 1


def test_silent_server_costs_at_most_half_a_minute(settings, gate_run):
    """A server that takes the connection and never answers is given up in time."""
    with listening(b"") as port:
        started = time.monotonic()
        run = gate_run("v1")
        recorded = record(run.verdict, run.profile, run.folder, replace(settings, uri=f"http://127.0.0.1:{port}"))
        assert time.monotonic() - started < 30
    assert recorded.waiting is not None


def test_server_that_asks_to_come_back_later(settings, gate_run):
    """503 with Retry-After: 600 does not hold up a build."""
    with listening(b"HTTP/1.1 503 Busy\r\nRetry-After: 600\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") as port:
        started = time.monotonic()
        run = gate_run("v1")
        recorded = record(run.verdict, run.profile, run.folder, replace(settings, uri=f"http://127.0.0.1:{port}"))
        assert time.monotonic() - started < 30
    assert recorded.waiting is not None


def test_slow_server_uses_up_one_budget(settings, gate_run, monkeypatch):
    """Calls that each just make it do not add up to minutes."""
    monkeypatch.setattr("explain_gate.tracking.store.BUDGET", 0.5)
    remote = property(lambda _settings: True)
    monkeypatch.setattr(TrackingSettings, "remote", remote)
    run = gate_run("v1")
    recorded = record(run.verdict, run.profile, run.folder, settings)
    assert "for a few calls" in recorded.reason


def test_delivery_later_says_what_would_have_been_said(nowhere, settings, gate_run, client):
    """A run that waited is recorded whole, with its weights, its own time and its promotion."""
    run = gate_run("v1")
    recorded = record(run.verdict, run.profile, run.folder, nowhere)
    shutil.rmtree(run.folder)
    [delivery] = deliver(settings.outbox, settings)
    assert (delivery.state, delivery.delivered.move.after) == ("delivered", "1")
    assert waiting(settings.outbox) == []
    [found] = all_runs(client(settings))
    assert found.data.tags["explain_gate.run_key"] == recorded.waiting.name
    assert {item.path for item in client(settings).list_artifacts(found.info.run_id)} >= {"index.html", "profile"}
    uri = client(settings).get_model_version_download_uri("pets", "1")
    assert (Path(uri.removeprefix("file://")) / "v1.safetensors").is_file()
    assert deliver(settings.outbox, settings) == []


def test_interrupt_keeps_the_run(settings, gate_run, client, monkeypatch):
    """Ctrl-C in the middle of the upload is an interrupt, and the run still waits."""

    def interrupt(self, *_args, **_kwargs):
        raise KeyboardInterrupt

    run = gate_run("v1")
    with monkeypatch.context() as patch:
        patch.setattr(Store, "transfer", interrupt)
        with pytest.raises(KeyboardInterrupt):
            record(run.verdict, run.profile, run.folder, settings)
    assert [delivery.state for delivery in deliver(settings.outbox, settings)] == ["delivered"]
    assert len(all_runs(client(settings))) == 1


def test_two_deliveries_at_once_deliver_each_run_once(nowhere, settings, gate_run, client, tmp_path):
    """Two `publish` on one outbox, started together, share the work or wait; no run is there twice."""
    for index in range(3):
        run = gate_run(f"v{index}")
        submission = describe(run.verdict, run.profile, run.folder, nowhere, ended=1000 + index)
        put(settings.outbox, submission, run.folder)
    script = tmp_path / "publish.py"
    script.write_text(
        textwrap.dedent(
            f"""
            from pathlib import Path
            from explain_gate.tracking.outbox import deliver
            from explain_gate.tracking.settings import TrackingSettings
            settings = TrackingSettings(uri={settings.uri!r})
            for delivery in deliver(Path({str(settings.outbox)!r}), settings):
                print(delivery.state, delivery.reason)
            """
        )
    )
    processes = [
        subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    assert sum(answer[0].count("delivered") for answer in answers) == 3, answers
    assert sorted(run.info.run_name for run in all_runs(client(settings))) == ["v0", "v1", "v2"]
    assert waiting(settings.outbox) == []


def test_entry_that_another_process_holds_is_left_to_it(nowhere, settings, gate_run, client):
    """A run that is being delivered is not touched by a second delivery."""
    import fcntl
    import os

    run = gate_run("v1")
    entry = record(run.verdict, run.profile, run.folder, nowhere).waiting
    descriptor = os.open(entry, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert [delivery.state for delivery in deliver(settings.outbox, settings)] == ["busy"]
    finally:
        os.close(descriptor)
    assert all_runs(client(settings)) == []
    assert [delivery.state for delivery in deliver(settings.outbox, settings)] == ["delivered"]


def test_first_failure_spares_the_others(nowhere, gate_run):
    """A server that is away is asked once, not once for every waiting run."""
    for index in range(4):
        run = gate_run(f"v{index}")
        submission = describe(run.verdict, run.profile, run.folder, nowhere, ended=1000 + index)
        put(nowhere.outbox, submission, run.folder)
    deliveries = deliver(nowhere.outbox, nowhere)
    assert [delivery.state for delivery in deliveries] == ["waiting"] * 4
    assert [delivery.reason == deliveries[-1].reason for delivery in deliveries] == [False, True, True, True]


def test_late_delivery_does_not_take_the_alias_back(nowhere, settings, gate_run, client):
    """v1 passed while the server was away, v2 passed since: delivering v1 leaves the alias with v2."""
    old = gate_run("v1")
    record(old.verdict, old.profile, old.folder, nowhere)
    new = gate_run("v2")
    assert record(new.verdict, new.profile, new.folder, settings).promoted == "1"
    [delivery] = deliver(settings.outbox, settings)
    assert delivery.state == "delivered"
    assert delivery.delivered.move is None
    assert "judged later" in delivery.delivered.kept
    version = client(settings).get_model_version_by_alias("pets", "explain-approved")
    assert version.tags["explain_gate.model_digest"] == new.verdict.model["digest"]


def test_late_delivery_does_not_overwrite_newer_evidence(nowhere, settings, gate_run, client):
    """A version judged again since keeps the later verdict."""
    old = gate_run("first", digest="ab" * 32)
    record(old.verdict, old.profile, old.folder, nowhere)
    new = gate_run("second", digest="ab" * 32)
    recorded = record(new.verdict, new.profile, new.folder, settings)
    [delivery] = deliver(settings.outbox, settings)
    assert "judged again since" in delivery.delivered.kept
    assert client(settings).get_model_version("pets", "1").tags["explain_gate.run_id"] == recorded.run_id


def test_waiting_weights_are_those_that_were_judged(nowhere, settings, gate_run, client):
    """Training that writes the next weights into the same file does not change what is promoted later."""
    run = gate_run("v1")
    record(run.verdict, run.profile, run.folder, nowhere)
    with Path(run.verdict.model["checkpoint"]).open("r+b") as file:
        file.write(b"v2")
    deliver(settings.outbox, settings)
    uri = client(settings).get_model_version_download_uri("pets", "1")
    assert (Path(uri.removeprefix("file://")) / "v1.safetensors").read_bytes() == b"v1"


def test_missing_database_driver_is_told(settings, gate_run):
    """A store whose driver is not installed is a reason to wait, not a traceback."""
    run = gate_run("v1")
    recorded = record(run.verdict, run.profile, run.folder, replace(settings, uri="oracle://a:s3cret@db/x"))
    assert recorded.waiting is not None
    assert "s3cret" not in recorded.message


def test_putting_twice_is_one_entry(settings, gate_run):
    """A run that waits is not there a second time."""
    run = gate_run("v1")
    submission = describe(run.verdict, run.profile, run.folder, settings, ended=1000)
    assert put(settings.outbox, submission, run.folder) == put(settings.outbox, submission, run.folder)
    assert len(waiting(settings.outbox)) == 1


def test_entry_is_whole_or_absent(settings, gate_run, monkeypatch):
    """A disk that fills up while the run is put away leaves nothing that looks like a waiting run."""
    run = gate_run("v1")
    submission = describe(run.verdict, run.profile, run.folder, settings, ended=1000)

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("explain_gate.tracking.outbox._link_or_copy", full)
    with pytest.raises(TrackingError, match="No space left"):
        put(settings.outbox, submission, run.folder)
    assert list(settings.outbox.iterdir()) == []


def test_other_file_system_gets_copies(settings, gate_run, monkeypatch):
    """Where files cannot be linked they are copied."""

    def refuse(*_args):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", refuse)
    run = gate_run("v1")
    entry = put(settings.outbox, describe(run.verdict, None, run.folder, settings, ended=1), run.folder)
    assert (entry / "run" / "index.html").read_text() == "<title>v1</title>"


def test_damaged_entry_waits_with_its_reason(settings, tmp_path):
    """A record that cannot be read is told, and stays for somebody to look at."""
    (settings.outbox / "broken").mkdir(parents=True)
    (settings.outbox / "broken" / "entry.json").write_text("{")
    [delivery] = deliver(settings.outbox, settings)
    assert delivery.state == "waiting"
    assert "damaged" in delivery.reason


def test_folder_that_is_not_there(settings, tmp_path):
    """A mistyped outbox is an error, not an empty success."""
    with pytest.raises(TrackingError, match="no such outbox"):
        deliver(tmp_path / "typo", settings)


def test_one_waiting_run_can_be_named(nowhere, settings, gate_run):
    """`publish` takes the folder that the failure message named."""
    run = gate_run("v1")
    entry = record(run.verdict, run.profile, run.folder, nowhere).waiting
    assert [delivery.state for delivery in deliver(entry, settings)] == ["delivered"]


@contextmanager
def listening(answer: bytes) -> Iterator[int]:
    """A port that takes every connection and gives one answer, or none at all."""
    listener = socket.create_server(("127.0.0.1", 0))
    taken: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            taken.append(connection)
            if answer:
                connection.recv(65536)
                connection.sendall(answer)
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in taken:
            connection.close()
        thread.join(5)


def test_a_run_that_an_earlier_version_kept_is_delivered(settings):
    """What waited when the package was updated is sent, once, and the history of its model shows it."""
    earlier = Path(__file__).parents[1] / "folders" / "670220f"
    entry = settings.outbox / "83ede4f1c411fcd539e8cd466b0a23ed"
    shutil.copytree(earlier / "first", entry / "run")
    shutil.copy(earlier / "first.entry.json", entry / "entry.json")
    (delivery,) = deliver(settings.outbox, settings)
    assert (delivery.state, delivery.reason) == ("delivered", None)
    assert not entry.exists()
    (run,) = history("build", replace(settings, experiment="explain-gate"))
    assert (run.verdict, len(run.findings)) == ("passed", 5)


def test_a_page_goes_along_up_to_its_bound(settings, gate_run, monkeypatch):
    """The report as one file waits beside the others, not in the output folder; a larger one is left out."""
    run = gate_run("v1")
    submission = describe(run.verdict, run.profile, run.folder, settings, ended=1)
    entry = put(settings.outbox, submission, run.folder, page="<p>ü</p>")
    assert (entry / "run" / "report.html").read_text(encoding="utf-8") == "<p>ü</p>"
    assert not (run.folder / "report.html").exists()
    monkeypatch.setattr("explain_gate.tracking.outbox.MOST_OF_PAGE", 8)
    entry = put(settings.outbox, replace(submission, key="other"), run.folder, page="<p>ü</p>")
    assert not (entry / "run" / "report.html").exists()
