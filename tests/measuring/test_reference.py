"""Which profiles may be compared: those whose numbers were measured alike."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from explain_gate.measuring.reference import differing, prepare_reference
from explain_gate.profile.profile import load_profile


@pytest.fixture
def manifest(tmp_path, write_project, measured):
    """As a run writes it, with a line of thresholds.yaml changed."""
    project = write_project(tmp_path / "project")
    original = project.read_text()

    def write(old: str = "", new: str = "") -> dict:
        assert old in original
        project.write_text(original.replace(old, new, 1) if old else original)
        return json.loads((measured().work / "profile" / "manifest.json").read_text())

    return write


def test_other_parameters_and_another_target_are_told(manifest, tmp_path):
    """A metric's fraction, or what the score is, moves its numbers without any change of the model."""
    (tmp_path / "project" / "same.py").write_text("def same(output):\n    return output\n")
    reference = manifest()
    assert differing(manifest(), reference) == []
    assert differing(manifest("per_class: true", "per_class: true, parameters: {fraction: 0.5}"), reference) == []
    (told,) = differing(manifest("per_class: true", "per_class: true, parameters: {fraction: 0.4}"), reference)
    assert told.startswith("parameters of alignment.iou were {")
    (told,) = differing(manifest("arguments", 'target: "same:same", arguments'), reference)
    assert told == "model.target was None, is same:same"


def test_a_reference_that_does_not_say_is_taken_as_before(manifest):
    """Profiles of earlier versions hold neither."""
    new = manifest()
    old = {name: value for name, value in new.items() if name not in {"metrics", "target"}}
    assert differing(new, old) == []


@pytest.mark.parametrize(("recorded", "asked"), [("model_ema", "model_ema"), (None, "")])
def test_a_reference_is_measured_again_from_the_weights_that_it_was_measured_from(manifest, measured, recorded, asked):
    """The key that thresholds.yaml names for the candidate is not the reference's."""
    reference = manifest()
    candidate = replace(load_profile(measured().work / "profile"), manifest={**reference, "seed": 1})
    old = {**reference, "model": {**reference["model"], "source": "a:b", "checkpoint_key": recorded}}

    told = prepare_reference(
        replace(candidate, manifest=old, unverified=None),
        candidate=candidate,
        job=lambda: SimpleNamespace(of_version=lambda *version: version),
        remeasure=True,
        measured=lambda version: version,
    )
    assert told == ("a:b", "", asked)
