"""Versions of a model as a history holds them, made by hand."""

import datetime as dt
from dataclasses import replace

from explain_gate.comparing.versions import Run, Version
from explain_gate.records import Finding

NASTY = '<script>alert("x")</script>'


def finding(value, *, check="alignment.iou", bound=0.4, class_name=NASTY, **fields):
    """A rule with a lower bound, broken where the value is below it."""
    plain = {
        "interval": None if value is None else (value - 0.05, value + 0.05), "bound": {"at_least": bound},
        "status": "unmeasured" if value is None else "passed" if value >= bound else "failed", "images": 60,
        "unmeasured": 0, "worst": (), "message": "a message", "line": 3,
    }  # fmt: skip
    return Finding(
        check=check, method="grad_cam", class_name=class_name, statistic="mean", value=value, **{**plain, **fields}
    )


def version(number, *values, **fields):
    """A judged version; the first value is alignment, the second accuracy."""
    checks = ("alignment.iou", "performance.accuracy")
    findings = tuple(finding(value, check=check) for check, value in zip(checks, values, strict=False))
    broken = any(f.status in ("failed", "unmeasured") for f in findings)
    plain = {
        "verdict": "failed" if broken else "passed", "findings": findings, "dataset_digest": "d1",
        "config_digest": "c1", "terms": {"seed": "0"},
        "time": dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=number),
    }  # fmt: skip
    aliases = fields.pop("aliases", ())
    run = Run(**{**plain, **fields})
    return Version(label=str(number), runs=(run,), model_digest=f"{number:064x}", aliases=aliases)


def again(one, *values, **fields):
    """The version with one more run."""
    (later,) = version(int(one.label), *values, **fields).runs
    return replace(one, runs=(*one.runs, later))


def life(*values):
    """Versions 1, 2, ... with these alignments."""
    return [version(number, value, 0.9) for number, value in enumerate(values, start=1)]
