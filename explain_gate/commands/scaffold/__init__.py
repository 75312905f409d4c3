"""What `init` writes: this project's own checks and thresholds.yaml as a start, and a CI workflow."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from explain_gate.commands.survey.clue import Clue
from explain_gate.commands.survey.written import fill_in

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[2]

IGNORED = {
    "reports/": "what each run publishes",
    ".explain-gate/": "measured numbers, downloaded references, runs that wait for the tracking store",
    "mlflow.db*": "the tracking store, where thresholds.yaml names no server",
    "mlartifacts/": "its files",
}
"""Lines for .gitignore, each with what it leaves out."""


def packaged_checks() -> Path:
    """The folder of the checks that come with the package: in the wheel, or at the root of a source checkout."""
    return _HERE / "checks" if (_HERE / "checks").is_dir() else _ROOT / "checks"


def packaged_checks_settings() -> Path:
    """Empty pytest settings, for a repository that has none."""
    return _HERE / "pytest.ini"


def packaged_thresholds() -> str:
    """The text of the thresholds.yaml that comes with the package: the gate of the demo."""
    path = _HERE / "thresholds.yaml" if (_HERE / "thresholds.yaml").is_file() else _ROOT / "thresholds.yaml"
    return path.read_text(encoding="utf-8")


@functools.cache
def shipped_rules() -> Mapping[str, Mapping[str, Any]]:
    """The rules of that file by check, `family.metric` or `family.metric/name`; those that are off too."""
    text = re.sub(r"(?m)^( +)# (?=[\w/]+: \{.*\}   # \S)", r"\1", packaged_thresholds())
    checks = yaml.safe_load(text)["checks"]
    return {f"{family}.{name}": rule for family, rules in checks.items() for name, rule in (rules or {}).items()}


@functools.cache
def rules_that_are_on() -> Mapping[str, Mapping[str, Any]]:
    """The rules that the scaffold asks for, by check."""
    checks = yaml.safe_load(packaged_thresholds())["checks"]
    return {f"{family}.{name}": rule for family, rules in checks.items() for name, rule in (rules or {}).items()}


def scaffold(
    folder: Path, clues: Mapping[str, Clue] | None = None, left: Mapping[str, str] | None = None
) -> tuple[list[Path], list[Path]]:
    """Write the start of a gate into a repository; returns what was written and what was there and stays.

    Model and data are as the clues say, by key, and places to fill in where there is none, for the reasons in `left`.

    A .gitignore that is there stays too; `not_ignored` says what it lacks.
    """
    files = {folder / "thresholds.yaml": fill_in(packaged_thresholds(), clues or {}, left or {})}
    files[folder / ".github" / "workflows" / "explain-gate.yml"] = (_HERE / "workflow.yml").read_text(encoding="utf-8")
    files[folder / ".github" / "CODEOWNERS"] = (_HERE / "CODEOWNERS").read_text(encoding="utf-8")
    files[folder / ".gitignore"] = "".join(f"# {why}\n{line}\n" for line, why in IGNORED.items())
    for check in sorted(packaged_checks().glob("test_*.py")):
        files[folder / "checks" / check.name] = check.read_text(encoding="utf-8")
    written, kept = [], []
    for path, text in files.items():
        if path.exists():
            kept.append(path)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written, kept


def not_ignored(folder: Path) -> list[str]:
    """The lines of IGNORED that the folder's .gitignore does not have, with or without a slash at either end."""
    path = folder / ".gitignore"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    there = {line.strip().strip("/") for line in lines}
    return [line for line in IGNORED if not {line.strip("/"), f"{line.strip('/')}/*", line.rstrip("*")} & there]


def demo_thresholds() -> str:
    """thresholds.yaml with paths as seen from the demo's project folder."""
    return packaged_thresholds().replace("reports/demo/project/", "")
