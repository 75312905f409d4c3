"""What each check costs: processor seconds of one thread for one version, by check, as the runner calls it.

    python -m benchmarks.detection.costs --thresholds FILE --checkpoint FILE

What is shared (the backgrounds of a batch, a method's maps, the cue search) counts for the check that asks first.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch

from explain_gate.measuring import measure, score
from explain_gate.measuring.job import measure as measure_version


def main() -> None:
    """Measure once with a clock around every check and method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--thresholds", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    spent: dict[str, float] = defaultdict(float)
    # The clock goes around the runner's own steps, so that it times what a run does and nothing else.
    score_batch, explain_all, controls = score.score_batch, measure.explain_all, score._controls  # noqa: SLF001

    def timed_score(table: Any, *rest: Any, **options: Any) -> None:
        began = time.process_time()
        score_batch(table, *rest, **options)
        spent[table.check] += time.process_time() - began

    def timed_explain(subject: Any, method: str, *rest: Any, **options: Any) -> Any:
        began = time.process_time()
        found = explain_all(subject, method, *rest, **options)
        spent[f"maps of {method}"] += time.process_time() - began
        return found

    def timed_controls(*rest: Any, **options: Any) -> Any:
        before = dict(spent)
        began = time.process_time()
        found = controls(*rest, **options)
        spent.clear()
        spent.update(before)
        spent["controls"] = time.process_time() - began
        return found

    score.score_batch, score._controls = timed_score, timed_controls  # noqa: SLF001
    measure.explain_all = timed_explain
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        measure_version(arguments.thresholds, checkpoint=arguments.checkpoint.absolute(), folder=folder)
    print("| check | processor seconds |\n|---|---|")
    for name, seconds in sorted(spent.items(), key=lambda pair: -pair[1]):
        print(f"| {name} | {seconds:.2f} |")
    print(f"| whole run | {time.process_time() - began:.2f} |")


if __name__ == "__main__":
    main()
