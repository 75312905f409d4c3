"""Several processes that measure: the same numbers, also when one of them dies."""

from __future__ import annotations

import subprocess

import pytest
from processes import ROOT, members, python, wait_for
from projects import wait_while_measuring

from explain_gate.errors import OptionError
from explain_gate.measuring.workers import processes
from explain_gate.measuring.workers.share import split

RUN = """
import sys
from explain_gate.measuring.progress import Silent
from explain_gate.options import RunOptions
from explain_gate.session.run import GateSession
config = sys.argv[1]
GateSession(RunOptions(config=config, output=config + ".out", device="cpu", workers=2)).measure(Silent())
"""


@pytest.mark.parametrize(("images", "count"), [(0, 2), (5, 2), (33, 2), (100, 3)])
def test_parts_cover_every_row_once(images, count):
    """Nothing is measured twice, nothing is left out."""
    assert sorted(row for part in split(range(images), count) for row in part) == list(range(images))


BEHAVIOUR = """\
    transplant_follow: {at_most: 0.9}
    signature_follow: {at_most: 0.9}
    operation_follow: {at_most: 0.9}
"""


@pytest.mark.parametrize("killed", [False, True], ids=["whole", "one killed"])
def test_workers_find_what_one_process_finds(tmp_path, write_project, measured, monkeypatch, killed):
    """The scores are equal to the last bit, and after the workers hardly anything is left to measure."""
    project = write_project(tmp_path / "project", per_class=16)
    project.write_text(project.read_text() + BEHAVIOUR)
    start, started = processes._start, []

    def start_and_kill(*told) -> subprocess.Popen:
        worker = start(*told)
        started.append(worker)
        if killed and len(started) == 1:
            worker.kill()
        return worker

    monkeypatch.setattr(processes, "_start", start_and_kill)
    together = measured(workers=2)
    assert len(started) == 2 + killed
    single = measured(cache=False)
    passes, alone = (run.profile.manifest["passes"] for run in (together, single))
    assert passes["forward"] + passes["backward"] < (alone["forward"] + alone["backward"]) / 4
    assert list(together.profile.scores()) == list(single.profile.scores())
    assert list(together.findings.values()) == list(single.findings.values())
    assert [worker.poll() is None for worker in started] == [False] * len(started)


def test_workers_end_with_the_process_that_started_them(tmp_path, write_project):
    """After SIGKILL of the run nobody reads what they would find, so they do not measure on."""
    project = write_project(tmp_path / "project", per_class=16)
    measuring = wait_while_measuring(project)
    run = subprocess.Popen(python("-c", RUN, str(project)), cwd=ROOT, start_new_session=True)
    wait_for(lambda: measuring.exists() or run.poll() is not None, "a worker measures")
    assert run.poll() is None
    run.kill()
    run.wait(timeout=60)
    wait_for(lambda: not members(run.pid), "the workers end")


def test_workers_need_a_cache(tmp_path, write_project, measured):
    """It is what connects them."""
    write_project(tmp_path / "project")
    with pytest.raises(OptionError, match="workers"):
        measured(workers=2, cache=False)


def test_a_checkpoint_as_reference_is_measured_in_parts_too(tmp_path, write_project, measured, monkeypatch):
    """Workers get the weights of the version that they measure; the candidate is as it was, and read."""
    from safetensors.torch import save_file

    project = write_project(tmp_path / "project")
    sent = []
    monkeypatch.setattr(
        processes,
        "measure_in_processes",
        lambda job, cache, count, *_: sent.append((job.model, cache.usable, count)),
    )
    model = measured(workers=3).model_under_test
    weights = {name: 2 * tensor for name, tensor in model.module.state_dict().items()}
    save_file(weights, project.parent / "before.safetensors")
    measured(workers=3, reference=str(project.parent / "before.safetensors"))
    assert [(usable, count) for _, usable, count in sent] == [(True, 3)] * 2
    assert [found.digest == model.digest for found, _, _ in sent] == [True, False]
