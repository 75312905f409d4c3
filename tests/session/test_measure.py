"""Before hours of measuring: which rules need a reference, and what is told where there is none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import projects
import pytest
import torch

from explain_gate.errors import OptionError, ReferenceError
from explain_gate.options import RunOptions
from explain_gate.records import Rule
from explain_gate.session import measure
from explain_gate.session.measure import require_engine, resolve_reference, rules_that_compare


def rule(check: str = "alignment.iou", **bounds) -> Rule:
    """A rule of thresholds.yaml, line 21."""
    return Rule(check=check, method="grad_cam", class_name=None, better="higher", line=21, **bounds)


def session(*rules: Rule, **options):
    """What a session knows before it measures."""
    config = SimpleNamespace(path=Path("thresholds.yaml"))
    return SimpleNamespace(options=RunOptions(**options), rules=rules, config=config, tracking=None)


def test_rules_that_compare_bound_a_change_or_are_of_drift():
    """All others have a verdict of their own."""
    compare = [rule(max_drop=0.1), rule(max_rise=0.1), rule("drift.map_correlation", at_least=0.5)]
    assert rules_that_compare([rule(at_least=0.4), *compare]) == compare


def test_a_rule_that_compares_needs_a_reference_or_to_be_told_that_there_is_none_yet():
    """With the line of the rule, and the three ways to give one."""
    with pytest.raises(ReferenceError, match=r"thresholds\.yaml:21: alignment\.iou compares .* --bootstrap"):
        resolve_reference(session(rule(max_drop=0.1)))
    assert resolve_reference(session(rule(max_drop=0.1), bootstrap=True)) is None
    assert resolve_reference(session(rule(at_least=0.4))) is None


def test_no_weaker_has_to_compare_with_something():
    """Otherwise a pull request that drops the reference would be green."""
    with pytest.raises(OptionError, match="--no-weaker compares with what the reference was asked for"):
        resolve_reference(session(rule(at_least=0.4), no_weaker=True))


def test_ray_is_asked_for_before_it_is_needed(monkeypatch):
    """A run of hours does not end at an import."""
    require_engine(RunOptions(engine="local"))
    monkeypatch.setattr(measure.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(OptionError, match=r"pip install 'explain-gate\[ray\]'"):
        require_engine(RunOptions(engine="ray"))


def test_an_exported_program_is_not_even_opened_where_nothing_changed(tmp_path, write_project, measured, monkeypatch):
    """Its file says that it is the same."""
    of_behaviour = projects.THRESHOLDS[: projects.THRESHOLDS.index("  alignment:")]
    thresholds = write_project(tmp_path / "project", per_class=2, thresholds=of_behaviour)
    code = thresholds.with_name("tinymodel.py").read_text(encoding="utf-8")
    made: dict[str, Any] = {}
    exec(code, made)  # noqa: S102 - the tiny project's own model
    program = torch.export.export(
        made["build"]().eval(), (torch.zeros(2, 3, 32, 32),), dynamic_shapes=({0: torch.export.Dim("images")},)
    )
    torch.export.save(program, thresholds.with_name("model.pt2"))
    text = thresholds.read_text(encoding="utf-8").replace("tinymodel:build", "model.pt2")
    text = text.replace("arguments: {corner: false}", "")
    thresholds.write_text(text, encoding="utf-8")
    first = measured()

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the model was opened")

    monkeypatch.setattr("explain_gate.measuring.job.open_model", refuse)
    assert measured().findings == first.findings
