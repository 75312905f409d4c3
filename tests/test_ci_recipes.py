"""The recipes of docs/ci.md: each parses as its system reads it, and each shell part runs in a clean shell.

`pip`, `venv`, `docker` and the gate are stand-ins; what is tested is that a failed gate fails the job, that an old
report is no result, and that what is kept afterwards is what the gate writes.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from explain_gate.cli import main
from explain_gate.commands.scaffold import scaffold

PAGE = Path(__file__).parents[1] / "docs" / "ci.md"
BLOCKS = re.findall(r"^## (.+?)$|^```(\w+)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
GATE = """\
echo "explain-gate $*" >>"$LOG"
case "$*" in *validate*) exit "$CODE";; esac
while [ "$1" != --output ] && [ $# -gt 0 ]; do shift; done
if [ -e "$2" ]; then echo "an old report is there" >&2; exit 4; fi
if [ "$CODE" != 3 ]; then
  mkdir -p "$2" .explain-gate/cache
  for name in verdict.json junit.xml summary.md metrics.txt; do echo one >"$2/$name"; done
fi
exit "$CODE"
"""


def recipes() -> dict[str, str]:
    """Every block by its heading and language."""
    blocks, heading = {}, ""
    for title, language, text in BLOCKS:
        heading = title or heading
        if language:
            blocks[f"{heading}, {language}"] = text
    return blocks


RECIPES = recipes()


def shell_parts() -> dict[str, str]:
    """What a shell is given, by recipe; GitLab's lines are one script, as its runner joins them."""
    gitlab = yaml.safe_load(RECIPES["GitLab, yaml"])["explain-gate"]["script"]
    azure = yaml.safe_load(RECIPES["Azure Pipelines, yaml"])["steps"]
    commit, push = yaml.safe_load(RECIPES["Before a commit and before a push, yaml"])["repos"][0]["hooks"]
    return {
        "A shell": RECIPES["A shell, sh"],
        "GitLab": "set -e\n" + "\n".join(gitlab),
        "Jenkins": re.search(r"sh '''(.*?)'''", RECIPES["Jenkins, groovy"], re.DOTALL)[1],
        "Azure": next(step["script"] for step in azure if "script" in step),
        "commit": commit["entry"],
        "push": push["entry"],
        "Make": "make -f gate.mk gate",
        "DVC": yaml.safe_load(RECIPES["DVC, yaml"])["stages"]["gate"]["cmd"],
    }


PARTS = shell_parts()


def run(folder: Path, script: str, *, code: int = 0) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Runs a script as `sh` with the system's own commands and stand-ins alone; returns it and what was called."""
    commands = folder / "bin"
    commands.mkdir(exist_ok=True)
    python = 'echo "python3 $*" >>"$LOG"\ncase "$*" in *venv*) mkdir -p "$3/bin"; : >"$3/bin/activate";; esac'
    stand_ins = {"explain-gate": GATE, "python3": python, "docker": 'echo "docker $*" >>"$LOG"'}
    for name, text in stand_ins.items():
        (commands / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (commands / name).chmod(0o755)
    (folder / "gate.mk").write_text(RECIPES["Make, make"], encoding="utf-8")
    (folder / "log").unlink(missing_ok=True)
    (folder / "log").touch()
    done = subprocess.run(
        ["sh", "-c", re.sub("/[t]mp/gate", str(folder / "venv"), script)],
        cwd=folder,
        env={"PATH": f"{commands}:/usr/bin:/bin", "LOG": str(folder / "log"), "CODE": str(code), "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return done, (folder / "log").read_text(encoding="utf-8").splitlines()


def test_every_system_has_its_recipe():
    """Those that people use, each with a shell part that is run below."""
    assert set(RECIPES) == {
        "A shell, sh", "GitHub Actions, yaml", "GitLab, yaml", "Jenkins, groovy", "Azure Pipelines, yaml",
        "Before a commit and before a push, yaml", "Make, make", "DVC, yaml",
        "A container, dockerfile", "A container, sh",
    }  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("code", [0, 1, 3, 4])
def test_the_verdict_of_the_gate_is_that_of_the_job(tmp_path, name, code):
    """A second time too, where the first left a report: a verdict that failed does not pass by being there."""
    if name == "Make" and shutil.which("make", path="/usr/bin:/bin") is None:
        pytest.skip("there is no make")
    for _ in range(2):
        if name in ("DVC", "push"):  # dvc removes what a stage puts out; the gate replaces its own earlier report
            shutil.rmtree(tmp_path / "reports", ignore_errors=True)
        done, called = run(tmp_path, PARTS[name], code=code)
        assert bool(done.returncode) is bool(code), done.stderr
        assert [line for line in called if line.startswith("explain-gate")]
        if name != "Make":
            assert done.returncode == code, done.stderr


def test_success_without_a_verdict_is_none(tmp_path):
    """The plain shell looks for verdict.json itself."""
    done, _ = run(tmp_path, PARTS["A shell"].replace("explain-gate run", "true run"))
    assert done.returncode == 3


@pytest.mark.parametrize("name", PARTS)
def test_the_commands_exist_with_their_options(tmp_path, name):
    """As far as the command line itself can tell."""
    _, called = run(tmp_path, PARTS[name])
    for line in called:
        tool, command, *arguments = line.split()
        if tool == "explain-gate":
            main.commands[command].make_context(command, arguments, resilient_parsing=False)


def test_what_is_kept_is_what_the_gate_writes():
    """Reports and the cache, also when it failed."""
    job = yaml.safe_load(RECIPES["GitLab, yaml"])["explain-gate"]
    assert job["artifacts"]["when"] == "always"
    assert job["artifacts"]["paths"] == ["reports/current"]
    assert "allow_failure" not in job
    kept = [
        step for step in yaml.safe_load(RECIPES["Azure Pipelines, yaml"])["steps"] if "Publish" in step.get("task", "")
    ]
    assert [step["condition"] for step in kept] == ["always()"] * 2
    assert "always {" in RECIPES["Jenkins, groovy"]
    for recipe in ("GitLab, yaml", "Azure Pipelines, yaml"):
        assert ".explain-gate/cache" in RECIPES[recipe]


def test_nobody_is_root_in_the_container(tmp_path):
    """Every RUN is a command that a shell takes; the user changes before the gate starts; no tag is `latest`."""
    lines = [line for line in RECIPES["A container, dockerfile"].splitlines() if line and not line.startswith("#")]
    words = [line.split()[0] for line in lines]
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert [line for line in lines if line.startswith("USER")] == ["USER gate"]
    assert not lines[0].endswith((":latest", "python"))
    script = "useradd() { :; }\n" + "\n".join(line.removeprefix("RUN ") for line in lines if line.startswith("RUN"))
    done, called = run(tmp_path, f"set -e\n{script}")
    assert done.returncode == 0, done.stderr
    assert [line for line in called if "torch torchvision" in line]
    done, called = run(tmp_path, f"set -e\n{RECIPES['A container, sh']}")
    assert done.returncode == 0, done.stderr
    assert "--network none" in called[1]


def test_the_workflow_that_init_writes_keeps_measurements_and_fails_with_the_gate(tmp_path):
    """Its steps in order: the gate's own step has no condition, and what comes after it always runs."""
    scaffold(tmp_path)
    document = yaml.safe_load((tmp_path / ".github/workflows/explain-gate.yml").read_text(encoding="utf-8"))
    steps = document["jobs"]["explain-gate"]["steps"]
    assert [step["with"]["path"] for step in steps if "actions/cache" in step.get("uses", "")] == [
        ".explain-gate/cache"
    ]
    assert all(re.search(r"@[0-9a-f]{40}$", step["uses"]) for step in steps if "uses" in step)
    gate = next(step for step in steps if "explain-gate run" in step.get("run", ""))
    assert set(gate) == {"run"}
    for code in (0, 1):
        done, _ = run(tmp_path, gate["run"], code=code)
        assert done.returncode == code
        shutil.rmtree(tmp_path / "reports")
    assert CliRunner().invoke(main, [gate["run"].split()[1], "--help"]).exit_code == 0
