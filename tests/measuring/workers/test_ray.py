"""Workers on Ray: the numbers of one process, also when workers die, and an end when they die every time."""

from __future__ import annotations

import _thread
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import processes
import pytest
from projects import wait_while_measuring

from explain_gate.config import load_config
from explain_gate.errors import DataError, ExplainGateError, ModelError, OptionError
from explain_gate.measuring.job import Turn
from explain_gate.measuring.workers import ray as ray_engine
from explain_gate.measuring.workers import ray_worker
from explain_gate.measuring.workers.ray import _check, _measured
from explain_gate.measuring.workers.ray_runtime import running_ray
from explain_gate.measuring.workers.share import opened, weights_of
from explain_gate.models.open import load_model

ROOT = Path(__file__).parents[2]
DYING = """
import os, signal
from pathlib import Path
from tinymodel import Net


class Dying(Net):
    calls = 0

    def forward(self, x):
        Dying.calls += 1
        if "EXPLAIN_GATE_RUN" in os.environ and Dying.calls == 3:
            with Path(__file__).with_name("deaths").open("a") as deaths:
                deaths.write("x")
                if deaths.tell() <= MOST:
                    os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(x)


def build(corner=False):
    return Dying(corner)
"""


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """One Ray with two workers for all tests of this file."""
    with running_ray(None, cpus=2, gpus=0) as (module, own):
        assert own
        yield module


@pytest.fixture
def project(tmp_path, write_project) -> Path:
    """The tiny project, large enough for several shares."""
    return write_project(tmp_path / "project", per_class=24)


class Told:
    """Remembers the progress and acts once, when the workers are about to begin."""

    def __init__(self, act: Callable[[], None] = lambda: None) -> None:
        self.lines: list[tuple[str, int, int]] = []
        self._act = act

    def advance(self, stage: str, done: int, total: int) -> None:
        """As Progress."""
        self.lines.append((stage, done, total))
        if stage.endswith("Ray workers") and done == 0:
            self._act()


def values(session: Any) -> dict[tuple[str, str, str | None], float | None]:
    return {(score.image, score.check, score.method): score.value for score in session.profile.scores()}


def assert_same(session: Any, other: Any) -> None:
    """Equal statuses, and equal values but for rounding."""
    mine, theirs = values(session), values(other)
    assert mine.keys() == theirs.keys()
    np.testing.assert_allclose(list(mine.values()), list(theirs.values()), rtol=1e-5, atol=1e-6)
    assert {key: found.status for key, found in session.findings.items()} == {
        key: found.status for key, found in other.findings.items()
    }


def dying(project: Path, times: int) -> Path:
    """The project's model kills its worker at the third forward, so many times; returns the file that counts them."""
    (project.parent / f"dying{times}.py").write_text(DYING.replace("MOST", str(times)))
    project.write_text(project.read_text().replace("tinymodel:build", f"dying{times}:build"))
    return project.parent / "deaths"


def test_workers_on_ray_find_what_one_process_finds(ray, project, measured):
    """The values are equal; then only what looks at the whole set is left to measure, and a second time nothing."""
    told = Told()
    together = measured(told, engine="ray", workers=2)
    assert [line[1:] for line in told.lines if line[0] == "2 Ray workers"] == [(0, 48), (16, 48), (32, 48), (48, 48)]
    assert_same(together, measured(cache=False))
    assert together.profile.manifest["passes"]["backward"] < 48
    again = Told()
    assert measured(again, engine="ray").profile.manifest["passes"] == {"forward": 0, "backward": 0}
    assert not any(stage.endswith("Ray workers") for stage, _, _ in again.lines)


def test_a_worker_that_is_killed_half_way_is_replaced(ray, project, measured):
    """SIGKILL in the middle of a share: the share goes to another worker, and the verdict is the same."""
    deaths = dying(project, 1)
    session = measured(engine="ray", workers=1)
    assert len(deaths.read_text()) >= 2
    assert_same(session, measured(cache=False))


def test_workers_that_die_every_time_are_an_error(ray, project, measured, monkeypatch):
    """No hang and no verdict: the run ends with exit 3 and names the images. Two attempts here, for the time's sake."""
    monkeypatch.setattr(ray_engine, "_ATTEMPTS", 2)
    deaths = dying(project, 99)
    with pytest.raises(ExplainGateError, match=r"2 Ray workers died.*images, \w+\.png to \w+\.png") as raised:
        measured(engine="ray", workers=1)
    assert raised.value.exit_code == 3
    assert deaths.read_text() == "xx"


def test_what_workers_on_other_nodes_find_comes_back(ray, tmp_path, project, measured):
    """A worker that does not see this process's folder sends its entries; nothing is written to a place of its own."""

    def pretend() -> None:
        (mark,) = tmp_path.glob(".run-*/.workers-*/.in-use")
        mark.write_text("another host")

    apart = measured(Told(pretend), engine="ray", workers=2)
    assert apart.profile.manifest["passes"]["backward"] < 48
    assert apart.profile.manifest["cache"]["written"] > 3 * 48
    assert_same(apart, measured(cache=False))


def test_a_worker_of_other_code_is_refused(ray, project, fresh_modules):
    """Numbers of another version of torch would never be found in the cache of the process that asked."""
    opened.cache_clear()
    weights = ray.put(weights_of(load_model(load_config(project))))
    known = (("torch", "another"), ("weights", ""))
    with pytest.raises(OptionError, match="differs from the process that started it in: torch, weights"):
        ray_worker._model(str(project), "tinymodel:build", "cpu", "float32", known, weights)


def test_a_fault_of_the_model_is_the_error_of_a_local_run(ray, project, measured):
    """The same class, exit code and message, as soon as a worker meets it."""
    project.write_text(project.read_text() + '  custom:\n    "tinymetric:half": {at_least: 0}\n')
    (project.parent / "tinymetric.py").write_text("def half(relevance):\n    return relevance.mean((1, 2))[::2]\n")
    with pytest.raises(ModelError, match="one value per image") as local:
        measured(cache=False)
    with pytest.raises(ModelError, match="one value per image") as raised:
        measured(engine="ray", workers=1)
    assert type(raised.value) is ModelError
    assert str(raised.value) == str(local.value)


def test_files_that_cannot_be_used_are_all_named(ray, project, measured):
    """Not only those of the share that met one first."""
    for name in ("red_00.png", "green_47.png"):
        (project.parent / "images" / name).write_bytes(b"no picture")
    with pytest.raises(DataError) as local:
        measured(cache=False)
    with pytest.raises(DataError) as raised:
        measured(engine="ray", workers=1)
    assert "2 images cannot be used" in str(raised.value)
    assert str(raised.value) == str(local.value)


def test_an_interrupted_run_leaves_no_task_behind(ray, project, measured, interruptible):
    """Ctrl-C while a worker measures takes back what is on its way; a Ray that was there before goes on."""
    measuring = wait_while_measuring(project)

    def interrupt() -> None:
        processes.wait_for(measuring.exists, "a worker measures")
        _thread.interrupt_main()

    interrupter = threading.Thread(target=interrupt)
    with pytest.raises(KeyboardInterrupt):
        measured(Told(interrupter.start), engine="ray", workers=2)
    interrupter.join()
    assert ray.is_initialized()
    processes.wait_for(lambda: ray.available_resources().get("CPU") == 2, "both workers are free again")


class Part(NamedTuple):
    """As much of a share as is looked at."""

    rows: tuple[int, ...]
    turn: Turn | None = None


class FakeRay(SimpleNamespace):
    """Ray as `_measured` uses it; a task is its own reference and ends when it is waited for."""

    def __init__(self, ends: Callable[[Any], Any]) -> None:
        names = ("WorkerCrashedError", "NodeDiedError", "ObjectLostError", "OutOfMemoryError", "RayTaskError")
        base = type("RayError", (Exception,), {})
        errors = {"RayError": base, **{name: type(name, (base,), {}) for name in names}}
        super().__init__(exceptions=SimpleNamespace(**errors), ends=ends, cancelled=[], at_once=[])

    def wait(self, references: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:  # noqa: ARG002 - as Ray
        """The first one is done."""
        self.at_once.append(len(references))
        return references[:1], references[1:]

    def get(self, reference: Any) -> Any:
        """What the task returned or raised."""
        return self.ends(reference)

    def cancel(self, reference: Any, *, force: bool) -> None:
        """Remember it."""
        self.cancelled.append((reference, force))


def test_shares_on_their_way_are_bounded():
    """At most one for each worker, however many there are; what is left when the caller stops is cancelled."""
    fake = FakeRay(lambda _: [])
    results = _measured(fake, lambda share: share, [f"share {n}" for n in range(9)], SimpleNamespace(), 3, 0)
    assert [next(results)[0] for _ in range(5)] == [f"share {n}" for n in range(5)]
    results.close()
    assert set(fake.at_once) == {3}
    assert fake.cancelled == [(f"share {n}", True) for n in (5, 6, 7)]


def test_a_lost_share_is_tried_three_times():
    """At once again, so that images that crash every worker are found early; others are not counted with it."""
    tried = []

    def end(share: Any) -> list[Any]:
        tried.append(share)
        if share.rows == (1,) or (share.rows == (0,) and tried.count(share) == 1):
            raise fake.exceptions.NodeDiedError
        return []

    fake = FakeRay(end)
    data = SimpleNamespace(entries=[SimpleNamespace(image=f"{row}.png") for row in range(3)])
    parts = [Part((row,)) for row in range(3)]
    with pytest.raises(ExplainGateError, match=r"3 Ray workers died.*1\.png to 1\.png \(NodeDiedError\)"):
        list(_measured(fake, lambda share: share, parts, data, 1, 0))
    assert [share.rows for share in tried] == [(0,), (0,), (1,), (1,), (1,)]


@pytest.mark.parametrize(
    ("resources", "gpus", "device", "told"),
    [
        ({"CPU": 8}, 1, "cuda", "no GPU"),
        ({"GPU": 8}, 1, "cuda", "no CPU"),
        ({"CPU": 8, "GPU": 8}, 0, "auto", "this process.*has none"),
    ],
)
def test_a_cluster_that_cannot_do_the_work_is_told_at_once(resources, gpus, device, told):
    """A task that no node can take would wait for ever."""
    with pytest.raises(OptionError, match=told):
        _check(resources, gpus, device)
    _check({"CPU": 8, "GPU": 8}, gpus, "cpu")


def test_an_address_where_no_cluster_is_is_exit_4():
    """Told as an option's error, with the address; in a process of its own, which has no Ray yet."""
    code = (
        "from explain_gate.measuring.workers.ray_runtime import running_ray\n"
        "from explain_gate.errors import OptionError\n"
        "try:\n"
        "    running_ray('127.0.0.1:1', cpus=1, gpus=0).__enter__()\n"
        "except OptionError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.startswith("no Ray cluster answers at 127.0.0.1:1:")
