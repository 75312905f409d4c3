"""Margins of a change: honest retrains stay inside, on however many images; what behaviour may lose has an end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from explain_gate.judging import prediction
from explain_gate.judging.calibration import calibrate
from explain_gate.judging.margins import propose_margins
from explain_gate.judging.noninferiority import compare
from explain_gate.judging.priors import Prior
from explain_gate.records import Rule
from tests.judging.test_calibration import CLASSES, answering, profile_of, rule_of

CHECK = "performance.accuracy"
KNOWN = Prior(spread=0.05, shift=0.03, freedom=8.0)


@pytest.fixture
def known(monkeypatch):
    """Every row has the same prior, whatever it asks."""
    monkeypatch.setattr(prediction, "prior_of", lambda *_, **__: KNOWN)


def changes(check: str = CHECK, *names: str | None, **margin: float) -> list[Rule]:
    """Rows that bound a change alone."""
    better = "lower" if "max_rise" in margin else "higher"
    return [Rule(check=check, method=None, class_name=name, better=better, **margin) for name in names or (None,)]


@pytest.mark.usefixtures("known")
def test_an_honest_retrain_is_no_significant_loss_on_a_thousand_images():
    """Seeds move whole classes: without a margin the images prove that, with it they do not prove a fault."""
    (proposal,) = propose_margins(
        [profile_of({CHECK: np.ones(60)}, "a")], changes(max_drop=0.0), tail=0.005, accepted=False
    )
    rng = np.random.default_rng(0)
    significant = {0.0: 0, proposal.bound: 0}
    for _ in range(40):
        before, after = (rng.random(1000) < 0.9 + rng.normal(0, KNOWN.shift) for _ in range(2))
        for margin in significant:
            change = compare(after.astype(float), before.astype(float), margin=margin, better="higher")
            significant[margin] += change.p_worse <= 0.005
    assert significant[0.0] >= 5
    assert significant[proposal.bound] == 0


@pytest.mark.usefixtures("known")
def test_versions_that_agree_narrow_the_margin_of_one():
    """The spread of the team's own versions counts beside the prior, rows of a rule share the widest margin."""
    versions = [profile_of({CHECK: np.full(60, 0.9)}, str(number)) for number in range(6)]
    rules = changes(CHECK, *CLASSES, max_drop=0.02)
    alone, many = (propose_margins(some, rules, tail=0.005, accepted=False) for some in (versions[:1], versions))
    assert len({one.bound for one in many}) == 1
    assert 0 < many[0].bound < alone[0].bound
    assert (alone[0].name, alone[0].before, alone[0].kept) == ("max_drop", 0.02, None)


def test_a_metric_without_a_prior_takes_two_versions():
    """One version of a team's own metric tells nothing: its margin stays."""
    rules = changes("performance.made_up", max_drop=0.02)
    one = profile_of({"performance.made_up": np.linspace(0, 1, 60)}, "a")
    other = profile_of({"performance.made_up": np.linspace(0, 0.9, 60)}, "b")
    (kept,) = propose_margins([one], rules, tail=0.01, accepted=False)
    assert (kept.bound, "2 versions would do" in kept.kept) == (0.02, True)
    (own,) = propose_margins([one, other], rules, tail=0.2, accepted=False)
    assert own.kept is None
    assert own.bound > 0.05


@pytest.mark.usefixtures("known")
def test_behaviour_may_not_change_by_what_the_package_stops():
    """A rise from which the package's own rule fails is no margin, unless somebody gave a reason."""
    check = "reliance.background_gap"
    rules = changes(check, max_rise=0.02)
    (kept,) = propose_margins([answering({})], rules, tail=1e-5, accepted=False)
    assert kept.bound == 0.02
    assert "is looser than the shipped rule" in kept.kept
    (accepted,) = propose_margins([answering({})], rules, tail=1e-5, accepted=True)
    assert accepted.looser
    assert accepted.bound > 0.25


@pytest.mark.usefixtures("known")
def test_a_rule_with_a_bound_and_a_margin_gets_both():
    """Both numbers are proposed, each under its own name; what they cost together is what was asked for."""
    check = "reliance.background_margin"
    rules = [replace(rule_of(check, at_most=0.15), max_rise=0.02)]
    calibrated = calibrate([answering({}, check=check)], rules, false_alarm_rate=0.3)
    assert [one.name for one in calibrated.proposals] == ["at_most", "max_rise"]
    assert calibrated.share <= 0.31
