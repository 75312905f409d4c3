"""The life of a model: bootstrapped, replaced by an honest version, attacked by a cheating one, repaired."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import processes
import projects
import pytest
from safetensors.torch import save_file

from explain_gate.measuring.progress import Silent
from explain_gate.options import RunOptions
from explain_gate.session.run import GateSession

THRESHOLDS = projects.THRESHOLDS.replace("0.9}}", "0.9, max_drop: 0.02}}").replace(
    "{{at_least: 0.6, per_class: true}}", "{{at_least: 0.6, max_drop: 0.05}}"
) + (
    "  drift:\n    map_correlation: {{at_least: 0.9}}\n    changed_reason: {{at_most: 0.1}}\n"
    "tracking:\n  experiment: life\n  promote: {{model: colours, alias: explain-approved}}\n"
)
APPROVED = "models:/colours@explain-approved"


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """The tiny project with four checkpoints: three honest ones that differ in rounding, one that looks at a corner."""
    projects.write_project(tmp_path, per_class=6, thresholds=THRESHOLDS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "tinymodel", raising=False)
    import tinymodel

    for name, corner, scale in (("v1", False, 1.0), ("v2", False, 1.1), ("v3", True, 1.0), ("v4", False, 0.9)):
        state = tinymodel.build(corner).state_dict()
        save_file(
            {key: (value * scale if "weight" in key else value) for key, value in state.items()},
            tmp_path / f"{name}.safetensors",
        )
    return tmp_path


def gate(project: Path, version: str, uri: str, **options):
    """Measure, judge, publish and record one version; the verdict's exit code and what the record says."""
    session = GateSession(
        RunOptions(
            config=str(project / "thresholds.yaml"),
            checkpoint=str(project / f"{version}.safetensors"),
            output=str(project / "reports" / version),
            tracking_uri=uri,
            **options,
        )
    )
    finished = session.run(Silent())
    return finished.verdict.exit_code, finished.recorded, session


def live(project: Path, uri: str) -> GateSession:
    """v1 to v4; returns the last session."""
    assert gate(project, "v1", uri, bootstrap=True)[0] == 0
    code, message, _ = gate(project, "v2", uri, reference=APPROVED)
    assert code == 0
    assert "explain-approved moved from version 1 to version 2" in message
    code, message, session = gate(project, "v3", uri, reference=APPROVED)
    assert code == 1
    assert "moved from" not in message
    code, message, session = gate(project, "v4", uri, reference=APPROVED)
    assert code == 0
    assert "moved from" in message
    return session


def check_history(session: GateSession) -> None:
    """Four runs in order, the third blocked, the alias at the fourth."""
    from explain_gate.tracking.history import history

    runs = history("colours", session.tracking)
    assert [run.verdict for run in runs] == ["passed", "passed", "failed", "passed"]
    assert [bool(run.aliases) for run in runs] == [False, False, False, True]


def test_a_life_on_sqlite(project):
    """v1 is promoted, v2 takes the alias, v3 is blocked and does not, v4 takes it again."""
    check_history(live(project, f"sqlite:///{project / 'mlflow.db'}"))


@contextlib.contextmanager
def server(folder: Path):
    """A real MLflow server on loopback, ended by its process id."""
    port = processes.free_port()
    arguments = ["server", "--backend-store-uri", f"sqlite:///{folder / 'server.db'}", "--workers", "1"]
    arguments += ["--artifacts-destination", str(folder / "artifacts"), "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for _ in range(240):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
                break
            time.sleep(0.5)
        else:
            pytest.fail("the MLflow server did not start within two minutes")
        yield f"http://127.0.0.1:{port}", process
    finally:
        import os

        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


@pytest.mark.slow
def test_a_life_on_a_server_that_goes_away(project, tmp_path_factory):
    """The same against a server; once it is gone, the verdict stands and the run waits in the outbox."""
    import os

    with server(tmp_path_factory.mktemp("server")) as (uri, process):
        session = live(project, uri)
        check_history(session)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
        began = time.monotonic()
        code, message, session = gate(project, "v2", uri, bootstrap=True)
        assert code == 0
        assert time.monotonic() - began < 150  # MLflow's own retries take four minutes
        assert "waits" in message
        assert list(session.tracking.outbox.iterdir())
