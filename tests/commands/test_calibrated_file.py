"""The calibrated thresholds.yaml: the user's text stays, the numbers and their comments are new, and it loads."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explain_gate.commands.calibrated_file import rewrite
from explain_gate.config import GateConfig, load_config
from explain_gate.judging.calibration import Calibration, Proposal, calibrate
from explain_gate.judging.findings import breaks
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
                Proposal(rule=rule, bound=bound, before=before, kept=kept, seen=(0.31, 0.42), images=20, share=0.001)
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
        Proposal(rule=rule, bound=bound, before=0.2, kept=None, seen=(0.5, 0.6), images=20, share=0.001)
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
        Proposal(rule=rule, bound=bound, before=0.2, kept=None, seen=(0.5, 0.6), images=20, share=0.001)
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
checks:
  performance:
    accuracy: {at_least: 0.95}
  alignment:
    iou: {at_least: 0.25, per_class: true}
    lift: {at_least: 1.1, per_class: true}
    pointing_game: {at_least: 0.6, statistic: median}
  reliance:
    background_gap: {at_most: 0.15, per_class: true}
    background_only: {at_most: 0.9}
    object_only: {at_least: 0.6, classes: [two]}
  complexity:
    gini: {at_least: 0.2}
"""
CLASSES = ("zero", "one", "two")


@st.composite
def good_versions(draw):
    """Profiles of two to five versions whose scores lie anywhere in their ranges: equal, tied, spread or at an end."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    per_class = draw(st.integers(1, 12))
    level = {
        name: draw(st.floats(0, 1)) for name in ("accuracy", "iou", "lift", "pointing_game", "gap", "only", "object")
    }
    between, within = draw(st.sampled_from([0, 1e-9, 0.01, 0.1, 1])), draw(st.sampled_from([0, 0.05, 1]))
    random_iou = draw(st.floats(0.01, 1))
    return [
        version_of(rng, number, per_class, level, between, within, random_iou)
        for number in range(draw(st.integers(2, 5)))
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
    )
    manifest = {"model": {"digest": str(number)}, "dataset": {"digest": "images"}}
    return Profile(manifest=manifest, images=images, measurements=measurements)


@pytest.fixture(scope="module")
def drawn_gate(tmp_path_factory) -> GateConfig:
    """The file that drawn versions calibrate."""
    file = tmp_path_factory.mktemp("drawn") / "thresholds.yaml"
    file.write_text(GATE)
    return load_config(file)


@given(versions=good_versions(), rate=st.sampled_from([0.001, 0.05, 0.4]))
@settings(deadline=None, max_examples=20, derandomize=True)
def test_what_is_written_is_accepted_and_means_something(drawn_gate, versions, rate):
    """Whatever good versions show, the file loads and plans the same rows, with bounds that are not empty.

    None outside its metric's range, none that a random map passes where one was to be had, none of behaviour looser
    than the package's own.
    """
    rules = plan(drawn_gate, CLASSES)
    found = calibrate(versions, rules, false_alarm_rate=rate)
    loaded = reload(drawn_gate, rewrite(drawn_gate, found))
    written = {(rule.metric, rule.class_name): rule for rule in plan(loaded, CLASSES)}
    assert set(written) == {(rule.metric, rule.class_name) for rule in rules}
    for one in found.proposals:
        rule, metric = written[one.rule.metric, one.rule.class_name], METRICS[one.rule.metric]
        (bound,) = rule.bound.values()
        assert bound == one.bound
        assert metric.low is None or bound > metric.low or rule.at_most is not None
        assert metric.high is None or bound < metric.high or rule.at_least is not None
        if rule.metric == "alignment.iou" and "says nothing either" not in (one.kept or ""):
            control = versions[0].measurement("alignment.iou", "control.random").values
            assert breaks(rule, float(control.mean()))
        shipped = {"reliance.background_gap": 0.15, "reliance.background_only": 0.5}.get(rule.metric)
        assert shipped is None or bound <= shipped
        assert rule.metric != "reliance.object_only" or bound >= 0.6
