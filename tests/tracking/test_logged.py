"""Names that MLflow allows and people recognise, and finite numbers under them."""

from __future__ import annotations

import math
import re
from dataclasses import replace

from hypothesis import given, settings, strategies

from explain_gate.tracking.logged import metric_name
from explain_gate.tracking.settings import TrackingSettings
from explain_gate.tracking.submission import describe

ALLOWED = re.compile(r"[A-Za-z0-9_\-. :/]{1,250}")
NAMES = strategies.text(min_size=1, max_size=300)


@settings(deadline=None, max_examples=100, derandomize=True)
@given(NAMES, NAMES)
def test_metric_names_are_allowed_and_distinct(first, second):
    """Any class name becomes an allowed metric name, and two classes never share one."""
    names = [metric_name("alignment.iou", "grad_cam", name, "mean") for name in (first, second)]
    assert all(ALLOWED.fullmatch(name) for name in names)
    assert (names[0] == names[1]) == (first == second)


def test_metric_name_reads_like_the_rule():
    """Ordinary names are left as they are."""
    assert metric_name("alignment.iou", "grad_cam", "Bengal", "mean") == "explain.alignment.iou.grad_cam.Bengal.mean"
    assert metric_name("performance.accuracy", None, None, "mean") == "explain.performance.accuracy.mean"
    assert metric_name("alignment.iou/strict", None, None, "p05") == "explain.alignment.iou/strict.p05"


def test_nothing_but_finite_numbers_is_logged(gate_run):
    """NaN, infinity and unmeasured values have no metric; MLflow would store them as numbers."""
    run = gate_run("v1")
    finding = run.verdict.findings[0]
    broken = tuple(
        replace(finding, class_name=name, value=value, interval=None)
        for name, value in (("nan", math.nan), ("inf", math.inf), ("minus", -math.inf), ("none", None))
    )
    verdict = replace(run.verdict, findings=(*broken, replace(finding, interval=(math.nan, 0.5))))
    submission = describe(verdict, run.profile, run.folder, TrackingSettings(), ended=1000)
    values = {name: value for name, value in submission.metrics.items() if name.startswith("explain.alignment")}
    assert values == {
        "explain.alignment.iou.grad_cam.cat.mean": 0.45,
        "explain.alignment.iou.grad_cam.cat.mean.high": 0.5,
    }
