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
    manifest = {"model": {"digest": digest}, "dataset": {"digest": "images", "classes": list(CLASSES)}}
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
    proposal, calibrated = bounded("alignment.pointing_game", [0.52, 0.72, 0.92], rule)
    assert (proposal.bound, proposal.before) == (0.5, 0.5)
    assert "from 3 versions stops nothing that the metric can be; about " in proposal.kept
    assert "only 3 versions" in " ".join(calibrated.warnings)


def test_a_bound_that_a_random_map_passes_is_not_written():
    """The file's bound stays where it stops the random map; where it does not, the loosest that does is taken."""
    values = [0.54, 0.56, 0.58]
    proposal, _ = bounded("alignment.iou", values, rule_of("alignment.iou"), random=0.485)
    assert proposal.bound == 0.5
    assert "would let a random map pass, which reaches 0.485" in proposal.kept
    loose = replace(rule_of("alignment.iou"), at_least=0.25)
    proposal, _ = bounded("alignment.iou", values, loose, random=0.485)
    assert 0.485 < proposal.bound < 0.49
    assert proposal.kept.startswith("just beyond a random map")


def test_versions_that_see_no_more_than_chance_are_told():
    """Where good versions themselves are no better than a random map, nothing is made up, and the file says so."""
    proposal, calibrated = bounded(
        "alignment.iou", [0.36, 0.37, 0.39], replace(rule_of("alignment.iou"), at_least=0.25), random=0.38
    )
    assert proposal.bound == 0.25
    assert "says nothing either" in proposal.kept
    assert calibrated.share == 0


@pytest.mark.parametrize(("before", "written"), [(0.15, 0.15), (0.1, 0.1), (0.5, 0.249)])
def test_no_bound_of_behaviour_is_looser_than_the_shipped_one(before, written):
    """What the package's own rule stops on this set is stopped, whatever the file said; a tighter bound of it stays.

    Of 60 images it fails from 15 that say yes, at a value of 0.25.
    """
    rule = rule_of("reliance.background_gap", at_most=before)
    proposal, _ = bounded("reliance.background_gap", [0.0, 0.1, 0.2], rule)
    assert proposal.bound == written
    assert "is looser than the shipped rule, which fails at 0.25 on this set" in proposal.kept


def test_a_statistic_that_hides_most_images_is_looser_than_the_mean_that_it_lets_through():
    """A median of 0.2 leaves room for a mean of 0.6: that is no way around the package's bound; a maximum is strict."""
    rule = rule_of("reliance.background_gap", at_most=0.15)
    values = [0.02, 0.021, 0.02]
    median, _ = bounded("reliance.background_gap", values, replace(rule, statistic="median"))
    assert (median.bound, median.looser) == (0.15, False)
    assert "is looser than the shipped rule" in median.kept
    assert bounded("reliance.background_gap", values, replace(rule, statistic="max"))[0].kept is None


def test_the_shipped_rule_is_that_of_the_row_itself():
    """A rule with a name behind its metric has its own line in the package's file: what is inside may do more."""
    for check, fails in (("reliance.transplant_follow/inside", 0.5), ("reliance.transplant_follow", 0.383)):
        proposal, _ = bounded(check, [0.1, 0.3, 0.6], rule_of(check, at_most=0.9))
        assert proposal.bound == pytest.approx(fails, abs=0.002)


def test_a_good_version_that_breaks_a_kept_bound_is_told():
    """A version called good that breaks the shipped bound does not loosen it."""
    proposal, calibrated = bounded(
        "reliance.background_margin", [0.1, 0.2, 0.0], rule_of("reliance.background_margin", at_most=0.15)
    )
    assert proposal.bound == 0.15
    assert "a good version breaks 0.15" in " ".join(calibrated.warnings)


def test_enough_versions_give_the_bound_that_was_said_to_be_missing():
    """About as many versions as the reason asks for, spread alike, get a bound of their own."""
    rule = rule_of("alignment.pointing_game")
    few, _ = bounded("alignment.pointing_game", [0.52, 0.72, 0.92], rule)
    needed = int(re.search(r"about (\d+) versions", few.kept)[1])
    assert needed > 3
    needed += 3
    spread = stats.norm.ppf((np.arange(needed) + 0.5) / needed)
    values = 0.72 + 0.20 * spread / spread.std(ddof=1)
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
    """No version, one version twice, a rate out of range, nothing measured, a reason without words."""
    one = profile_of({"reliance.made_up": np.ones(60)}, "a")
    other = profile_of({"reliance.made_up": np.ones(60)}, "b")
    rule = rule_of("reliance.made_up")
    with pytest.raises(OptionError, match="at least one version"):
        calibrate([], [rule])
    with pytest.raises(OptionError, match="takes the reason"):
        calibrate([one, other], [rule], accept_looser=" ")
    with pytest.raises(OptionError, match="same weights"):
        calibrate([one, one], [rule])
    with pytest.raises(OptionError, match="must be in"):
        calibrate([one, other], [rule], false_alarm_rate=0.7)
    with pytest.raises(OptionError, match="nothing can be proposed"):
        calibrate([one, other], [rule_of("reliance.absent")])


def answering(yes: dict[str, int], *, digest: str = "a", check: str = "reliance.background_gap", value=None) -> Profile:
    """A version of which so many of each class's images say yes; `value` (60,), else the answers themselves."""
    answers = np.concatenate([np.arange(PER_CLASS) < yes.get(name, 0) for name in CLASSES]).astype(np.float64)
    profile = profile_of({check: answers if value is None else value, f"{check}@evidence": answers}, digest)
    return replace(profile, manifest={**profile.manifest, "model": {"digest": digest, "checkpoint": f"{digest}.pt"}})


def counting(*names: str | None, check: str = "reliance.background_gap", **values) -> list[Rule]:
    """Rows as `init` writes them: images that say yes are counted."""
    asked = {"better": "lower", "at_most": 0.10, "must_catch": 0.6, "line": 7, **values}
    return [Rule(check=check, method=None, class_name=name, decide="evidence", **asked) for name in names]


def test_one_version_is_enough_for_bounds_of_its_own():
    """How far versions differ is known from other data sets; the value decides, since its limit holds the noise."""
    version = answering({})
    calibrated = calibrate([version], counting(*CLASSES, None), false_alarm_rate=0.05)
    assert {one.rule.class_name for one in calibrated.proposals} == set(CLASSES)
    for one in calibrated.proposals:
        assert (one.kept, one.decide, one.name, one.before) == (None, "value", "at_most", 0.10)
        assert 0 < one.bound < 14 / 60  # from where the package's row of all classes fails
    assert calibrated.share == pytest.approx(0.05, abs=0.01)
    assert "only 1 version:" in calibrated.warnings[0]


def test_more_versions_that_agree_sharpen_the_bound_of_one():
    """Own versions count beside the prior: five that agree make it tighter than one does, none makes it certain."""
    versions = [answering({}, digest=str(number)) for number in range(5)]
    one, five = (calibrate(some, counting(*CLASSES, None)).proposals[0].bound for some in (versions[:1], versions))
    assert 0 < five < one


def test_a_metric_that_nobody_has_measured_takes_two_versions():
    """Without a prior one version tells nothing of the spread: its bound stays, with what would do."""
    rng = np.random.default_rng(8)
    (alone,) = calibrate([draw_version(rng, ["reliance.made_up"], "a")], [rule_of("reliance.made_up")]).proposals
    assert (alone.bound, alone.decide) == (0.5, "value")
    assert "2 versions would do" in alone.kept


def test_a_rule_that_keeps_its_bound_goes_on_counting_images():
    """Versions too far apart, or close to what the package stops, keep the rule as it is, all its classes together."""
    versions = [answering({"cat": 6}, digest="a"), answering({"cat": 0}, digest="b")]
    proposals = calibrate(versions, counting(*CLASSES, None)).proposals
    assert {(one.decide, one.bound, one.name) for one in proposals} == {("evidence", 0.10, "at_most")}
    assert all("is looser than the shipped rule" in one.kept for one in proposals)


def test_a_bound_of_the_file_that_the_package_does_not_allow_becomes_the_packages_own():
    """Half of all images may say yes, says the file: a kept rule counts by the package's share, unless accepted so."""
    versions = [answering({"cat": 6}, digest="a"), answering({"cat": 0}, digest="b")]
    loose = calibrate(versions, counting(*CLASSES, None, at_most=0.4, must_catch=0.95)).proposals
    assert {(one.decide, one.bound) for one in loose} == {("evidence", 0.10)}
    agreed = calibrate(
        versions, counting(*CLASSES, None, at_most=0.4, must_catch=0.95, accept_looser="agreed")
    ).proposals
    assert {one.bound for one in agreed} == {0.4}


def test_a_bound_that_was_accepted_as_looser_stays_where_versions_give_none():
    """The file's own, with its reason: it was looked at once, and nobody has to give the reason again."""
    rule = replace(rule_of("reliance.background_gap", at_most=0.5), accept_looser="agreed")
    proposal, calibrated = bounded("reliance.background_gap", [0.0, 0.1, 0.2], rule)
    assert (proposal.bound, proposal.looser) == (0.5, False)
    assert "nothing either" not in proposal.kept
    assert calibrated.accepted is None


def test_a_looser_bound_takes_a_reason_which_is_told():
    """The same versions with a reason get the bound that their spread asks for, marked as looser."""
    versions = [answering({"cat": 6}, digest="a"), answering({"cat": 0}, digest="b")]
    calibrated = calibrate(versions, counting(*CLASSES, None), accept_looser="cats are told by their sofas")
    assert calibrated.accepted == "cats are told by their sofas"
    assert all(one.looser and one.kept is None and one.bound > 14 / 60 for one in calibrated.proposals)
    tight = calibrate([answering({})], counting(*CLASSES, None), accept_looser="no need")
    assert tight.accepted is None
    assert not any(one.looser for one in tight.proposals)


def test_a_rule_without_power_is_not_made_to_pass():
    """Five images a class are too few for what a row must catch: a bound of the value would turn red into green."""
    version = answering({})
    kept = [image for row, image in enumerate(version.images) if row % PER_CLASS < 5]
    rows = [row for row, image in enumerate(version.images) if image in kept]
    few = replace(
        version,
        images=tuple(kept),
        measurements=tuple(
            replace(one, rows=np.arange(15), values=one.values[rows], reasons=(None,) * 15)
            for one in version.measurements
        ),
    )
    proposals = calibrate([few], counting(*CLASSES, None)).proposals
    assert {one.decide for one in proposals} == {"evidence"}
    assert all("too few for what it must catch" in one.kept for one in proposals)


def test_where_higher_is_better_the_bound_of_the_value_is_a_lower_one():
    """Images that lose their answer are counted from above; the value that is left is bounded from below."""
    check = "reliance.object_only"
    version = answering({"cat": 1}, check=check, value=np.where(np.arange(60) == 0, 0.0, 1.0))
    proposals = calibrate([version], counting(*CLASSES, None, check=check, at_most=0.05, must_catch=0.5)).proposals
    assert {(one.name, one.decide, one.before) for one in proposals} <= {
        ("at_least", "value", 0.05), ("at_most", "evidence", 0.05)
    }  # fmt: skip
    assert all(one.bound < 0.95 for one in proposals)
