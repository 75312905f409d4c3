"""What the next run of a project costs: unchanged, with one thing changed, and beside `import torch`.

    python benchmarks/second_run.py --config project/thresholds.yaml [--repeats 5] [--json second_run.json]

Runs are whole commands of a copy of the project, and what is counted is processor time, of all their processes, so
that other work on the machine moves the numbers less; ratios are taken pair by pair, each run with an `import torch`
right after it. Goals: an unchanged run without MLflow at most 1.5 times `import torch`, and with it at least 50 times
faster than the first. A run that is recorded is told apart. The exit code is 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

import yaml

TIMES_TORCH = 1.5
TIMES_FASTER = 50.0
NOISY = 1.5
"""Ratio of the slowest to the fastest repetition from which on a row is called noisy."""


def main() -> int:
    """Measure, print the table, keep it; say whether the goals are met."""
    parser = argparse.ArgumentParser(description="What the next run costs.")
    parser.add_argument("--config", type=Path, required=True, help="thresholds.yaml of the project")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="keep the numbers here, to compare two commits")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch) / "project"
        ignored = shutil.ignore_patterns(".explain-gate", "reports", "mlflow.db*", "mlartifacts")
        shutil.copytree(options.config.parent, project, ignore=ignored)
        config = project / options.config.name
        first = cpu_of(gate(config))
        print(f"first: {first:.1f} s of processor time")
        print("| run | CPU s: min | median | max | x import torch | times faster than the first |")
        print("|---|---|---|---|---|---|")
        rows = {
            "unchanged": row(config, options.repeats),
            "unchanged, recorded in MLflow": row(config, options.repeats, tracking=True),
            "another bound": row(config, options.repeats, change=other_bound),
            "an image less": row(config, 1, change=image_less),
        }
    for name, numbers in rows.items():
        print(told(name, numbers, first))
    if options.json:
        kept = {"first": first, "rows": rows, "machine": machine()}
        options.json.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    fixed = statistics.median(rows["unchanged"]["ratios"])
    faster = first / statistics.median(rows["unchanged, recorded in MLflow"]["seconds"])
    return 0 if fixed <= TIMES_TORCH and faster >= TIMES_FASTER else 1


def row(
    config: Path, repeats: int, *, tracking: bool = False, change: Callable[[Path], None] | None = None
) -> dict[str, list[float]]:
    """Processor seconds of each repetition, and their ratios to the `import torch` after each."""
    seconds, ratios = [], []
    for _ in range(repeats):
        if change is not None:
            change(config)
        seconds.append(cpu_of(gate(config, tracking=tracking)))
        ratios.append(seconds[-1] / cpu_of([sys.executable, "-c", "import torch"]))
    return {"seconds": seconds, "ratios": ratios}


def told(name: str, numbers: dict[str, list[float]], first: float) -> str:
    """A line of the table."""
    seconds = numbers["seconds"]
    noisy = " (noisy)" if max(seconds) > NOISY * min(seconds) else ""
    middle = statistics.median(seconds)
    cells = [f"{min(seconds):.2f}", f"{middle:.2f}", f"{max(seconds):.2f}{noisy}"]
    return f"| {name} | {' | '.join(cells)} | {statistics.median(numbers['ratios']):.2f} | {first / middle:.1f} |"


def gate(config: Path, *, tracking: bool = False) -> list[str]:
    """The command of a run."""
    command = [sys.executable, "-m", "explain_gate", "run", "--config", str(config), "--device", "cpu"]
    return [*command, "--output", str(config.parent / "out"), *([] if tracking else ["--no-tracking"])]


def cpu_of(command: Sequence[str]) -> float:
    """User and system seconds of a command and of all that it waited for.

    Raises:
        RuntimeError: it ended with neither 0 nor 1, so that there was no verdict.
    """
    # As installed packages are: with their bytecode beside them.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def other_bound(config: Path) -> None:
    """Move the bound of accuracy a little; each call another one."""
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    document["checks"]["performance"]["accuracy"]["at_least"] -= 0.001
    config.write_text(yaml.safe_dump(document), encoding="utf-8")


def image_less(config: Path) -> None:
    """Use all images but one."""
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    annotations = json.loads((config.parent / document["data"]["annotations"]).read_text(encoding="utf-8"))
    document["data"]["limit"] = len(annotations["images"]) - 1
    config.write_text(yaml.safe_dump(document), encoding="utf-8")


def machine() -> dict[str, str | int | None]:
    """What the numbers belong to."""
    versions = {name: metadata.version(name) for name in ("torch", "numpy", "pytest", "mlflow")}
    return {"cores": os.cpu_count(), "processor": platform.processor(), "python": platform.python_version(), **versions}


if __name__ == "__main__":
    sys.exit(main())
