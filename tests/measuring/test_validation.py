"""`validate` against `run`, over every project of `fault_projects`: what validate accepts, run can do."""

from __future__ import annotations

import re
import sys

import pytest
from fault_projects import PROJECTS, Project, forward, methods, replaced

from explain_gate.commands.validate import validate
from explain_gate.errors import ExplainGateError
from explain_gate.measuring.progress import Silent
from explain_gate.options import RunOptions
from explain_gate.session.run import GateSession


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
def test_what_validate_accepts_run_can_do(tmp_path, write_project, fresh_modules, project):
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
        assert stopped.exit_code == project.exit_code
        assert re.search(project.told, str(stopped), re.DOTALL), str(stopped)
        assert re.search(project.told, str(refused), re.DOTALL), str(refused)


def test_a_softmax_is_measured_and_told(tmp_path, write_project, fresh_modules, measured):
    """In validate, and among the messages of the run's verdict, which every surface shows; it decides nothing."""
    config = write_project(tmp_path / "project", per_class=2)
    next(project for project in PROJECTS if project.name == "ends in softmax").change(config.parent)
    options = RunOptions(config=str(config), output=str(tmp_path / "out"), device="cpu")
    (line,) = (line for line in validate(options) if line.startswith("warning"))
    assert "softmax" in line
    assert "gradient is near 0" in line
    session = measured()
    verdict = session.conclude(list(session.findings.values()))
    assert line == f"warning: {verdict.messages[-1]}"
    assert verdict.verdict == "passed"


def test_validate_asks_little_and_leaves_nothing(tmp_path, write_project, fresh_modules, monkeypatch):
    """Methods of hundreds of passes are tried with a few; no report, no cache, no record, no file of its own stays."""
    config = write_project(tmp_path / "project", per_class=2)
    forward(
        "SEEN.append(len(x))\nreturn {score}", replaced("tinymodel.py", "import torch\n", "import torch\n\nSEEN = []\n")
    )(config.parent)
    expensive = (
        "  rise: {}\n  kernel_shap: {parts: 4}\n  smooth_grad: {}\n  occlusion: {}\n  score_cam: {layer: window}"
    )
    methods(expensive)(config.parent)
    monkeypatch.chdir(config.parent)
    before = sorted(path.name for path in tmp_path.rglob("*") if "__pycache__" not in str(path))
    validate(RunOptions(config=str(config), device="cpu"))
    assert sum(sys.modules["tinymodel"].SEEN) < 1000  # the masks of RISE for one image
    assert sorted(path.name for path in tmp_path.rglob("*") if "__pycache__" not in str(path)) == before


def test_rules_that_need_a_reference_are_told(tmp_path, write_project, fresh_modules):
    """A run would stop without one, so validate says what to add; one that is given is looked up."""
    config = write_project(tmp_path / "project", per_class=2)
    replaced("thresholds.yaml", "{at_least: 0.9}", "{at_least: 0.9, max_drop: 0.1}")(config.parent)
    options = {"config": str(config), "output": str(tmp_path / "out"), "device": "cpu"}
    assert any("--reference" in line and "--bootstrap" in line for line in validate(RunOptions(**options)))
    with pytest.raises(ExplainGateError, match="nowhere"):
        validate(RunOptions(**options, reference="nowhere"))


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
