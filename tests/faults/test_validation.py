"""`validate` against `run`, over every project of `fault_projects`: what validate accepts, run can do."""

from __future__ import annotations

import re
import sys

import pytest
from fault_projects import PROJECTS, Project

from explain_gate.errors import ExplainGateError
from explain_gate.execution.progress import Silent
from explain_gate.session import GateSession, RunOptions
from explain_gate.validate_command import validate


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
def test_what_validate_accepts_run_can_do(tmp_path, write_project, fresh_modules, one_thread, project):
    """A run that validate was content with ends with 0 or 1; one that is refused was refused by validate, as told."""
    config = write_project(tmp_path / "project", per_class=2)
    project.change(config.parent)
    refused = _refusal(lambda options: validate(options, thorough=project.thorough), config, project, tmp_path)
    _forget(fresh_modules, tmp_path)
    stopped = _refusal(_run, config, project, tmp_path)
    _forget(fresh_modules, tmp_path)
    assert (stopped is None) == (refused is None), (stopped, refused)
    if project.told is not None:
        assert stopped is not None
        assert stopped.exit_code == 4
        assert re.search(project.told, str(stopped), re.DOTALL), str(stopped)
        assert re.search(project.told, str(refused), re.DOTALL), str(refused)


def _refusal(act, config, project: Project, tmp_path) -> ExplainGateError | None:
    """What the product says to the user and stops with; None where it does not stop. Anything else is a traceback."""
    options = {"output": str(tmp_path / "out"), "tracking": False, "device": "cpu", "cache": False, **project.options}
    try:
        act(RunOptions(config=str(config), **options))
    except ExplainGateError as error:
        return error
    return None


def _run(options: RunOptions) -> None:
    session = GateSession(options)
    try:
        session.measure(Silent())
        if options.tracking:
            assert session.tracking
        assert session.conclude(list(session.findings.values())).exit_code in (0, 1)
    finally:
        session.discard()


def _forget(fresh_modules, tmp_path) -> None:
    fresh_modules()
    sys.modules.pop("tinycode", None)
    sys.path[:] = [place for place in sys.path if not place.startswith(str(tmp_path))]
