"""What every section shares."""

from __future__ import annotations

import projects
import pytest

from explain_gate.errors import ConfigError

GOOD = projects.THRESHOLDS.format(corner="false")


def test_class_names_that_yaml_reads_as_something_else_are_told(load):
    """`no` is a class of somebody's; YAML makes it False."""
    with pytest.raises(ConfigError, match="quote it"):
        load(GOOD.replace("images: images", "images: images\n  classes: [yes, no]"))


def test_a_number_is_text_where_text_is_asked_for(load):
    """A class may be called 7."""
    config = load(GOOD.replace("images: images", "images: images\n  classes: [7, 8]"))
    assert config.sections.data.classes == ["7", "8"]


def test_nothing_of_a_file_changes_once_it_is_read(load):
    """What was validated is what is measured."""
    with pytest.raises(ValueError, match="frozen"):
        load(GOOD).sections.data.limit = 3
