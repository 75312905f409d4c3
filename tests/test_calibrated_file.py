"""The calibrated thresholds.yaml: the user's text stays, the numbers and their comments are new, and it loads."""

from dataclasses import replace

import pytest

from explain_gate.calibrated_file import rewrite
from explain_gate.calibration import Calibration, Proposal
from explain_gate.config import GateConfig, load_config
from explain_gate.plan import plan

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
            kept = rule.check == "performance.accuracy"
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
        Proposal(rule=rule, bound=bound, before=0.2, kept=False, seen=(0.5, 0.6), images=20, share=0.001)
        for rule, bound in zip(rows, (0.4, 0.3, 0.2), strict=True)
    ]
    found = replace(calibration_of(gate, {}), proposals=tuple(proposals))
    loaded = reload(gate, rewrite(gate, found))
    bounds = {rule.class_name: rule.at_least for rule in plan(loaded, classes) if rule.metric == "alignment.iou"}
    assert bounds == {"no": 0.4, "a: b": 0.3, "plain": 0.2}
