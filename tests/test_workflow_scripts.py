"""The shell scripts of CI, with stand-ins for the commands they call: .ci/run and run.sh of the composite action."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RUN = ROOT / ".github/actions/explain-gate/run.sh"


class TestCiScript:
    """.ci/run on machines that lack things, with stand-ins for the system's commands."""

    def run(self, folder: Path, commands: dict[str, str]) -> tuple[subprocess.CompletedProcess[str], str]:
        """Runs the script where only `commands` exist; returns the process and the log the stand-ins wrote."""
        for name in ("bash", "dirname"):
            (folder / name).symlink_to(str(shutil.which(name)))
        for name, script in {"git": "", "python3": "", "make": 'echo "make $@" CI=$CI >>"$LOG"', **commands}.items():
            (folder / name).write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
            (folder / name).chmod(0o755)
        log = folder / "log"
        log.touch()
        result = subprocess.run(
            [folder / "bash", ROOT / ".ci/run"],
            env={"PATH": str(folder), "LOG": str(log)},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return result, log.read_text()

    def test_installs_nothing_that_is_there(self, tmp_path: Path):
        """Where everything is there the script is `make test` and nothing else."""
        result, log = self.run(tmp_path, {"chromium": ""})
        assert (result.returncode, log) == (0, "make test PYTHON=python3 CI=1\n")

    @pytest.mark.parametrize("code", [0, 1])
    def test_axe_is_installed_where_npm_is(self, tmp_path: Path, code: int):
        """After the environment that it lies in, and tests are run without it too."""
        result, log = self.run(tmp_path, {"chromium": "", "npm": f'echo "npm $1" >>"$LOG"; exit {code}'})
        assert result.returncode == 0
        assert [line.split()[:2] for line in log.splitlines()] == [
            ["make", ".venv/.installed"],
            ["npm", "install"],
            ["make", "test"],
        ]
        assert ("axe-core was not installed" in result.stdout) == bool(code)

    def test_installs_what_is_missing_as_root(self, tmp_path: Path):
        """Root refreshes the package lists and installs only what is missing."""
        commands = {
            "id": "echo 0",
            "apt-get": 'echo "apt-get $@" >>"$LOG"',
            "python3": 'case "$*" in *ensurepip*) exit 1;; esac',
        }
        result, log = self.run(tmp_path, commands)
        assert result.returncode == 0, result.stderr
        assert log.splitlines() == [
            "apt-get update -qq",
            "apt-get install -y -qq --no-install-recommends python3-venv chromium",
            "make test PYTHON=python3 CI=1",
        ]

    def test_says_what_to_install_without_root(self, tmp_path: Path):
        """A user who may not install gets the command, and no tests are run."""
        result, log = self.run(tmp_path, {"id": "echo 1000"})
        assert (result.returncode, log) == (1, "")
        assert result.stderr.endswith("so install them first: apt-get install chromium\n")

    def test_a_failed_install_stops(self, tmp_path: Path):
        """Tests are not run on half a machine."""
        result, log = self.run(tmp_path, {"id": "echo 0", "apt-get": "exit 100"})
        assert (result.returncode, log) == (1, "")
        assert "apt-get update failed" in result.stderr

    def test_an_old_python_is_named(self, tmp_path: Path):
        """Too old a Python stops with the version that was found."""
        python = 'case "$*" in *version_info*) exit 1;; --version) echo Python 3.9.2;; esac'
        result, log = self.run(tmp_path, {"chromium": "", "python3": python})
        assert (result.returncode, log) == (1, "")
        assert "needs Python >= 3.11, got Python 3.9.2" in result.stderr

    def test_the_exit_code_is_that_of_the_tests(self, tmp_path: Path):
        """A failed test fails the script."""
        result, _ = self.run(tmp_path, {"chromium": "", "make": "exit 2"})
        assert result.returncode == 2


class TestRun:
    """run.sh of the composite action, with a stand-in for the gate's command."""

    def run(self, folder: Path, script: str, **inputs: str) -> tuple[subprocess.CompletedProcess[str], str, str]:
        """Runs the step in `folder`; returns the process, the step's outputs and the job summary."""
        command = folder / "bin/explain-gate"
        command.parent.mkdir()
        command.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        command.chmod(0o755)
        files = {"GITHUB_OUTPUT": folder / "output.txt", "GITHUB_STEP_SUMMARY": folder / "job.md"}
        for path in files.values():
            path.touch()
        result = subprocess.run(
            ["bash", RUN],
            cwd=folder,
            env={
                "PATH": f"{command.parent}:{os.environ['PATH']}",
                "CONFIG": "thresholds.yaml",
                "OUTPUT": "out",
                **{name: str(path) for name, path in files.items()},
                **inputs,
            },
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return result, files["GITHUB_OUTPUT"].read_text(), files["GITHUB_STEP_SUMMARY"].read_text()

    def test_passes_what_is_given(self, tmp_path: Path):
        """Only inputs with a value become options, and a value is one argument whatever it holds."""
        script = 'printf "%s\\n" "$@" >arguments; mkdir out; touch out/verdict.json'
        hostile = "a b; touch pwned $(touch pwned)"
        result, output, _ = self.run(tmp_path, script, CHECKPOINT=hostile, REFERENCE="")
        assert result.returncode == 0, result.stderr
        assert output == "exit-code=0\n"
        expected = ["run", "--config", "thresholds.yaml", "--output", "out", "--checkpoint", hostile]
        assert (tmp_path / "arguments").read_text().splitlines() == expected
        assert not (tmp_path / "pwned").exists()

    def test_a_failed_gate_fails_the_step_and_shows_its_summary(self, tmp_path: Path):
        """The exit code is the verdict's; the job summary is the report's."""
        script = 'mkdir out; touch out/verdict.json; echo "1 rule failed" >out/summary.md; exit 1'
        result, output, summary = self.run(tmp_path, script)
        assert (result.returncode, output, summary) == (1, "exit-code=1\n", "1 rule failed\n")

    def test_a_summary_is_not_written_twice(self, tmp_path: Path):
        """Where the gate wrote the job summary itself, the step leaves it."""
        script = 'mkdir out; touch out/verdict.json; echo once | tee out/summary.md >>"$GITHUB_STEP_SUMMARY"'
        _, _, summary = self.run(tmp_path, script)
        assert summary == "once\n"

    @pytest.mark.parametrize("code", [0, 1])
    def test_a_summary_that_cannot_be_written_decides_nothing(self, tmp_path: Path, code: int):
        """The exit code is the verdict's; the page of the job shows it, and that is all it does."""
        script = f"mkdir out; touch out/verdict.json out/summary.md; exit {code}"
        result, output, _ = self.run(tmp_path, script, GITHUB_STEP_SUMMARY=str(tmp_path))
        assert (result.returncode, output) == (code, f"exit-code={code}\n")

    def test_bad_input_is_told_on_the_page_of_the_job(self, tmp_path: Path):
        """Without a report the job summary says that there is no verdict."""
        result, output, summary = self.run(tmp_path, "exit 4")
        assert (result.returncode, output) == (4, "exit-code=4\n")
        assert summary == "explain-gate: no verdict (exit code 4), see the log of this step.\n"

    def test_success_without_a_verdict_is_a_failure(self, tmp_path: Path):
        """Exit 0 with nothing on disk means that nothing was checked."""
        result, output, _ = self.run(tmp_path, "exit 0")
        assert (result.returncode, output) == (3, "exit-code=3\n")

    def test_a_committed_report_is_refused(self, tmp_path: Path):
        """A report that was there before the run is not shown as its result, and the gate is not started."""
        (tmp_path / "out").mkdir()
        (tmp_path / "out/summary.md").write_text("all passed")
        result, output, summary = self.run(tmp_path, "touch started")
        assert (result.returncode, output) == (4, "exit-code=4\n")
        assert "all passed" not in summary
        assert not (tmp_path / "started").exists()
