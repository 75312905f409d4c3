"""Rules that pass only beyond chance: the noted p-values decide beside the bound."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from explain_gate.judging.chance import combined
from explain_gate.judging.gate import judge
from explain_gate.records import Finding, Profile, Rule

CHECK = "alignment.specificity"


@pytest.fixture
def findings(make_profile):
    """Judge made-up specificities with a p-value for each of two classes."""

    def judged(
        p: dict[str, float], *, value: float = 0.4, class_name: str | None = None, **values: Any
    ) -> tuple[Finding, ...]:
        profile: Profile = make_profile({(CHECK, "grad_cam"): [value] * 20}, classes=("cat", "dog"))
        (scores,) = profile.measurements
        keep = [row for row, image in enumerate(profile.images) if image.class_name in p]
        noted = replace(
            scores, check=f"{CHECK}@p", rows=scores.rows[keep], reasons=(None,) * len(keep),
            values=scores.values[keep] * 0 + [p[profile.images[row].class_name] for row in keep],
        )  # fmt: skip
        rule = Rule(check=CHECK, method="grad_cam", class_name=class_name, better="higher", at_least=0.1, **values)
        return judge(replace(profile, measurements=(scores, noted)), [rule])

    return judged


def test_a_value_within_its_bound_fails_where_chance_explains_it(findings) -> None:
    """The class's own p-value decides its row, whatever the other's is."""
    cat, dog = (findings({"cat": 0.001, "dog": 0.2}, class_name=name)[0] for name in ("cat", "dog"))
    assert (cat.status, dog.status, dog.cause) == ("passed", "failed", "chance")
    assert cat.message.endswith("That is beyond chance: permutation p = 0.001.")
    assert dog.message.endswith("Chance explains it: permutation p = 0.200, at most 0.05 passes.")


def test_a_warning_stays_one_and_a_broken_bound_keeps_its_cause(findings) -> None:
    """severity: warn is obeyed; a value beyond its bound is told as that."""
    (warned,) = findings({"cat": 0.2, "dog": 0.3}, severity="warn")
    assert (warned.status, warned.cause) == ("warned", "chance")
    (broken,) = findings({"cat": 0.2, "dog": 0.3}, value=0.0)
    assert (broken.status, broken.cause) == ("failed", "bound")


def test_without_a_test_nothing_passes(findings) -> None:
    """No map to permute: unmeasured, which fails closed."""
    (nothing,) = findings({})
    assert (nothing.status, nothing.cause) == ("unmeasured", "unmeasured")
    assert "fewer than two maps" in nothing.message


def test_all_classes_together_have_one_p_value(findings) -> None:
    """One clear class and one that says nothing are clear together; two that say nothing are not."""
    assert findings({"cat": 0.001, "dog": 0.5})[0].status == "passed"
    assert findings({"cat": 0.3, "dog": 0.2})[0].status == "failed"
    assert combined([0.02, 0.02, 0.02]) == pytest.approx(0.02)
    assert combined([1.0, 1.0]) == pytest.approx(1.0)
    assert combined([0.001, 0.5]) == pytest.approx(0.002, rel=0.01)
