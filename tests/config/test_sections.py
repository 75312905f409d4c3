"""What a section of thresholds.yaml refuses, because it contradicts itself or cannot be."""

from __future__ import annotations

import projects
import pytest

from explain_gate.errors import ConfigError

GOOD = projects.THRESHOLDS.format(corner="false")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("images: images", "images: images\n  classes: [red, red]"), "must not name a class or logit twice: red"),
        (
            ("images: images", "images: images\n  classes: {red: 0, green: 0}"),
            "class or logit twice: 0",
        ),
        (("images: images", "images: images\n  classes: []"), "must name at least one class"),
        (
            ("at_least: 0.9", "at_least: 0.9, max_unmeasured: 1.5"),
            "a whole number of images, or a share below 1",
        ),
        (("at_least: 0.9", "max_drop: 0.1, max_rise: 0.1"), "at most one of max_drop and max_rise"),
        (("at_least: 0.9", "at_least: 0.9, methods: []"), "methods must name at least one method"),
        (
            ("at_least: 0.9", "at_least: 0.9, classes: [red, red]"),
            "none of them twice",
        ),
        (("version: 1", "version: 1\ntracking: {promote: {model: pets, alias: latest}}"), "which MLflow reserves"),
        (("version: 1", "version: 1\ntracking: {promote: {model: pets, alias: v3}}"), "which MLflow reserves"),
    ],
)
def test_what_contradicts_itself_is_refused(load, change, told):
    """With what to write instead."""
    with pytest.raises(ConfigError) as caught:
        load(GOOD.replace(*change))
    assert told in str(caught.value)


def test_a_task_is_a_name_or_a_mapping(load):
    """`task: binary` stands for `task: {name: binary}`."""
    assert load(GOOD.replace("{source:", "{task: binary, source:")).sections.model.task.name == "binary"
    named = load(GOOD.replace("{source:", "{task: {name: binary, threshold: 0.3}, source:")).sections.model.task
    assert (named.name, named.parameters) == ("binary", {"threshold": 0.3})
