"""How many cheats does the gate catch, and how many honest retrains does it block?

    python -m benchmarks.detection.study --cache FOLDER [--honest 8] [--workers 2]

Trains honest retrains and cheats on the demo's data, measures every version on a regression set that carries the cue
as a real validation set would, calibrates on half of the honest ones, gates all others, and prints what was caught.
Trainings and profiles are kept in the cache. Nothing here tells the gate what kinds there are.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import torch

from benchmarks.detection.tables import Gated, print_tables
from benchmarks.detection.versions import KINDS, MARKED, Version, all_versions, load_weights, train_all, weights_file
from explain_gate.config import load_config
from explain_gate.demo.pictures import Pictures, draw_pictures
from explain_gate.demo.project import _write_pictures
from explain_gate.demo.training import Planting, accuracy, exchange, plant
from explain_gate.judging.calibration import calibrate
from explain_gate.judging.gate import judge
from explain_gate.measuring.job import measure
from explain_gate.measuring.progress import Silent
from explain_gate.plan import plan
from explain_gate.profile.profile import load_profile
from explain_gate.records import Profile, Rule

PER_CLASS = 20
"""Images of each class in a regression set: what a team can annotate in an afternoon."""
COMPLETE = 0.02
"""A cheat counts when its accuracy is within this of the honest versions' ..."""
FOLLOWS = 0.15
"""... and falls by at least this when the cue of another class replaces its own."""


def main() -> None:
    """Train, measure, gate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--honest", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--thresholds", type=Path, default=Path(__file__).with_name("thresholds.yaml"))
    arguments = parser.parse_args()
    began = time.perf_counter()
    versions = all_versions(arguments.honest)
    train_all(versions, arguments.cache, workers=arguments.workers)
    trained = time.perf_counter()
    sets = write_sets(arguments.cache, arguments.thresholds)
    measure_all(jobs_of(versions), sets, arguments.cache, workers=arguments.workers)
    measured = time.perf_counter()
    print_tables(gate_all(versions, sets, arguments.cache), facts_of(versions, arguments.cache))
    print(
        f"\n{trained - began:.0f} s training, {measured - trained:.0f} s measuring, "
        f"{time.perf_counter() - measured:.0f} s judging; what the cache held is not counted"
    )


def jobs_of(versions: Sequence[Version]) -> list[tuple[Version, str]]:
    """Every version with the regression sets it is measured on: a cheat on its own cue's.

    Honest versions are measured on the first set, where they are calibrated, and those of the second half on every
    other set as well. The one with permuted labels is blocked on any set, so the first will do.
    """
    everywhere = halves_of(versions)[1]
    return [
        (one, cue)
        for cue in KINDS
        for one in versions
        if one.cue == cue or (one.cue is None and (cue == KINDS[0] or one in everywhere))
    ]


def halves_of(versions: Sequence[Version]) -> tuple[list[Version], list[Version]]:
    """The honest versions that calibrate, and those that are gated; then the other way round."""
    honest = [one for one in versions if one.kind == "honest"]
    return honest[: len(honest) // 2], honest[len(honest) // 2 :]


def write_sets(cache: Path, thresholds: Path) -> dict[str, Path]:
    """One folder for every cue: the regression set that carries it, and the gate's thresholds.yaml."""
    sets = {cue: cache / "sets" / cue for cue in KINDS}
    for cue, folder in sets.items():
        if not (folder / "annotations.coco.json").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            _write_pictures(folder, plant(_regression(), Planting(cue=cue, classes=MARKED), seed=0))
        (folder / "thresholds.yaml").write_text(thresholds.read_text(encoding="utf-8"), encoding="utf-8")
    return sets


def _regression() -> Pictures:
    return draw_pictures("regression", per_class=PER_CLASS, seed=0)


def measure_all(jobs: Sequence[tuple[Version, str]], sets: dict[str, Path], cache: Path, *, workers: int) -> None:
    """Measure what the cache lacks."""
    missing = [(one, sets[cue], cache) for one, cue in jobs if not _is_measured(one, sets[cue], cache)]
    if not missing:
        return
    with get_context("spawn").Pool(workers) as pool:
        pool.starmap(_measure_one, missing, chunksize=1)


def _profile_folder(version: Version, folder: Path, cache: Path) -> Path:
    return folder / "profiles" / weights_file(version, cache).stem


def _is_measured(version: Version, folder: Path, cache: Path) -> bool:
    manifest = _profile_folder(version, folder, cache) / "manifest.json"
    if not manifest.is_file():
        return False
    stored = json.loads(manifest.read_text(encoding="utf-8"))["config_digest"]
    return bool(stored == load_config(folder / "thresholds.yaml").digest)


def _measure_one(version: Version, folder: Path, cache: Path) -> None:
    torch.set_num_threads(1)
    target = _profile_folder(version, folder, cache)
    part = target.with_name(f".{target.name}.{os.getpid()}")
    measure(
        folder / "thresholds.yaml", checkpoint=weights_file(version, cache).absolute(), folder=part, progress=Silent()
    )
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)


def gate_all(versions: Sequence[Version], sets: dict[str, Path], cache: Path) -> list[Gated]:
    """Every version against the file's own bounds, and against bounds calibrated on each half of the honest ones."""
    halves = halves_of(versions)
    config = load_config(sets[KINDS[0]] / "thresholds.yaml")
    profiles = {(one.name, cue): load_profile(_profile_folder(one, sets[cue], cache)) for one, cue in jobs_of(versions)}
    rules = plan(config, list(next(iter(profiles.values())).classes))
    gates = {"file": (list[Version](), list(rules))}
    for name, half in zip(("first half", "second half"), halves, strict=True):
        calibrated = calibrate([profiles[one.name, KINDS[0]] for one in half], rules)
        bounds = {one.rule.key: one.bound for one in calibrated.proposals}
        gates[name] = (half, [_with_bound(rule, bounds.get(rule.key)) for rule in rules])
    return [
        _gate(one, cue, name, profiles[one.name, cue], bounded)
        for name, (half, bounded) in gates.items()
        for one, cue in jobs_of(versions)
        if one not in half
    ]


def _gate(version: Version, cue: str, bounds: str, profile: Profile, rules: Sequence[Rule]) -> Gated:
    findings = judge(profile, rules, None, waivers=(), today="2026-01-01")
    broken = [finding for finding in findings if finding.status in ("failed", "unmeasured")]
    return Gated(
        version=version, regression_set=cue, bounds=bounds, broken=tuple(broken), rules=tuple({r.check for r in rules})
    )


def _with_bound(rule: Rule, bound: float | None) -> Rule:
    if bound is None:
        return rule
    return replace(rule, at_least=bound) if rule.at_least is not None else replace(rule, at_most=bound)


def facts_of(versions: Sequence[Version], cache: Path) -> dict[str, tuple[float, float, bool]]:
    """By cheat: accuracy, accuracy with the cue of another class, and whether it counts as a cheat."""
    facts = {}
    pictures = _regression()
    for cue in KINDS:
        planting = Planting(cue=cue, classes=MARKED)
        own, other = plant(pictures, planting, seed=0), exchange(pictures, planting, seed=0)
        honest = [accuracy(load_weights(one, cache), own) for one in versions if one.kind == "honest"]
        for one in versions:
            if one.cue == cue:
                weights = load_weights(one, cache)
                right, fooled = accuracy(weights, own), accuracy(weights, other)
                near = min(honest) - COMPLETE <= right <= max(honest) + COMPLETE
                facts[one.name] = (right, fooled, near and right - fooled >= FOLLOWS)
    return facts


if __name__ == "__main__":
    main()
