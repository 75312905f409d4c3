"""The calibrated thresholds.yaml: the user's text stays, the numbers and their comments are new, and it loads."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explain_gate.commands.calibrated_file import rewrite
from explain_gate.config import GateConfig, load_config
from explain_gate.errors import OptionError
from explain_gate.judging.calibration import calibrate
from explain_gate.judging.evidence import fails_from
from explain_gate.judging.findings import breaks
from explain_gate.judging.proposal import Calibration, Proposal
from explain_gate.metrics import METRICS
from explain_gate.plan import plan
from explain_gate.records import ImageRow, Measurement, Profile

TEXT = """\
# Our gate. Ask Ada before you touch it.
version: 1
model: {source: "torchvision:resnet18"}
data: {images: images, annotations: a.json}
methods:
  grad_cam: {}
checks:
  performance:
    accuracy: {at_least: 0.95}   # agreed with sales
  alignment:
    # The map covers the object.
    iou: {methods: [grad_cam], at_least: 0.20, per_class: true}   # 0.2 was a guess
    lift:
      methods: [grad_cam]
      at_least: 1.5
      per_class: true

  reliance:
    background_gap: {at_most: 0.15,
      per_class: true}
    background_follow: {max_rise: 0.1}
seed: 3
"""


@pytest.fixture
def gate(tmp_path) -> GateConfig:
    """The file above, loaded."""
    file = tmp_path / "thresholds.yaml"
    file.write_text(TEXT)
    return load_config(file)


def calibration_of(gate: GateConfig, bounds: dict[str, float]) -> Calibration:
    """Proposals for every row with a fixed bound: by key where given, else the bound of the file."""
    proposals = []
    for rule in plan(gate, ["zero", "one", "two"]):
        before = rule.at_least if rule.at_least is not None else rule.at_most
        if before is not None:
            kept = "a norm" if rule.check == "performance.accuracy" else None
            bound = bounds.get(rule.key, before)
            proposals.append(
                Proposal(
                    rule=rule,
                    name="at_least" if rule.at_least is not None else "at_most",
                    bound=bound,
                    before=before,
                    kept=kept,
                    seen=(0.31, 0.42),
                    images=20,
                    share=0.001,
                )
            )
    return Calibration(
        proposals=tuple(proposals), rate=0.05, share=0.04, versions=6, left_out=(2,), warnings=("made up",)
    )


def reload(gate: GateConfig, text: str) -> GateConfig:
    """The rewritten text, loaded from disk."""
    file = gate.path.with_name("calibrated.yaml")
    file.write_text(text)
    return load_config(file)


def test_bounds_change_and_everything_else_stays(gate):
    """Numbers are replaced in flow, block and broken lines; comments, order and other keys are as they were."""
    changed = {f"alignment.iou[grad_cam-{name}]": 0.31 for name in ("zero", "one", "two")}
    changed |= {f"alignment.lift[grad_cam-{name}]": 2.25 for name in ("zero", "one", "two")}
    changed |= {f"reliance.background_gap[{name}]": 0.07 for name in ("zero", "one", "two")}
    text = rewrite(gate, calibration_of(gate, changed))
    bounds = {rule.key: rule.bound for rule in plan(reload(gate, text), ["zero", "one", "two"])}
    assert {key: next(iter(bounds[key].values())) for key in changed} == changed
    assert bounds["performance.accuracy[all]"] == {"at_least": 0.95}
    assert bounds["reliance.background_follow[all]"] == {"max_rise": 0.1}
    for kept in ("# Our gate. Ask Ada before you touch it.", "# agreed with sales", "# The map covers the object."):
        assert kept in text
    assert "calibrated: 6 versions, 20 images each, seen 0.31 to 0.42" in text
    assert "calibrated: kept, a norm" in text


def test_a_class_of_its_own_gets_a_line_of_its_own(gate):
    """Classes with another bound move to `metric/class`; the others stay, and every class is judged once."""
    changed = {"alignment.iou[grad_cam-two]": 0.5, "alignment.lift[grad_cam-one]": 3.0}
    text = rewrite(gate, calibration_of(gate, changed))
    rules = plan(reload(gate, text), ["zero", "one", "two"])
    found = {(rule.metric, rule.class_name): rule.at_least for rule in rules if rule.metric.startswith("alignment")}
    assert found == {
        ("alignment.iou", "zero"): 0.2,
        ("alignment.iou", "one"): 0.2,
        ("alignment.iou", "two"): 0.5,
        ("alignment.lift", "zero"): 1.5,
        ("alignment.lift", "one"): 3.0,
        ("alignment.lift", "two"): 1.5,
    }
    assert len(rules) == len(plan(gate, ["zero", "one", "two"]))


def test_calibrating_again_replaces_the_comments(gate):
    """A second calibration of its own output gives the same text: nothing piles up."""
    changed = {"alignment.iou[grad_cam-two]": 0.5}
    once = rewrite(gate, calibration_of(gate, changed))
    loaded = reload(gate, once)
    again = rewrite(loaded, calibration_of(loaded, {}))
    assert once == again


def test_a_class_name_that_yaml_would_misread_is_quoted(tmp_path):
    """Names such as `no`, or with a colon, survive the way through the file."""
    classes = ["no", "a: b", "plain"]
    file = tmp_path / "thresholds.yaml"
    file.write_text(TEXT)
    gate = load_config(file)
    rows = [rule for rule in plan(gate, classes) if rule.check == "alignment.iou"]
    proposals = [
        Proposal(
            rule=rule, name="at_least", bound=bound, before=0.2, kept=None, seen=(0.5, 0.6), images=20, share=0.001
        )
        for rule, bound in zip(rows, (0.4, 0.3, 0.2), strict=True)
    ]
    found = replace(calibration_of(gate, {}), proposals=tuple(proposals))
    loaded = reload(gate, rewrite(gate, found))
    bounds = {rule.class_name: rule.at_least for rule in plan(loaded, classes) if rule.metric == "alignment.iou"}
    assert bounds == {"no": 0.4, "a: b": 0.3, "plain": 0.2}


def test_classes_that_differ_in_signs_alone_get_names_of_their_own(tmp_path):
    """Two classes whose letters are the same, or of another script, each keep a line; none overwrites the other."""
    classes = ["a b", "a-b", "猫", "plain"]
    file = tmp_path / "thresholds.yaml"
    file.write_text(TEXT)
    gate = load_config(file)
    rows = [rule for rule in plan(gate, classes) if rule.check == "alignment.iou"]
    proposals = [
        Proposal(
            rule=rule, name="at_least", bound=bound, before=0.2, kept=None, seen=(0.5, 0.6), images=20, share=0.001
        )
        for rule, bound in zip(rows, (0.4, 0.3, 0.25, 0.2), strict=True)
    ]
    found = replace(calibration_of(gate, {}), proposals=tuple(proposals))
    loaded = reload(gate, rewrite(gate, found))
    bounds = {rule.class_name: rule.at_least for rule in plan(loaded, classes) if rule.metric == "alignment.iou"}
    assert bounds == {"a b": 0.4, "a-b": 0.3, "猫": 0.25, "plain": 0.2}


def test_a_waiver_keeps_its_rule(tmp_path):
    """A rule that a waiver names keeps one bound for all classes: a class with its own line would lose the waiver."""
    waiver = "waivers:\n  - {check: alignment.iou, class: two, reason: r, owner: o, expires: 2099-01-01}\n"
    file = tmp_path / "thresholds.yaml"
    file.write_text(TEXT + waiver)
    gate = load_config(file)
    loaded = reload(gate, rewrite(gate, calibration_of(gate, {"alignment.iou[grad_cam-two]": 0.5})))
    bounds = {rule.key: rule.at_least for rule in plan(loaded, ["zero", "one", "two"]) if "iou" in rule.check}
    assert bounds == {f"alignment.iou[grad_cam-{name}]": 0.2 for name in ("zero", "one", "two")}


GATE = """\
version: 1
model: {source: "torchvision:resnet18"}
data: {images: images, annotations: a.json}
methods:
  grad_cam: {}
judging: {decide: evidence}
checks:
  performance:
    accuracy: {at_least: 0.95, max_drop: 0.02}
  alignment:
    iou: {at_least: 0.25, per_class: true}
    lift: {at_least: 1.1, per_class: true}
    pointing_game: {at_least: 0.6, statistic: median}
    relevance_mass: {max_drop: 0.05}   # the level follows the size
  reliance:
    background_gap: {at_most: 0.15, per_class: true}
    background_follow: {at_most: 0.10, must_catch: 0.6, per_class: true}
    background_only: {at_most: 0.9, max_rise: 0.2}
    object_only: {at_least: 0.6, classes: [two]}
    object_only/counted:
      at_most: 0.05   # of images that are lost
      must_catch: 0.5
      per_class: true
  complexity:
    gini: {at_least: 0.2}
"""
CLASSES = ("zero", "one", "two")


@st.composite
def good_versions(draw):
    """Profiles of one to five versions whose scores lie anywhere in their ranges: equal, tied, spread or at an end."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    per_class = draw(st.sampled_from([1, 3, 12, 25]))
    level = {
        name: draw(st.floats(0, 1)) for name in ("accuracy", "iou", "lift", "pointing_game", "gap", "only", "object")
    }
    between, within = draw(st.sampled_from([0, 1e-9, 0.01, 0.1, 1])), draw(st.sampled_from([0, 0.05, 1]))
    random_iou = draw(st.floats(0.01, 1))
    return [
        version_of(rng, number, per_class, level, between, within, random_iou)
        for number in range(draw(st.integers(1, 5)))
    ]


def version_of(rng, number, per_class, level, between, within, random_iou):
    """One profile: every check's level, moved by a version and by every image, kept in the metric's range."""
    names = [name for name in CLASSES for _ in range(per_class)]
    images = tuple(
        ImageRow(
            image=f"{row}.png",
            label=CLASSES.index(name),
            class_name=name,
            accepted=(CLASSES.index(name),),
            digest=str(row),
            predicted=0,
            probability=1.0,
            region_area=0.2,
            region_reason=None,
        )
        for row, name in enumerate(names)
    )

    def column(check, method, base, low=0.0, high=1.0):
        values = base + between * rng.normal() + within * rng.normal(size=len(names))
        return Measurement(
            check=check,
            method=method,
            rows=np.arange(len(names)),
            values=np.clip(values, low, high),
            reasons=(None,) * len(names),
        )

    follow = column("reliance.background_follow", None, level["gap"] / 5)
    lost = (rng.random(len(names)) < level["gap"] / 10).astype(np.float64)
    kept = column("reliance.object_only/counted", None, 1.0)
    control = replace(
        column("alignment.iou", "control.random", 0.0), values=np.full(len(names), random_iou, dtype=np.float64)
    )
    measurements = (
        column("performance.accuracy", None, level["accuracy"]),
        column("alignment.iou", "grad_cam", level["iou"]),
        control,
        column("alignment.lift", "grad_cam", 3 * level["lift"], high=50),
        column("alignment.pointing_game", "grad_cam", level["pointing_game"]),
        column("reliance.background_gap", None, 2 * level["gap"] - 1, low=-1),
        column("reliance.background_only", None, 2 * level["only"] - 1, low=-1),
        column("reliance.object_only", None, level["object"]),
        column("complexity.gini", "grad_cam", level["iou"]),
        column("alignment.relevance_mass", "grad_cam", level["iou"]),
        follow,
        replace(
            follow, check=f"{follow.check}@evidence", values=(rng.random(len(names)) < follow.values).astype(float)
        ),
        replace(kept, values=1 - lost),
        replace(kept, check=f"{kept.check}@evidence", values=lost),
    )
    manifest = {"model": {"digest": str(number)}, "dataset": {"digest": "images", "classes": list(CLASSES)}}
    return Profile(manifest=manifest, images=images, measurements=measurements)


@pytest.fixture(scope="module")
def drawn_gate(tmp_path_factory) -> GateConfig:
    """The file that drawn versions calibrate."""
    return drawn(tmp_path_factory.mktemp("drawn"))


@given(versions=good_versions(), rate=st.sampled_from([0.001, 0.05, 0.4]), reason=st.sampled_from([None, "a: b, {c}"]))
@settings(deadline=None, max_examples=20, derandomize=True)
def test_what_is_written_is_accepted_and_means_something(drawn_gate, versions, rate, reason):
    """Whatever good versions show, the file loads and plans the same rows, with bounds that are not empty.

    None outside its metric's range, none that a random map passes where one was to be had, none of behaviour that lets
    through what the package's own rule stops, unless somebody gave a reason. A rule that no longer counts images asks
    each class alone.
    """
    rules = plan(drawn_gate, CLASSES)
    try:
        calibration = calibrate(versions, rules, false_alarm_rate=rate, accept_looser=reason)
    except OptionError as error:
        if "is no version to calibrate by" not in str(error):
            raise
        return
    loaded = reload(drawn_gate, rewrite(drawn_gate, calibration))
    after = plan(loaded, CLASSES)
    written = {(rule.metric, rule.must_catch, rule.class_name): rule for rule in after}
    counting = {rule.check for rule in after if rule.decide == "evidence"}
    for rule in rules:
        gone = rule.decide == "evidence" and rule.class_name is None and rule.check not in counting
        assert gone != ((rule.metric, rule.must_catch, rule.class_name) in written)
    for one in calibration.proposals:
        rule = written[one.rule.metric, one.rule.must_catch, one.rule.class_name]
        assert rule.bound[one.name] == one.bound
        assert rule.decide == one.decide
        if one.looser and not one.is_change:
            assert rule.accept_looser == reason is not None
        if one.is_change or one.decide == "evidence":
            continue
        metric = METRICS[rule.metric]
        assert metric.low is None or one.bound > metric.low or rule.at_most is not None
        assert metric.high is None or one.bound < metric.high or rule.at_least is not None
        if rule.metric == "alignment.iou" and "nothing either" not in (one.kept or ""):
            control = versions[0].measurement("alignment.iou", "control.random").values
            assert breaks(rule, float(control.mean()))
        if rule.metric in HONEST and reason is None:
            images = len(versions[0].images) if rule.class_name is None else len(versions[0].images) // len(CLASSES)
            yes = fails_from(images, HONEST[rule.metric], 0.005 / 4)
            worst = one.bound if rule.at_most is not None else 1 - one.bound
            assert worst < 1 if yes is None else worst < yes / images


HONEST = {"reliance.background_gap": 0.10, "reliance.background_follow": 0.10, "reliance.background_only": 0.30,
          "reliance.object_only": 0.05}  # fmt: skip
"""The package's own shares."""


def test_a_rule_that_no_longer_counts_images_says_so_in_its_own_line(tmp_path):
    """`decide: value` and the bound's own side stand where the share stood, in flow and in block; must_catch stays."""
    gate = drawn(tmp_path)
    proposals = [
        Proposal(
            rule=rule, name=name, bound=bound, before=0.1, kept=None, seen=(0.0,), images=20, share=0.001, looser=True
        )
        for rule in plan(gate, CLASSES)
        for check, name, bound in (
            ("reliance.background_follow", "at_most", 0.21), ("reliance.object_only/counted", "at_least", 0.8),
        )
        if rule.check == check and rule.class_name is not None
    ]  # fmt: skip
    calibration = replace(calibration_of(gate, {}), proposals=tuple(proposals), versions=1, accepted="a, b: {c}")
    text = rewrite(gate, calibration)
    rows = {rule.check: rule for rule in plan(reload(gate, text), CLASSES) if rule.must_catch is not None}
    follow, counted = rows["reliance.background_follow"], rows["reliance.object_only/counted"]
    assert (follow.decide, follow.at_most, follow.must_catch, follow.accept_looser) == ("value", 0.21, 0.6, "a, b: {c}")
    assert (counted.decide, counted.at_least, counted.at_most, counted.must_catch) == ("value", 0.8, None, 0.5)
    assert "# of images that are lost" in text
    assert "# calibrated: good versions: 1;" in text
    assert "accepted: a, b: {c}" in text


def test_what_is_no_longer_looser_no_longer_says_why(tmp_path):
    """A later calibration that is as strict as the package takes the reason away with the bound it was given for."""
    gate = drawn(
        tmp_path,
        ("per_class: true}\n    background_only", 'accept_looser: "once", per_class: true}\n    background_only'),
    )
    rows = [rule for rule in plan(gate, CLASSES) if rule.check == "reliance.background_follow" and rule.class_name]
    assert {rule.accept_looser for rule in rows} == {"once"}
    proposals = [
        Proposal(rule=rule, name="at_most", bound=0.2, before=0.1, kept=None, seen=(0.0,), images=20, share=0.001)
        for rule in rows
    ]
    loaded = reload(gate, rewrite(gate, replace(calibration_of(gate, {}), proposals=tuple(proposals))))
    after = [rule for rule in plan(loaded, CLASSES) if rule.check == "reliance.background_follow"]
    assert {(rule.accept_looser, rule.decide, rule.class_name) for rule in after} == {
        (None, "value", name) for name in CLASSES
    }


def drawn(folder, *changes: tuple[str, str]) -> GateConfig:
    """The file that drawn versions calibrate, with changes."""
    text = GATE
    for before, after in changes:
        text = text.replace(before, after)
    file = folder / "thresholds.yaml"
    file.write_text(text)
    return load_config(file)
