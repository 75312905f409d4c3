"""The numbers and conditions of a verdict under names that MLflow allows."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from typing import Any

from explain_gate.records import Finding, Profile, Verdict
from explain_gate.redact import redact

_NAME_LENGTH = 250
PARAMETER_LENGTH = 500
_UNLISTED = frozenset({"packages", "started", "job", "command"})
"""Of verdict.environment: what is no condition of a measurement, or too long for a parameter."""


def metric_name(check: str, method: str | None, class_name: str | None, statistic: str) -> str:
    """`explain.alignment.iou.grad_cam.Bengal.mean`, with the characters MLflow allows.

    A part that had to be changed carries a digest of what it was, so that two classes never share a name.
    """
    parts = [_clean(check, slash="/"), *(_clean(part) for part in (method, class_name) if part is not None), statistic]
    name = ".".join(["explain", *parts])
    if len(name) > _NAME_LENGTH - 20:  # room for ".low" and its like
        name = f"{name[: _NAME_LENGTH - 40]}-{_short_digest(name)}.{statistic}"
    return name


def metrics_of(verdict: Verdict) -> dict[str, float]:
    """Every finite number of the verdict by its name."""
    numbers: dict[str, float | None] = {}
    for finding in verdict.findings:
        name = metric_name(finding.check, finding.method, finding.class_name, finding.statistic)
        numbers[name] = finding.value
        numbers |= _beside(name, finding)
    for status, count in Counter(finding.status for finding in verdict.findings).items():
        numbers[f"explain.rules.{status}"] = float(count)
    numbers["explain.rules.planned"] = float(len(verdict.planned))
    numbers["explain.seconds"] = verdict.seconds
    numbers |= {f"explain.passes.{name}": float(count) for name, count in verdict.passes.items()}
    # MLflow stores NaN and turns infinity into the largest float; neither is a measurement.
    return {name: float(value) for name, value in numbers.items() if value is not None and math.isfinite(value)}


def _beside(name: str, finding: Finding) -> dict[str, float | None]:
    low, high = finding.interval or (None, None)
    change_low, change_high = finding.change_interval or (None, None)
    return {
        f"{name}.low": low,
        f"{name}.high": high,
        f"{name}.yes_share": None if finding.evidence is None else finding.evidence.yes / finding.evidence.images,
        f"{name}.change": finding.change,
        f"{name}.change.low": change_low,
        f"{name}.change.high": change_high,
    }


def parameters_of(verdict: Verdict, profile: Profile | None) -> dict[str, str]:
    """What was measured and under which conditions, cut to the length that MLflow takes."""
    environment = verdict.environment
    reference = verdict.reference or {}
    described: dict[str, Any] = {
        "model.source": verdict.model.get("source"),
        "model.checkpoint": verdict.model.get("checkpoint"),
        "model.checkpoint_key": verdict.model.get("checkpoint_key"),
        "model.name": verdict.model.get("name"),
        "model.version": verdict.model.get("version"),
        "reference.source": reference.get("source"),
        "reference.checkpoint": reference.get("checkpoint"),
        "reference.checkpoint_key": reference.get("checkpoint_key"),
        "reference.digest": reference.get("digest"),
        "dataset.images": verdict.dataset.get("images"),
        "dataset.classes": verdict.dataset.get("classes"),
        "config_digest": verdict.config_digest,
        **{f"environment.{name}": value for name, value in environment.items() if name not in _UNLISTED},
    }
    if profile is not None:
        measured = profile.manifest
        described |= {f"method.{name}": settings for name, settings in measured.get("methods", {}).items()}
        described |= {f"metric.{check}": parameters for check, parameters in measured.get("metrics", {}).items()}
        described |= {"seed": measured.get("seed"), "model.target": measured.get("target")}
    return {
        _clean(name): redact(value if isinstance(value, str) else json.dumps(value, default=str))[:PARAMETER_LENGTH]
        for name, value in described.items()
        if value is not None
    }


def _clean(part: str, slash: str = "_") -> str:
    cleaned = re.sub(r"[^A-Za-z0-9_\-. :/]", "_", part).replace("/", slash)
    return cleaned if cleaned == part else f"{cleaned}-{_short_digest(part)}"


def _short_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]
