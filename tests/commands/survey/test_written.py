"""Clues -> lines of thresholds.yaml."""

import yaml

from explain_gate.commands.scaffold import packaged_thresholds
from explain_gate.commands.survey.clue import Clue
from explain_gate.commands.survey.written import fill_in, plain


def test_a_value_is_one_line_that_reads_as_itself():
    """Names with colons, numbers as text, nested ones."""
    for value in ("a: b", "1", "yes", ["x", 1.5], {"a b": [1, 2]}, {}, "é"):
        assert "\n" not in plain(value)
        assert yaml.safe_load(plain(value)) == value


def test_clues_are_written_with_where_they_were_seen_and_the_rest_stays():
    """Task and classes get lines of their own; rules are those of the package."""
    seen = {"model.source": "train.py:3 builds it", "model.task": "one output", "data.classes": "config.json"}
    values = {"model.source": "a.b:\\1", "model.task": "binary", "data.classes": {"cat": 3, "dog": 0}}
    clues = {key: Clue(key=key, value=values[key], seen=seen[key]) for key in seen}
    text = fill_in(packaged_thresholds(), clues, {})
    data, before = yaml.safe_load(text), yaml.safe_load(packaged_thresholds())
    assert (data["model"]["source"], data["model"]["task"]) == ("a.b:\\1", "binary")
    assert data["data"]["classes"] == {"cat": 3, "dog": 0}
    assert data["data"]["images"] == "FILL_IN/images"
    assert data["checks"] == before["checks"]
    assert "  # guessed: train.py:3 builds it\n  source: " in text


def test_a_detector_is_asked_by_covering_and_not_along_a_path():
    """Boxes come and go along a path; the rule that paths add up is off, and each line says what it was."""
    text = fill_in(packaged_thresholds(), {"model.task": Clue(key="model.task", value="detection", seen="x")}, {})
    data = yaml.safe_load(text)
    assert set(data["methods"]) == {"grad_cam", "occlusion"}
    assert data["checks"]["completeness"] is None
    assert "  # integrated_gradients: {baseline" in text


def test_classes_that_do_not_go_together_are_a_place_to_fill_in():
    """With the reason."""
    text = fill_in(packaged_thresholds(), {}, {"data.classes": "37 outputs, 3 classes"})
    assert "  # FILL IN classes: 37 outputs, 3 classes\n  classes: {FILL_IN: 0}" in text
