"""Calibration: bounds proposed from good versions hold their promise on versions nobody has seen."""

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from explain_gate.errors import OptionError
from explain_gate.judging.calibration import calibrate
from explain_gate.judging.findings import breaks
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
    assert (norm.kept, norm.bound, other.kept) == ("a norm", 0.5, None)


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


def bounded(check: str, values: list[float], rule: Rule, *, random: float | None = None):
    """The one proposal for versions that show these values on every image, and its calibration."""
    columns = [np.clip(np.full(60, value) + np.linspace(-0.05, 0.05, 60), -1, None) for value in values]
    profiles = [profile_of({check: column}, str(number)) for number, column in enumerate(columns)]
    if random is not None:
        control = Measurement(
            check=check, method="control.random", rows=np.arange(24), values=np.full(24, random), reasons=(None,) * 24
        )
        profiles = [replace(profile, measurements=(*profile.measurements, control)) for profile in profiles]
    calibrated = calibrate(profiles, [rule], false_alarm_rate=0.002)
    (proposal,) = calibrated.proposals
    return proposal, calibrated


def test_a_bound_outside_the_range_is_not_written():
    """Three versions spread so far that their bound would lie below 0: the file's stays, with what it would take."""
    rule = rule_of("alignment.pointing_game")
    proposal, calibrated = bounded("alignment.pointing_game", [0.65, 0.72, 0.79], rule)
    assert (proposal.bound, proposal.before) == (0.5, 0.5)
    assert "from 3 versions stops nothing that the metric can be; about " in proposal.kept
    assert "only 3 versions" in " ".join(calibrated.warnings)


def test_a_bound_that_a_random_map_passes_is_not_written():
    """The file's bound stays where it stops the random map; where it does not, the loosest that does is taken."""
    values = [0.54, 0.56, 0.58]
    proposal, _ = bounded("alignment.iou", values, rule_of("alignment.iou"), random=0.39)
    assert proposal.bound == 0.5
    assert "would let a random map pass, which reaches 0.39" in proposal.kept
    loose = replace(rule_of("alignment.iou"), at_least=0.25)
    proposal, _ = bounded("alignment.iou", values, loose, random=0.39)
    assert 0.39 < proposal.bound < 0.4
    assert proposal.kept.startswith("just beyond a random map")


def test_versions_that_see_no_more_than_chance_are_told():
    """Where good versions themselves are no better than a random map, nothing is made up, and the file says so."""
    proposal, calibrated = bounded(
        "alignment.iou", [0.36, 0.37, 0.39], replace(rule_of("alignment.iou"), at_least=0.25), random=0.38
    )
    assert proposal.bound == 0.25
    assert "says nothing either" in proposal.kept
    assert calibrated.share == 0


@pytest.mark.parametrize(("before", "written"), [(0.15, 0.15), (0.1, 0.1), (0.5, 0.15)])
def test_no_bound_of_behaviour_is_looser_than_the_shipped_one(before, written):
    """The package's bound is the loosest, whatever the file said; a tighter one of the file stays."""
    rule = rule_of("reliance.background_gap", at_most=before)
    proposal, _ = bounded("reliance.background_gap", [0.0, 0.05, 0.1], rule)
    assert proposal.bound == written
    assert "is looser than the shipped 0.15" in proposal.kept


def test_the_shipped_bound_is_that_of_the_rule_itself():
    """A rule with a name behind its metric has its own line in the package's file; another statistic has none."""
    inside = rule_of("reliance.transplant_follow/inside", at_most=0.9)
    assert bounded(inside.check, [0.1, 0.3, 0.6], inside)[0].bound == 0.15
    strict = replace(inside, statistic="max")
    assert bounded(inside.check, [0.1, 0.12, 0.13], strict)[0].kept is None


def test_a_good_version_that_breaks_a_kept_bound_is_told():
    """A version called good that breaks the shipped bound does not loosen it."""
    proposal, calibrated = bounded(
        "reliance.object_only", [0.3, 0.7, 0.8], replace(rule_of("reliance.object_only"), at_least=0.6)
    )
    assert proposal.bound == 0.6
    assert "a good version breaks 0.6" in " ".join(calibrated.warnings)


def test_enough_versions_give_the_bound_that_was_said_to_be_missing():
    """As many versions as the reason asks for, spread alike, get a bound of their own."""
    rule = rule_of("alignment.pointing_game")
    few, _ = bounded("alignment.pointing_game", [0.65, 0.72, 0.79], rule)
    needed = int(re.search(r"about (\d+) versions", few.kept)[1])
    assert needed > 3
    spread = stats.norm.ppf((np.arange(needed) + 0.5) / needed)
    values = 0.72 + 0.07 * spread / spread.std(ddof=1)
    assert bounded("alignment.pointing_game", values.tolist(), rule)[0].kept is None


def test_the_order_of_images_changes_no_bound():
    """Profiles whose images are listed the other way round give the same proposals."""
    rng = np.random.default_rng(7)
    checks = ["reliance.made_up_0", "reliance.made_up_1"]
    versions = [draw_version(rng, checks, str(number)) for number in range(5)]
    reversed_versions = [
        replace(
            one,
            images=one.images[::-1],
            measurements=tuple(replace(column, values=column.values[::-1]) for column in one.measurements),
        )
        for one in versions
    ]
    first, second = (calibrate(each, planned(checks)).proposals for each in (versions, reversed_versions))
    assert [one.bound for one in first] == [one.bound for one in second]


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
