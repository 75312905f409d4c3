"""One pytest item for each planned rule, and what it comes to."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pytest

from explain_gate.records import Finding, Rule
from explain_gate.session.plain import finding_to_plain
from explain_gate.session.results import FINDING

if TYPE_CHECKING:
    from explain_gate.session.run import GateSession


class Items:
    """Hooks that give every test of the gate its rules, and the `check` fixture's values."""

    def __init__(self, session: GateSession) -> None:
        self._session = session

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One item per planned rule that the test stands for."""
        if "check" in metafunc.fixturenames:
            rules = _rules_for(metafunc, self._session.rules)
            metafunc.parametrize(
                "check", rules or [None], indirect=True, ids=[_id(rule) for rule in rules] or ["no rule"]
            )

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Tests of rules that thresholds.yaml does not ask for are deselected."""
        idle = [item for item in items if _is_idle(item)]
        if idle:
            config.hook.pytest_deselected(items=idle)
            items[:] = [item for item in items if not _is_idle(item)]

    def check_for(self, request: pytest.FixtureRequest) -> Callable[..., Finding]:
        """The `check` fixture's value for one item."""
        rule: Rule | None = getattr(request, "param", None)

        def check(name: str | None = None) -> Finding:
            if rule is None:
                pytest.fail(
                    "check() needs a rule of thresholds.yaml; name the test after it: test_iou in test_alignment.py"
                )
            if name is not None and name not in (rule.check, rule.metric):
                pytest.fail(f"this test stands for {rule.check} by its name, but checks {name}", pytrace=False)
            finding = self._session.findings[rule.key]
            plain = json.dumps(finding_to_plain(finding), allow_nan=False)
            request.node.user_properties.append((FINDING, plain))
            _tell(finding)
            return finding

        return check


def _rules_for(metafunc: pytest.Metafunc, rules: Sequence[Rule]) -> list[Rule]:
    """The rules that a test stands for: those of its marker, else those that it is named after."""
    marker = metafunc.definition.get_closest_marker("explain")
    if marker is not None:
        patterns = [str(pattern) for pattern in marker.args]
    else:
        family = metafunc.module.__name__.rpartition(".")[2].removeprefix("test_")
        patterns = [f"{family}.{metafunc.function.__name__.removeprefix('test_')}"]
    return [
        rule
        for rule in rules
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in (rule.check, rule.metric))
    ]


def _tell(finding: Finding) -> None:
    """Fail or excuse the item. What only warns lets it pass, whatever its warning filters say; see the status shown."""
    if finding.status in ("failed", "unmeasured"):
        pytest.fail(finding.message, pytrace=False)
    if finding.status == "waived":
        pytest.xfail(finding.message)


def _id(rule: Rule) -> str:
    name = rule.check.partition("/")[2]
    return f"{name}-{rule.variant}" if name else rule.variant


def _is_idle(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and "check" in callspec.params and callspec.params["check"] is None
