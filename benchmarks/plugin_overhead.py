"""What the plugin adds to a pytest session that does not use it: paired runs of an empty session, without and with it.

    python benchmarks/plugin_overhead.py [--pairs 20] [--goal 20]

Other plugins are kept out (PYTEST_DISABLE_PLUGIN_AUTOLOAD), because what they import would hide what this one imports.
The goal is at most 20 ms; the exit code is 1 where the median is above it.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Run(NamedTuple):
    """Milliseconds of one session; on a busy machine CPU time is the one to trust."""

    wall: float
    cpu: float


def main() -> int:
    """Measure, print, and say whether the goal is met."""
    parser = argparse.ArgumentParser(description="Overhead of the idle plugin in an empty pytest session.")
    parser.add_argument("--pairs", type=int, default=20, help="paired runs, default 20")
    parser.add_argument("--goal", type=float, default=20.0, help="milliseconds of wall-clock time, default 20")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        without, with_it = measure(Path(folder), options.pairs)
    print(f"{options.pairs} pairs of an empty session, medians in ms; load {os.getloadavg()[0]:.1f}")
    print("          without   with  ratio  difference (quartiles)")
    wall = show("wall", [run.wall for run in without], [run.wall for run in with_it])
    show("CPU", [run.cpu for run in without], [run.cpu for run in with_it])
    print(f"goal: at most {options.goal:g} ms of wall-clock time, {'met' if wall <= options.goal else 'missed'}")
    return int(wall > options.goal)


def measure(folder: Path, count: int) -> tuple[list[Run], list[Run]]:
    """`count` paired runs, without and with the plugin. The order alternates, so that drift of the machine cancels."""
    runs: dict[bool, list[Run]] = {False: [], True: []}
    session(folder, plugin=False)  # the first runs of both write bytecode
    session(folder, plugin=True)
    for number in range(count):
        for plugin in (number % 2 == 1, number % 2 == 0):
            runs[plugin].append(session(folder, plugin=plugin))
    return runs[False], runs[True]


def show(name: str, without: list[float], with_it: list[float]) -> float:
    """Print one line; returns the median of the paired differences."""
    low, median, high = statistics.quantiles([b - a for a, b in zip(without, with_it, strict=True)], n=4)
    first, second = statistics.median(without), statistics.median(with_it)
    print(f"{name:<8} {first:8.1f} {second:6.1f} {second / first:6.3f} {median:8.1f} ({low:.1f} to {high:.1f})")
    return median


def session(folder: Path, *, plugin: bool) -> Run:
    """Run one empty pytest session."""
    arguments = ["-p", "explain_gate.plugin"] if plugin else ["-p", "no:explain_gate"]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), *arguments],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if result.returncode != 5:  # pytest's code for "no tests ran"
        raise RuntimeError(f"the empty session exited {result.returncode}: {result.stdout}{result.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(wall=wall * 1000, cpu=cpu * 1000)


if __name__ == "__main__":
    sys.exit(main())
