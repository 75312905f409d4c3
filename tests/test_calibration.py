"""Calibration: bounds proposed from good versions hold their promise on versions nobody has seen."""

import numpy as np
import pytest
from scipy import stats

from explain_gate.calibration import calibrate
from explain_gate.errors import OptionError
from explain_gate.findings import breaks
from explain_gate.records import ImageRow, Measurement, Profile, Rule
from explain_gate.statistics import summarize

CLASSES = ("cat", "dog", "owl")
PER_CLASS = 20


def profile_of(values_by_check: dict[str, np.ndarray], digest: str) -> Profile:
    """A profile that was never written, with model-wide checks over three classes of images."""
    names = [name for name in CLASSES for _ in range(PER_CLASS)]
    images = tuple(
        ImageRow(
            image=f"{position}.png",
            label=CLASSES.index(name),
            class_name=name,
            accepted=(CLASSES.index(name),),
            digest=str(position),
            predicted=0,
            probability=1.0,
            region_area=0.2,
            region_reason=None,
        )
        for position, name in enumerate(names)
    )
    measurements = tuple(
        Measurement(check=check, method=None, rows=np.arange(len(names)), values=values, reasons=(None,) * len(names))
        for check, values in values_by_check.items()
    )
    manifest = {"model": {"digest": digest}, "dataset": {"digest": "images"}}
    return Profile(manifest=manifest, images=images, measurements=measurements)


def rule_of(check: str, *, class_name: str | None = None, line: int = 1, at_most: float | None = None) -> Rule:
    """A planned row that asks for a high value, or for a low one where `at_most` is given."""
    bound = {"at_least": 0.5} if at_most is None else {"at_most": at_most}
    better = "higher" if at_most is None else "lower"
    return Rule(check=check, method=None, class_name=class_name, better=better, line=line, **bound)


def draw_version(rng: np.random.Generator, checks: list[str], digest: str, shift: float = 0.0) -> Profile:
    """A version whose checks vary around 0.7 by a version effect and by image noise."""
    values = {}
    for check in checks:
        effect = rng.normal(0.7 + shift, 0.02, len(CLASSES)).repeat(PER_CLASS)
        values[check] = effect + rng.normal(0, 0.1, len(effect))
    return profile_of(values, digest)


def planned(checks: list[str]) -> list[Rule]:
    """One row per check and class."""
    return [rule_of(check, class_name=name, line=line) for line, check in enumerate(checks) for name in CLASSES]


def broken_by(profile: Profile, calibrated) -> bool:
    """Whether a version breaks any of the proposed bounds."""
    for one in calibrated.proposals:
        measurement = profile.measurement(one.rule.check, None)
        mine = [row for row, image in enumerate(profile.images) if one.rule.class_name in (None, image.class_name)]
        value = summarize(measurement.values[mine], one.rule.statistic)
        if value < one.bound:
            return True
    return False


def test_the_promised_rate_holds_on_versions_nobody_has_seen():
    """Over many simulated teams the share of blocked good versions is not above the promise, by Wilson's interval."""
    rng = np.random.default_rng(0)
    checks = [f"reliance.made_up_{number}" for number in range(4)]
    blocked = []
    for _ in range(25):
        versions = [draw_version(rng, checks, str(number)) for number in range(6)]
        calibrated = calibrate(versions, planned(checks), false_alarm_rate=0.1)
        blocked += [broken_by(draw_version(rng, checks, "new"), calibrated) for _ in range(8)]
    interval = stats.binomtest(sum(blocked), len(blocked)).proportion_ci(method="wilson")
    assert interval.low <= 0.1, f"{sum(blocked)} of {len(blocked)} good versions were blocked, promised were 10 %"


def test_a_shifted_version_is_blocked():
    """A version far from what good ones show breaks the proposed bounds."""
    rng = np.random.default_rng(1)
    checks = [f"reliance.made_up_{number}" for number in range(4)]
    calibrated = calibrate([draw_version(rng, checks, str(number)) for number in range(6)], planned(checks))
    bad = [broken_by(draw_version(rng, checks, "bad", shift=-0.3), calibrated) for _ in range(10)]
    assert all(bad)


def test_two_rules_and_many_images_give_the_prediction_interval():
    """Without rules to borrow from, one row's bound is Hahn's one-sided prediction bound of the versions' values."""
    values = [0.70, 0.72, 0.74, 0.69, 0.75]
    profiles = [
        profile_of({"reliance.made_up": np.full(60, value)}, str(number)) for number, value in enumerate(values)
    ]
    (proposal,) = calibrate(profiles, [rule_of("reliance.made_up")], false_alarm_rate=0.05).proposals
    expected = np.mean(values) - stats.t.ppf(0.95, 4) * np.std(values, ddof=1) * np.sqrt(1 + 1 / 5)
    assert proposal.bound == pytest.approx(expected, abs=0.004)


def test_a_lower_rate_never_tightens_a_bound():
    """The fewer false alarms are wanted, the wider every bound."""
    rng = np.random.default_rng(2)
    checks = ["reliance.made_up_0", "reliance.made_up_1"]
    versions = [draw_version(rng, checks, str(number)) for number in range(6)]
    strict, wide = (calibrate(versions, planned(checks), false_alarm_rate=rate).proposals for rate in (0.2, 0.01))
    assert all(narrow.bound >= loose.bound for narrow, loose in zip(strict, wide, strict=True))


def test_classes_that_differ_get_bounds_of_their_own():
    """A class far above the others is not given their bound, classes alike share one."""
    rng = np.random.default_rng(3)
    offset = np.array([0.0, 0.0, 0.25]).repeat(PER_CLASS)
    versions = [
        profile_of({"reliance.made_up": 0.6 + offset + rng.normal(0, 0.02) + rng.normal(0, 0.05, 60)}, str(number))
        for number in range(6)
    ]
    bounds = {one.rule.class_name: one.bound for one in calibrate(versions, planned(["reliance.made_up"])).proposals}
    assert bounds["cat"] == bounds["dog"] < bounds["owl"]


def test_norms_keep_the_bound_of_the_file():
    """What makes a measurement sound is no matter of what good versions show."""
    rng = np.random.default_rng(4)
    versions = [draw_version(rng, ["performance.accuracy", "reliance.made_up"], str(number)) for number in range(5)]
    rules = [rule_of("performance.accuracy"), rule_of("reliance.made_up", line=2)]
    norm, other = calibrate(versions, rules).proposals
    assert (norm.kept, norm.bound, other.kept) == (True, 0.5, False)


def test_bounds_leave_every_seen_version_inside():
    """No version it was calibrated on breaks a proposed bound, whichever side it bounds."""
    rng = np.random.default_rng(5)
    checks = ["reliance.made_up_0", "reliance.made_up_1"]
    versions = [draw_version(rng, checks, str(number)) for number in range(6)]
    rules = [rule_of(checks[0]), rule_of(checks[1], line=2, at_most=0.9)]
    for one in calibrate(versions, rules).proposals:
        bound = {"at_least": one.bound} if one.rule.at_least is not None else {"at_most": one.bound}
        rule = Rule(check=one.rule.check, method=None, class_name=None, better=one.rule.better, **bound)
        assert not any(breaks(rule, value) for value in one.seen)


def test_sixty_times_zero_is_no_certainty():
    """Versions that all show exactly 0 do not get a bound of exactly 0."""
    profiles = [profile_of({"reliance.background_follow": np.zeros(60)}, str(number)) for number in range(6)]
    (proposal,) = calibrate(profiles, [rule_of("reliance.background_follow", at_most=0.15)]).proposals
    assert 1 / 120 < proposal.bound < 0.1


def test_empty_promises_are_told():
    """Few versions, few images and bounds that stop nothing are warned about."""
    rng = np.random.default_rng(6)
    values = [np.clip(rng.normal(0.3, 0.3), 0, 1) + np.zeros(60) for _ in range(3)]
    profiles = [
        profile_of({"reliance.object_only": each + number / 1000}, str(number)) for number, each in enumerate(values)
    ]
    warnings = " ".join(calibrate(profiles, [rule_of("reliance.object_only")], false_alarm_rate=0.01).warnings)
    assert "only 3 versions" in warnings
    assert "stops nothing" in warnings


def test_unusable_input_is_refused():
    """One version, one version twice, a rate out of range, nothing measured."""
    one = profile_of({"reliance.made_up": np.ones(60)}, "a")
    other = profile_of({"reliance.made_up": np.ones(60)}, "b")
    rule = rule_of("reliance.made_up")
    with pytest.raises(OptionError, match="at least two"):
        calibrate([one], [rule])
    with pytest.raises(OptionError, match="same weights"):
        calibrate([one, one], [rule])
    with pytest.raises(OptionError, match="must be in"):
        calibrate([one, other], [rule], false_alarm_rate=0.7)
    with pytest.raises(OptionError, match="nothing can be proposed"):
        calibrate([one, other], [rule_of("reliance.absent")])
