"""Every way in which a gate could turn green without having checked anything, serial and distributed."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest

CHECKS = Path(__file__).parents[2] / "checks"
WORKERS = pytest.mark.parametrize("workers", ["0", "2"], ids=["serial", "distributed"])


@pytest.fixture
def project(pytester, write_project):
    """The tiny project with its own copy of the checks, in the folder that pytest runs in."""
    write_project(pytester.path)
    shutil.copytree(CHECKS, pytester.path / "checks", ignore=shutil.ignore_patterns("__pycache__"))
    return pytester


def run(pytester, workers: str, *options: str):
    arguments = ("checks", "--explain", "--explain-no-tracking", "--explain-output=out", *options)
    if workers == "0":
        return pytester.runpytest_inprocess(*arguments)
    with pytest.MonkeyPatch.context() as patch:
        # Other plugins of this environment take seconds in each of three processes.
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        return pytester.runpytest_subprocess("-p", "explain_gate", "-p", "xdist", *arguments, f"-n{workers}")


def verdict(pytester) -> dict:
    return json.loads((pytester.path / "out" / "verdict.json").read_text())


@WORKERS
def test_everything_passes_is_exit_0(project, workers):
    """The honest project passes, with the same rules judged in one process and in several."""
    result = run(project, workers)
    assert result.ret == 0
    assert verdict(project)["verdict"] == "passed"
    assert sorted(verdict(project)["judged"]) == sorted(verdict(project)["planned"])


@WORKERS
def test_a_deleted_check_file_is_exit_3(project, workers):
    """What thresholds.yaml plans and no test answers makes the run an error."""
    (project.path / "checks" / "test_reliance.py").unlink()
    assert run(project, workers).ret == 3
    assert verdict(project)["verdict"] == "error"
    assert "reliance.background_gap[all]" in " ".join(verdict(project)["messages"])


@WORKERS
def test_every_test_skipped_is_exit_3(project, workers):
    """Skipped is not passed."""
    (project.path / "checks" / "conftest.py").write_text(
        "import pytest\n\n@pytest.fixture(autouse=True)\ndef lazy():\n    pytest.skip('not today')\n"
    )
    assert run(project, workers).ret == 3


@WORKERS
def test_deselected_rules_are_exit_3(project, workers):
    """`-k` is for looking at one rule; it cannot let a merge through."""
    assert run(project, workers, "-k", "accuracy").ret == 3


@WORKERS
@pytest.mark.parametrize("value", ["numpy.float64(0.9)", "float('nan')", "numpy.float32(1)"])
def test_a_recorded_value_that_cannot_travel_is_exit_3(project, workers, value):
    """A numpy scalar or NaN in a gate test's properties is reported, not lost with its worker."""
    (project.path / "checks" / "test_own.py").write_text(
        f"import numpy\n\ndef test_own(profile, record_property):\n    record_property('mine', {value})\n"
    )
    assert run(project, workers).ret == 3
    assert "test_own" in " ".join(verdict(project)["messages"])


def test_a_killed_worker_is_exit_3(project):
    """A worker that dies takes its results with it; the controller notices."""
    (project.path / "checks" / "test_reliance.py").write_text(
        "import os, signal\n\ndef test_background_gap(check):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert run(project, "2").ret == 3


def test_without_explain_gate_tests_skip_with_a_reason(project):
    """`pytest checks/` alone measures nothing and says so."""
    result = project.runpytest_inprocess("checks", "-rs")
    result.stdout.fnmatch_lines(["*needs --explain*"])
    assert result.parseoutcomes().keys() == {"skipped"}


def test_a_check_that_judges_nothing_is_exit_3(project):
    """A test that forgets to call check() leaves its rule without a result."""
    (project.path / "checks" / "test_reliance.py").write_text("def test_background_gap(check):\n    pass\n")
    assert run(project, "0").ret == 3


@WORKERS
def test_a_broken_rule_is_exit_1_and_names_the_images(project, workers, write_project):
    """The cheating model is blocked by the map and by its behaviour."""
    write_project(project.path, corner=True)
    result = run(project, workers)
    assert result.ret == 1
    broken = {finding["check"] for finding in verdict(project)["findings"] if finding["status"] == "failed"}
    assert broken == {"alignment.iou", "reliance.background_gap"}
    result.stdout.fnmatch_lines(["*alignment.iou*below at_least 0.60 (thresholds.yaml:*"])


def test_a_failing_test_of_the_team_is_exit_1(project):
    """A team's own assertion over the profile blocks as a rule does."""
    (project.path / "checks" / "test_own.py").write_text(
        "def test_own(profile):\n    assert len(profile.images) == 9\n"
    )
    assert run(project, "0").ret == 1
    assert verdict(project)["verdict"] == "failed"


def test_an_empty_plan_is_exit_5(project):
    """A thresholds.yaml without rules has nothing to pass."""
    path = project.path / "thresholds.yaml"
    text = path.read_text()
    path.write_text(text[: text.index("checks:")] + "checks: {}\n")
    assert run(project, "0").ret == 5


def test_a_crash_leaves_the_earlier_report_as_it_was(project):
    """A run that dies half-way removes its own leavings and nothing else."""
    assert run(project, "0").ret == 0
    before = (project.path / "out" / "verdict.json").read_bytes()
    (project.path / "checks" / "conftest.py").write_text(
        "def pytest_collection_finish(session):\n    raise KeyboardInterrupt\n"
    )
    interrupted = project.runpytest_subprocess("checks", "--explain", "--explain-no-tracking", "--explain-output=out")
    assert interrupted.ret == 2
    assert (project.path / "out" / "verdict.json").read_bytes() == before
    assert [path.name for path in project.path.iterdir() if path.name.startswith(".run-")] == []


PASSES_ALL = {
    "sets the status": "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n",
    "wraps the others": (
        "import pytest\n\n@pytest.hookimpl(wrapper=True, tryfirst=True)\ndef pytest_sessionfinish(session):\n"
        "    yield\n    session.exitstatus = 0\n"
    ),
    "sets it when all is over": (
        "def pytest_sessionstart(session):\n    session.config.kept = session\n\n"
        "def pytest_unconfigure(config):\n    config.kept.exitstatus = 0\n"
    ),
    "wraps the command": (
        "import pytest\n\n@pytest.hookimpl(wrapper=True, tryfirst=True)\ndef pytest_cmdline_main(config):\n"
        "    yield\n    return 0\n"
    ),
    "exits pytest": "import pytest\n\ndef pytest_sessionfinish():\n    pytest.exit('fine', returncode=0)\n",
    "exits Python": "def pytest_sessionfinish():\n    raise SystemExit(0)\n",
    "runs nothing": "def pytest_cmdline_main(config):\n    return 0\n",
}


@pytest.mark.parametrize("conftest", PASSES_ALL.values(), ids=PASSES_ALL.keys())
def test_no_other_plugin_lets_a_blocked_version_pass(project, write_project, conftest):
    """The verdict's exit code is asserted after every hook of every conftest."""
    write_project(project.path, corner=True)
    (project.path / "checks" / "conftest.py").write_text(conftest)
    assert run(project, "0").ret == (3 if "def pytest_cmdline_main(config):\n    return 0" in conftest else 1)


FIXTURE = "import pytest\n\n@pytest.fixture\ndef broken():\n    {}\n\ndef test_own(broken):\n    pass\n"
BREAKS = {
    "collection": ("test_own.py", "import nothing_of_that_name\n", "nothing_of_that_name"),
    "setup": ("test_own.py", FIXTURE.format("raise KeyError('prices')"), "test_own.py:5: KeyError: 'prices'"),
    "teardown": (
        "test_own.py",
        FIXTURE.format("yield\n    raise KeyError('prices')"),
        "test_own.py:6: KeyError: 'prices'",
    ),
    "a hook": (
        "conftest.py",
        "def pytest_runtest_logfinish(nodeid):\n    raise KeyError('prices')\n",
        "conftest.py:2, in pytest_runtest_logfinish",
    ),
    "a hook of the collection": (
        "conftest.py",
        "def pytest_collection_modifyitems(items):\n    raise KeyError('prices')\n",
        "conftest.py:2, in pytest_collection_modifyitems",
    ),
    "a report": (
        "conftest.py",
        "def pytest_runtest_logreport(report):\n    raise ValueError('prices')\n",
        "conftest.py:2, in pytest_runtest_logreport",
    ),
    "an exit in the middle": (
        "test_zoo.py",
        "import pytest\n\ndef test_own():\n    pytest.exit('enough', returncode=0)\n",
        "ended the session: enough",
    ),
}


@pytest.mark.parametrize("where", BREAKS)
def test_what_breaks_before_the_verdict_is_exit_3_and_said_in_it(project, where):
    """Nothing passes where a test, a fixture, a hook or pytest itself broke; the verdict names file and line."""
    name, text, told = BREAKS[where]
    (project.path / "checks" / name).write_text(text)
    assert run(project, "0").ret == 3
    assert verdict(project)["exit_code"] == 3
    assert told in "\n".join(verdict(project)["messages"])
    assert told.partition("'")[0] in (project.path / "out" / "index.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["load", "loadscope", "loadfile", "worksteal", "each", "no"])
def test_a_failing_test_that_records_a_numpy_scalar_is_never_lost(project, kind):
    """A value that cannot travel between processes does not take the report with it, however tests are shared out."""
    (project.path / "checks" / "test_own.py").write_text(
        "import numpy\n\ndef test_own(record_property):\n"
        "    record_property('x', numpy.float64(1))\n    assert 1 == 2, 'one is two'\n"
    )
    assert run(project, "2", f"--dist={kind}").ret == 1
    assert [failed["test"].partition("::")[2] for failed in verdict(project)["failed_tests"]] == ["test_own"]
    assert "one is two" in verdict(project)["failed_tests"][0]["text"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (
            "conftest.py",
            "def pytest_report_to_serializable(report):\n    raise RuntimeError('lost on the way')\n",
            "lost on the way",
        ),
        ("test_own.py", "import os\n\ndef test_own():\n    os._exit(0)\n", "died"),
    ],
    ids=["internal error", "exit"],
)
def test_what_breaks_in_a_worker_is_exit_3(project, name, text, told):
    """An internal error of a worker, or its end in the midst, is said in the verdict."""
    (project.path / "checks" / name).write_text(text)
    assert run(project, "2", "--max-worker-restart=1").ret == 3
    assert told in "\n".join(verdict(project)["messages"])


@WORKERS
def test_a_failing_test_beside_the_gate_is_in_the_verdict_with_its_text(project, workers):
    """Also one that uses none of the gate's fixtures: terminal, verdict.json and JUnit say the same."""
    (project.path / "checks" / "test_own.py").write_text("def test_own():\n    assert 1 == 2, 'one is two'\n")
    result = run(project, workers)
    assert result.ret == 1
    assert verdict(project)["verdict"] == "failed"
    (failed,) = verdict(project)["failed_tests"]
    assert failed["test"] == "checks/test_own.py::test_own"
    assert "test_own.py:2: AssertionError: one is two" in failed["text"]
    assert "one is two" in (project.path / "out" / "junit.xml").read_text()
    result.stdout.fnmatch_lines(["*failed test checks/test_own.py::test_own*one is two*"])


@pytest.mark.parametrize("code", ["KeyError('prices')", "RuntimeError('prices')", "ValueError('prices')"])
@pytest.mark.parametrize("kind", ["metric", "method"])
def test_an_exception_in_a_metric_or_method_of_ones_own_is_exit_3(project, kind, code):
    """It says whose code, which line, and on which image."""
    (project.path / "prices.py").write_text(
        "import torch\nfrom explain_gate.records import Attribution\n\n"
        f"def metric(relevance, labels):\n    if 1 in labels:\n        raise {code}\n"
        "    return relevance.sum((1, 2))\n\n"
        f"def method(probe, images, targets, *, keys):\n    if 1 in targets:\n        raise {code}\n"
        "    return Attribution(method='prices', kind='magnitude', maps=images.abs().mean(1))\n"
    )
    path = project.path / "thresholds.yaml"
    text = path.read_text()
    if kind == "metric":
        text = text.replace("checks:", 'checks:\n  custom:\n    "prices:metric": {at_least: 0.01}')
    else:
        text = text.replace("checks:", '  "prices:method": {}\nchecks:')
    path.write_text(text)
    assert run(project, "0").ret == 3
    told = "\n".join(verdict(project)["messages"])
    line = 6 if kind == "metric" else 11
    assert f"{project.path / 'prices.py'}:{line}, in {kind})" in told
    assert f"prices:{kind}" in told
    assert "green_01.png" in told


@pytest.mark.parametrize(
    ("options", "code"),
    [(("--explain-device=toaster",), 4), (("--explain-workers=none",), 4), (("--explain-checkpoint=none.pt",), 4)],
)
def test_a_run_that_is_refused_leaves_its_verdict_in_a_free_output(project, options, code):
    """verdict.json, JUnit and the summary say why there is no verdict, so that CI can show it."""
    result = run(project, "0", *options)
    assert result.ret == code
    assert verdict(project)["exit_code"] == code
    assert verdict(project)["messages"][0] in "\n".join(result.stderr.lines)
    environment = verdict(project)["environment"]
    assert environment["started_by"]
    assert dt.datetime.fromisoformat(environment["started"]).tzinfo is not None
    assert {"started_from", "command", "git_commit", "git_dirty", "git_diff_digest"} <= set(environment)
    assert (project.path / "out" / "summary.md").is_file()
