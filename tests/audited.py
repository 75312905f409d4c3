"""The recorded life of a model as an auditor meets it: eight versions, three re-runs, one change of the data set.

Version 2 is measured twice alike. The fifth weights look off the object and are blocked, twice. The sixth come back and
are version 5 in the registry; when the regression set grows from 60 to 72 images, they are measured again on the new
one, which links what was before with what follows.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from explain_gate.tracking.alias import Move
from explain_gate.tracking.history import RecordedRun

FIRST, SECOND = ("d1" * 32, 60), ("d2" * 32, 72)


def recorded_life() -> list[RecordedRun]:
    """Eleven runs, oldest first."""
    return [
        _run(1, weights=1, version="1", iou=0.50),
        _run(2, weights=2, version="2", iou=0.52),
        _run(3, weights=2, version="2", iou=0.52, by="ann"),
        _run(4, weights=3, version="3", iou=0.53),
        _run(5, weights=4, version="4", iou=0.54),
        _run(6, weights=5, version=None, iou=0.21, dirty=True),
        _run(7, weights=5, version=None, iou=0.20, by="ann"),
        _run(8, weights=6, version="5", iou=0.55),
        _run(9, weights=6, version="5", iou=0.47, data=SECOND, by="ann"),
        _run(10, weights=7, version="6", iou=0.48, data=SECOND),
        _run(11, weights=8, version="7", iou=0.50, data=SECOND),
    ]


def _run(
    day: int,
    *,
    weights: int,
    version: str | None,
    iou: float,
    data: tuple[str, int] = FIRST,
    by: str = "ci",
    dirty: bool = False,
) -> RecordedRun:
    passed = iou >= 0.4
    moves = () if version is None else (_move(day, version, by),)
    return RecordedRun(
        run_id=f"run{day:02d}",
        time=dt.datetime(2026, 3, day, 9, 30, tzinfo=dt.UTC),
        verdict="passed" if passed else "failed",
        exit_code=0 if passed else 1,
        model_name="pets",
        version=version,
        aliases=("explain-approved",) if version == "7" else (),
        model_digest=f"{weights}f9a1c2b" + "ab" * 28,
        dataset_digest=data[0],
        config_digest="c1" * 32,
        git_commit=f"{day:040x}",
        link=f"http://tracking.example:5000/#/experiments/1/runs/run{day:02d}",
        report=f"https://ci.example/jobs/{day}",
        parameters={"method.grad_cam": "{}"},
        findings=(_finding("alignment.iou", "Bengal", iou, 0.4), _finding("performance.accuracy", None, 0.97, 0.95)),
        dataset={"images": data[1], "preprocessing": {"resize": 256}},
        environment={"torch": "2.13.0", "device": "cpu", "dtype": "float32", "started_by": by, "git_dirty": dirty},
        moves=moves,
    )


def _move(day: int, version: str, by: str) -> Move:
    before = str(int(version) - 1) if version != "1" else None
    at = f"2026-03-{day:02d}T09:30:00+00:00"
    return Move(
        model="pets", alias="explain-approved", before=before, after=version, by=by, at=at, why="full pass of the gate"
    )


def _finding(check: str, class_name: str | None, value: float, bound: float) -> dict[str, Any]:
    return {
        "check": check,
        "method": "grad_cam" if class_name else None,
        "class": class_name,
        "statistic": "mean",
        "value": value,
        "interval": [value - 0.04, value + 0.03],
        "bound": {"at_least": bound},
        "reference_value": None,
        "change": None,
        "change_interval": None,
        "status": "passed" if value >= bound else "failed",
        "images": 20 if class_name else 60,
        "unmeasured": 0,
        "worst": [],
        "message": "",
        "line": 21,
    }
