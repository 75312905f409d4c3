"""What the plugin adds to a pytest session that does not use it: paired runs of an empty session, without and with it.

    python benchmarks/plugin_overhead.py [--pairs 20] [--goal 20]

Other plugins are kept out (PYTEST_DISABLE_PLUGIN_AUTOLOAD), because what they import would hide what this one imports.
The goal is at most 20 ms; the exit code is 1 where the median is above it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Measure, print, and say whether the goal is met."""
    parser = argparse.ArgumentParser(description="Overhead of the idle plugin in an empty pytest session.")
    parser.add_argument("--pairs", type=int, default=20, help="paired runs, default 20")
    parser.add_argument("--goal", type=float, default=20.0, help="milliseconds, default 20")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pairs = measure(Path(folder), options.pairs)
    without = statistics.median(first for first, _ in pairs)
    with_it = statistics.median(second for _, second in pairs)
    differences = sorted(second - first for first, second in pairs)
    low, median, high = statistics.quantiles(differences, n=4)
    print(f"{len(pairs)} pairs of an empty session, median in ms")
    print(f"without the plugin  {without:7.1f}")
    print(f"with the plugin     {with_it:7.1f}   ratio {with_it / without:.3f}")
    print(f"paired difference   {median:7.1f}   quartiles {low:.1f} to {high:.1f}, goal at most {options.goal:g}")
    return int(median > options.goal)


def measure(folder: Path, count: int) -> list[tuple[float, float]]:
    """`count` pairs (without, with) in ms. The order alternates, so that drift of the machine cancels."""
    session(folder, plugin=False)  # the first runs of both write bytecode
    session(folder, plugin=True)
    pairs = []
    for number in range(count):
        first = session(folder, plugin=number % 2 == 1)
        second = session(folder, plugin=number % 2 == 0)
        pairs.append((second, first) if number % 2 == 1 else (first, second))
    return pairs


def session(folder: Path, *, plugin: bool) -> float:
    """Wall-clock time of one empty pytest session in ms."""
    arguments = ["-p", "explain_gate.plugin"] if plugin else ["-p", "no:explain_gate"]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    start = time.perf_counter()
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), *arguments],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    seconds = time.perf_counter() - start
    if result.returncode != 5:  # pytest's code for "no tests ran"
        raise RuntimeError(f"the empty session exited {result.returncode}: {result.stdout}{result.stderr}")
    return seconds * 1000


if __name__ == "__main__":
    sys.exit(main())
