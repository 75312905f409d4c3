"""The workflows, the composite actions and the pre-commit hook, audited and parsed without network."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github/actions").rglob("action.yml"))


def load(path: Path) -> dict[Any, Any]:
    """The file as GitHub sees it; YAML 1.1 reads the key `on` as True."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(document: dict[Any, Any]) -> list[dict[str, Any]]:
    """Every step of a workflow or a composite action."""
    if "runs" in document:
        return document["runs"]["steps"]
    return [step for job in document["jobs"].values() for step in job.get("steps", [])]


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


class TestFiles:
    """What every workflow and action keeps to."""

    def test_zizmor_finds_nothing(self):
        """The security audit of workflows, actions and Dependabot's file is clean, also in its strictest mode."""
        zizmor = Path(sysconfig.get_path("scripts")) / "zizmor"
        result = subprocess.run(
            [zizmor, "--offline", "--persona=auditor", "--format=json", ROOT],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        assert json.loads(result.stdout) == []
        audited = set(re.findall(r"completed (\S+)", result.stderr))
        assert {str(path) for path in WORKFLOWS + ACTIONS} <= audited

    @pytest.mark.parametrize("path", WORKFLOWS + ACTIONS, ids=names(WORKFLOWS + ACTIONS))
    def test_actions_are_pinned_by_full_commit_hash_with_their_version(self, path: Path):
        """A foreign action has 40 hexadecimal digits and a version comment; `$/` is the commit that is running."""
        lines = re.findall(r"uses: *(.+)", path.read_text(encoding="utf-8"))
        used = [line for line in lines if "FULL-COMMIT-HASH" not in line]  # the example in a comment
        faults = [
            line
            for line in used
            if not re.fullmatch(r"\$/\.github/\S+|[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)
        ]
        assert faults == []

    def test_one_action_has_one_pin(self):
        """The same action is not pinned to different commits in different files."""
        pins: dict[str, set[str]] = {}
        for path in WORKFLOWS + ACTIONS:
            for step in steps(load(path)):
                action, _, commit = step.get("uses", "").partition("@")
                if commit:
                    pins.setdefault(action, set()).add(commit)
        assert pins
        assert {action: commits for action, commits in pins.items() if len(commits) > 1} == {}

    def test_own_references_exist(self):
        """A `$/` reference points at a file of this repository."""
        used = [step.get("uses", "") for path in WORKFLOWS + ACTIONS for step in steps(load(path))]
        used += [job.get("uses", "") for path in WORKFLOWS for job in load(path)["jobs"].values()]
        own = {reference.removeprefix("$/") for reference in used if reference.startswith("$/")}
        assert len(own) == 3
        for reference in own:
            target = ROOT / reference
            assert target.is_file() or (target / "action.yml").is_file(), reference

    @pytest.mark.parametrize("path", WORKFLOWS, ids=names(WORKFLOWS))
    def test_permissions_are_named_job_by_job(self, path: Path):
        """A workflow grants nothing; each job takes what it needs and only a comment may be written."""
        document = load(path)
        assert document["permissions"] == {}
        for name, job in document["jobs"].items():
            writes = {scope for scope, access in job["permissions"].items() if access != "read"}
            assert writes <= {"pull-requests"}, name
            if writes and "steps" in job:
                assert name == "comment"

    def test_the_job_that_writes_never_checks_out_code(self):
        """The comment job has a writing token, so it must not hold the pull request's files."""
        job = load(ROOT / ".github/workflows/gate.yml")["jobs"]["comment"]
        assert not [step for step in job["steps"] if "checkout" in step.get("uses", "")]
        assert not [step for step in job["steps"] if "run" in step]

    @pytest.mark.parametrize("path", WORKFLOWS + ACTIONS, ids=names(WORKFLOWS + ACTIONS))
    def test_scripts_take_expressions_through_the_environment(self, path: Path):
        """No expression is pasted into a shell script, where its value would be run."""
        for step in steps(load(path)):
            assert "${{" not in step.get("run", "")

    @pytest.mark.parametrize("path", WORKFLOWS, ids=names(WORKFLOWS))
    def test_checkouts_leave_no_credentials(self, path: Path):
        """The token does not stay in .git/config for the steps that run a repository's code."""
        for step in steps(load(path)):
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False

    @pytest.mark.parametrize("path", WORKFLOWS, ids=names(WORKFLOWS))
    def test_jobs_end_by_themselves(self, path: Path):
        """Every job with steps has a time limit."""
        for name, job in load(path)["jobs"].items():
            assert "steps" not in job or "timeout-minutes" in job, name


class TestGate:
    """The reusable workflow."""

    def test_inputs(self):
        """A caller chooses the configuration, the checkpoint, the reference and the output."""
        call = load(ROOT / ".github/workflows/gate.yml")[True]["workflow_call"]
        assert {"config", "checkpoint", "reference", "output"} <= set(call["inputs"])
        assert all("default" in value for value in call["inputs"].values())
        assert set(call["outputs"]) == {"exit-code", "report-url"}

    def test_the_required_job_is_never_skipped(self):
        """GitHub counts a skipped required job as passed, so the gate has neither a condition nor a job before it."""
        job = load(ROOT / ".github/workflows/gate.yml")["jobs"]["gate"]
        assert job["name"] == "gate"
        assert not {"if", "needs", "continue-on-error", "strategy"} & set(job)
        assert not [step for step in job["steps"] if "continue-on-error" in step]

    def test_the_report_is_uploaded_also_when_the_gate_fails(self):
        """The upload runs always; the step that runs the gate is the one that fails the job."""
        run, upload = steps(load(ROOT / ".github/actions/explain-gate/action.yml"))
        assert "if" not in run
        assert "continue-on-error" not in run
        assert "upload-artifact" in upload["uses"]
        assert upload["if"] == "${{ always() }}"

    def test_every_input_arrives(self):
        """What the workflow passes to the actions is what they declare."""
        for path in WORKFLOWS:
            for step in steps(load(path)):
                if step.get("uses", "").startswith("$/"):
                    action = load(ROOT / step["uses"].removeprefix("$/") / "action.yml")
                    assert set(step["with"]) <= set(action["inputs"]), step["uses"]

    def test_ci_runs_the_same_script_as_everyone(self):
        """The project's own tests are `.ci/run`, which is `make test`."""
        scripts = [step.get("run") for step in steps(load(ROOT / ".github/workflows/ci.yml"))]
        assert "bash .ci/run" in scripts
        script = (ROOT / ".ci/run").read_text(encoding="utf-8")
        assert re.search(r"^exec make test", script, re.MULTILINE)
        assert os.access(ROOT / ".ci/run", os.X_OK)


class TestPreCommit:
    """.pre-commit-hooks.yaml."""

    hook = load(ROOT / ".pre-commit-hooks.yaml")[0]

    @pytest.mark.parametrize(
        ("path", "matches"),
        [
            ("thresholds.yaml", True),
            ("gates/pets/thresholds.yml", True),
            ("my-thresholds.yaml", False),
            ("thresholds.yaml.bak", False),
        ],
    )
    def test_which_files(self, path: str, matches: bool):
        """The hook looks at files of this name in any folder."""
        assert bool(re.search(self.hook["files"], path)) is matches

    def test_validates_each_file(self, tmp_path: Path):
        """Every file is validated by itself, and the first bad one stops with its exit code."""
        command = tmp_path / "explain-gate"
        command.write_text('#!/bin/sh\necho "$@" >>"$LOG"\ncase "$3" in bad*) exit 4;; esac\n', encoding="utf-8")
        command.chmod(0o755)
        log = tmp_path / "log"
        result = subprocess.run(
            [*shlex.split(self.hook["entry"]), "a b/thresholds.yaml", "bad/thresholds.yaml", "c/thresholds.yaml"],
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "LOG": str(log)},
            timeout=20,
            check=False,
        )
        assert result.returncode == 4
        assert log.read_text().splitlines() == [
            "validate --config a b/thresholds.yaml",
            "validate --config bad/thresholds.yaml",
        ]
