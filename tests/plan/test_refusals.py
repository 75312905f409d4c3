"""What a thresholds.yaml cannot ask for is told, at its line, with what there is."""

from __future__ import annotations

import projects
import pytest

from explain_gate.errors import ConfigError
from explain_gate.plan import plan

GOOD = projects.THRESHOLDS.format(corner="false")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("accuracy:", "acuracy:"), "unknown metric; did you mean accuracy? performance has accuracy"),
        (("performance:", "perfomance:"), "unknown family of checks; did you mean performance? there are"),
        (("grad_cam: {layer: window}", "grad_cma: {}"), "unknown method; did you mean grad_cam? there are gradient"),
        (("grad_cam: {layer: window}", "guided_backprop: {}"), "cannot rest on them alone"),
        (("layer: window", "layr: window"), "unknown option; did you mean layer? allowed here: layer"),
        (("at_least: 0.9", "at_most: 0.9"), "is better when higher, so the bound must be at_least"),
        (("at_least: 0.9", "at_least: 90"), "must lie in the metric's range, 0 to 1, got 90"),
        (("at_least: 0.9", "at_least: 0.9, methods: [grad_cam]"), "takes no methods"),
        (("at_least: 0.6", "at_least: 0.6, methods: [gradient]"), "is not among `methods` of this file"),
        (("at_least: 0.6", "at_least: 0.6, parameters: {cut: 1}"), "unknown parameter; allowed here: binarize"),
        (("at_least: 0.9", "max_rise: 0.1"), "bounded by max_drop"),
        (
            ("at_least: 0.9", "at_least: 0.9, decide: evidence, must_catch: 0.2"),
            "write at_most, the worst honest share",
        ),
        (("at_most: 0.3", "max_rise: 0.1, decide: evidence, must_catch: 0.2"), "must_catch needs at_most"),
        (("at_most: 0.3", "at_most: 0.3, decide: evidence, must_catch: 0.2"), "must lie above at_most 0.3"),
        (("at_most: 0.3", "at_most: 1.0, decide: evidence, must_catch: 1.0"), "must be a share of images, in [0, 1)"),
        (
            ("{source:", "{task: segmenting, source:"),
            "unknown task; did you mean segmentation? there is classification",
        ),
        (("{source:", "{task: regression, source:"), "write task: {name: regression, tolerance: 5}"),
        (("reliance:\n    background_gap", "completeness:\n    relative_error"), "add integrated_gradients"),
    ],
)
def test_a_rule_that_no_metric_answers_is_told(load, change, told):
    """Unknown names list what there is; bounds in the wrong direction or out of range are refused."""
    with pytest.raises(ConfigError) as caught:
        plan(load(GOOD.replace(*change)), ["red", "green"])
    assert told in str(caught.value)


def test_a_metric_that_asks_no_question_cannot_count_images(load):
    """Evidence needs one."""
    rule = "  completeness:\n    relative_error: {at_most: 0.05, decide: evidence, must_catch: 0.2}\n"
    text = GOOD.replace("grad_cam: {layer: window}", "integrated_gradients: {}") + rule
    with pytest.raises(ConfigError, match="asks an image no yes-or-no question"):
        plan(load(text), ["red", "green"])


def test_a_checkpoint_that_a_metric_needs_must_be_there(load, tmp_path):
    """It is told before hours of measuring go into the rest, and relative to the file."""
    rule = "  randomization:\n    labels: {at_most: 0.5, parameters: {checkpoint: weights/shuffled.safetensors}}\n"
    with pytest.raises(ConfigError) as caught:
        plan(load(GOOD + rule), ["red", "green"])
    assert str(tmp_path / "weights/shuffled.safetensors") in str(caught.value)
