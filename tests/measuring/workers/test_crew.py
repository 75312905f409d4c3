"""Who works beside the process that measures."""

from __future__ import annotations

import pytest

from explain_gate.measuring.workers import processes
from explain_gate.measuring.workers.crew import Crew


@pytest.mark.parametrize(
    ("crew", "works"),
    [
        (Crew(), False),
        (Crew(count=1), False),
        (Crew(count=2), True),
        (Crew(engine="ray"), True),
        (Crew(engine="ray", count=1), True),
    ],
)
def test_one_local_process_is_the_one_that_measures(crew, works):
    """A second process would only wait for the first; a cluster may have the accelerator that this machine lacks."""
    assert crew.works == works


def test_what_a_killed_worker_leaves_is_not_published(write_project, tmp_path, measured, monkeypatch):
    """Its folder stood beside the profile, which goes where the user's report is."""
    left = []

    def killed(job, cache, count, scratch, progress) -> None:
        left.append(scratch / "half" / "maps")
        left[0].mkdir(parents=True)

    monkeypatch.setattr(processes, "measure_in_processes", killed)
    write_project(tmp_path / "project")
    session = measured(workers=2)
    assert len(left) == 1
    assert not list(session.work.glob("**/half"))
