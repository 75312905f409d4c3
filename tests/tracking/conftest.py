"""Finished gate runs, a SQLite store that is ready in no time, and a real MLflow server."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import processes
import pytest

from explain_gate.profile.writer import ProfileWriter
from explain_gate.records import Finding, ImageRow, Measurement, Profile, Verdict
from explain_gate.tracking.settings import TrackingSettings
from explain_gate.tracking.store import connect

MANIFEST = {
    "model": {"source": "shop:build", "checkpoint": None, "digest": "ab" * 32, "name": "pets", "version": None},
    "dataset": {"digest": "cd" * 32, "images": 2, "classes": ["cat", "dog"], "height": 8, "width": 8},
    "methods": {"grad_cam": {"layer": "auto"}},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRun:
    """What `record` is called with."""

    verdict: Verdict
    profile: Profile
    folder: Path


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty MLflow database; migrations take seconds, a copy takes none."""
    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    with connect(TrackingSettings(uri=f"sqlite:///{path}")) as store:
        store.call(store.client.get_experiment_by_name, "pets")
    return path


@pytest.fixture
def settings(tmp_path: Path, empty_store: Path) -> TrackingSettings:
    """Settings on a SQLite store of this test's own, promoting to pets@explain-approved."""
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    return TrackingSettings(
        uri=f"sqlite:///{tmp_path / 'mlflow.db'}",
        experiment="pets",
        promote=("pets", "explain-approved"),
        outbox=tmp_path / "outbox",
    )


@pytest.fixture
def gate_run(tmp_path: Path) -> Callable[..., GateRun]:
    """Makes a finished output folder: `gate_run("v1", passed=True, iou=0.45)`."""

    def make(
        name: str, *, passed: bool = True, iou: float = 0.45, digest: str | None = None, **changes: Any
    ) -> GateRun:
        folder = tmp_path / "reports" / name
        profile = write_profile(folder / "profile", iou)
        (folder / "index.html").write_text(f"<title>{name}</title>", encoding="utf-8")
        finding = Finding(
            check="alignment.iou",
            method="grad_cam",
            class_name="cat",
            statistic="mean",
            value=iou,
            interval=(iou - 0.05, iou + 0.05),
            bound={"at_least": 0.4},
            status="passed" if passed else "failed",
            images=2,
            unmeasured=0,
            worst=("cat_001",),
            message="",
            line=12,
        )
        checkpoint = tmp_path / f"{name}.safetensors"
        checkpoint.write_bytes(name.encode())
        model = {
            **MANIFEST["model"],
            "digest": digest or name.encode().hex().ljust(64, "0"),
            "checkpoint": str(checkpoint),
        }
        verdict = Verdict(
            verdict="passed" if passed else "failed",
            exit_code=0 if passed else 1,
            planned=(finding.key,),
            judged=(finding.key,),
            findings=(finding,),
            model=model,
            dataset={"digest": "cd" * 32, "images": 2, "classes": ["cat", "dog"]},
            config_digest="ef" * 32,
            environment={"git_commit": "1a2b3c", "torch": "2.13.0", "packages": {"torch": "2.13.0"}},
            seconds=1.5,
            passes={"forward": 4, "backward": 2},
        )
        verdict = replace(verdict, **changes)
        findings = [
            {"check": found.check, "class": found.class_name, "value": found.value} for found in verdict.findings
        ]
        (folder / "verdict.json").write_text(json_text({"findings": findings}), encoding="utf-8")
        return GateRun(verdict=verdict, profile=profile, folder=folder)

    return make


def json_text(content: Any) -> str:
    """JSON that refuses NaN and infinity."""
    import json

    return json.dumps(content, allow_nan=False)


def write_profile(folder: Path, iou: float) -> Profile:
    """A real profile of two images."""
    images = [
        ImageRow(
            image=f"{name}_00{row}",
            label=row,
            class_name=name,
            accepted=(row,),
            digest=f"{row:064x}",
            predicted=row,
            probability=0.9,
            region_area=0.25,
            region_reason=None,
        )
        for row, name in enumerate(("cat", "dog"))
    ]
    measurement = Measurement(
        check="alignment.iou",
        method="grad_cam",
        rows=np.arange(2),
        values=np.array([iou, iou + 0.1]),
        reasons=(None, None),
    )
    with ProfileWriter(folder, count=2, height=8, width=8) as writer:
        writer.maps("grad_cam")[:] = 0.5
        writer.regions()[:] = 255
        writer.thumbnail(0).write_bytes(b"jpeg")
        return writer.finish(images, [measurement], MANIFEST)


class Server:
    """`mlflow server` on a port of 127.0.0.1, on SQLite, with artifacts proxied; it can be killed and started again."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """Where clients reach it."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, in a process group of its own, and wait until it answers."""
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        store = f"sqlite:///{self.folder / 'mlflow.db'}"
        places = ["--backend-store-uri", store, "--artifacts-destination", str(self.folder / "artifacts")]
        address = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", *places, *address],
                env={**os.environ, **quiet},
                start_new_session=True,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + processes.PATIENCE_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.uri}/health", timeout=1).close()  # noqa: S310
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError((self.folder / "server.log").read_text(encoding="utf-8")[-2000:])

    def kill(self) -> None:
        """End it at once, as an outage does, with the worker it started."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
            self.process = None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[Server]:
    """One server for a module, ended by its process id."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_store, folder / "mlflow.db")
    running = Server(folder, processes.free_port())
    try:
        running.start()
        yield running
    finally:
        running.kill()


@pytest.fixture
def server_settings(server: Server, settings: TrackingSettings) -> TrackingSettings:
    """Settings on the server, in the experiment and outbox of this test."""
    return replace(settings, uri=server.uri)


@pytest.fixture
def free_port() -> int:
    """A port on which nothing listens."""
    return processes.free_port()


@pytest.fixture
def client() -> Iterator[Callable[[TrackingSettings], Any]]:
    """An MlflowClient on the store of some settings, for looking at what was recorded."""

    def make(settings: TrackingSettings) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=settings.bare_uri, registry_uri=settings.bare_uri)

    return make
