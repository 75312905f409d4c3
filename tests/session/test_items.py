"""One item a planned rule: tests stand for rules by their name or their marker."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from explain_gate.judging.gate import judge
from explain_gate.records import Rule
from explain_gate.session.items import Items
from explain_gate.session.results import FINDING


def rule(check, method="grad_cam", class_name=None, **more):
    return Rule(check=check, method=method, class_name=class_name, better="higher", at_least=0.4, **more)


RULES = (
    rule("alignment.iou", class_name="cat"),
    rule("alignment.iou", class_name="dog"),
    rule("alignment.iou/strict"),
    rule("reliance.background_gap", None),
)


def items_of(module, function, *patterns):
    """The rules and ids that a test function gets."""
    asked = []
    marker = SimpleNamespace(args=patterns) if patterns else None
    metafunc = SimpleNamespace(
        fixturenames=["check"],
        definition=SimpleNamespace(get_closest_marker=lambda _: marker),
        module=SimpleNamespace(__name__=module),
        function=SimpleNamespace(__name__=function),
        parametrize=lambda _, rules, ids, **__: asked.append((rules, ids)),
    )
    Items(SimpleNamespace(rules=RULES)).pytest_generate_tests(metafunc)
    ((rules, ids),) = asked
    return rules, ids


def test_a_test_stands_for_the_rules_that_it_is_named_after():
    """`test_iou` in `test_alignment.py`, one item a method and class; a named variant of a rule too."""
    rules, ids = items_of("checks.test_alignment", "test_iou")
    assert rules == list(RULES[:3])
    assert ids == ["grad_cam-cat", "grad_cam-dog", "strict-grad_cam"]


def test_a_marker_says_otherwise():
    """With patterns over checks."""
    rules, _ = items_of("test_own", "test_anything", "reliance.*", "alignment.iou/strict")
    assert rules == list(RULES[2:])


def test_a_test_of_a_rule_that_is_not_planned_is_deselected():
    """It is not skipped, which could be read as not passed, and not run."""
    rules, ids = items_of("test_alignment", "test_pointing")
    assert (rules, ids) == ([None], ["no rule"])
    idle, busy, plain = (
        SimpleNamespace(callspec=SimpleNamespace(params={"check": None})),
        SimpleNamespace(callspec=SimpleNamespace(params={"check": RULES[0]})),
        SimpleNamespace(),
    )
    gone, collected = [], [idle, busy, plain]

    def deselected(items):
        gone.extend(items)

    config = SimpleNamespace(hook=SimpleNamespace(pytest_deselected=deselected))
    Items(SimpleNamespace(rules=RULES)).pytest_collection_modifyitems(config, collected)
    assert (gone, collected) == ([idle], [busy, plain])


@pytest.fixture
def check(make_profile):
    """The `check` fixture's value for a rule over given values, and what the item reports."""

    def make(one, values):
        findings = {}
        if one is not None:
            (finding,) = judge(make_profile({("alignment.iou", "grad_cam"): values}), [one])
            findings[one.key] = finding
        request = SimpleNamespace(node=SimpleNamespace(user_properties=[]))
        if one is not None:
            request.param = one
        return Items(SimpleNamespace(findings=findings, rules=())).check_for(request), request.node.user_properties

    return make


def test_the_finding_is_reported_before_the_item_fails(check):
    """As one line of JSON, which a distributed session carries too; the failure is the finding's message."""
    asked, reported = check(rule("alignment.iou"), [0.1, 0.2, 0.1, 0.2, 0.1])
    with pytest.raises(pytest.fail.Exception, match=r"alignment\.iou"):
        asked("alignment.iou")
    ((name, plain),) = reported
    assert name == FINDING
    assert json.loads(plain)["status"] == "failed"


def test_a_rule_that_holds_lets_the_item_pass(check):
    """And gives the finding, for further assertions."""
    asked, _ = check(rule("alignment.iou"), [0.5, 0.6, 0.5, 0.6, 0.5])
    assert asked().status == "passed"


def test_a_test_that_checks_another_rule_than_its_name_says_fails(check):
    """Copied without its name, it would judge one rule twice and another one never."""
    asked, reported = check(rule("alignment.iou"), [0.5, 0.6, 0.5, 0.6, 0.5])
    with pytest.raises(
        pytest.fail.Exception, match=r"stands for alignment\.iou by its name, but checks alignment\.mass"
    ):
        asked("alignment.mass")
    assert reported == []
    nameless, _ = check(None, [])
    with pytest.raises(pytest.fail.Exception, match=r"needs a rule of thresholds\.yaml"):
        nameless()
