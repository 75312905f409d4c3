"""thresholds.yaml: what is allowed, and that every mistake is told with file, line, key and what to write."""

from __future__ import annotations

import contextlib
from pathlib import Path

import jsonschema
import projects
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from explain_gate.config import json_schema, load_config
from explain_gate.errors import ConfigError, ExplainGateError
from explain_gate.plan import plan

GOOD = projects.THRESHOLDS.format(corner="false")


@pytest.fixture
def load(tmp_path):
    """Load a text as thresholds.yaml."""

    def load_text(text: str):
        path = tmp_path / "thresholds.yaml"
        path.write_text(text, encoding="utf-8")
        return load_config(path)

    return load_text


def test_the_projects_own_file_is_valid_and_fits_its_schema():
    """What `init` starts from loads, plans, and agrees with the published JSON Schema."""
    path = Path(__file__).parents[1] / "thresholds.yaml"
    config = load_config(path)
    assert plan(config, ["zero", "one"])
    jsonschema.validate(yaml.safe_load(path.read_text()), json_schema())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            ("at_least: 0.9", "at_lest: 0.9"),
            ":11: checks.performance.accuracy.at_lest: unknown key; did you mean at_least? allowed here:",
        ),
        (
            ("at_least: 0.9", "at_least: high"),
            ":11: checks.performance.accuracy.at_least: input should be a valid number",
        ),
        (("at_least: 0.9", "at_least: .nan"), ":11: checks.performance.accuracy.at_least"),
        (("at_least: 0.9", "at_least: 0.9, at_most: 1"), "exactly one of at_least and at_most"),
        (("{at_least: 0.9}", "{}"), "must have a bound"),
        (("version: 1", "version: 2"), ":1: version"),
        (("version: 1\n", ""), "version: is missing"),
        (("performance:", "alignment:"), "the key is written twice"),
        (("grad_cam: {layer: window}", "{}"), "methods"),
        (("images: images", "images: [a"), "not valid YAML"),
        (("data:", "data: &a\n  x: *a\n  y: 1\n "), "alias"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_write(load, change, told):
    """File, line, key, what is wrong."""
    with pytest.raises(ConfigError) as caught:
        load(GOOD.replace(*change))
    assert told in str(caught.value)
    assert "thresholds.yaml:" in str(caught.value)


def test_all_mistakes_are_told_at_once(load):
    """Nobody wants to run the gate once per typing error."""
    with pytest.raises(ConfigError) as caught:
        load(GOOD.replace("at_least: 0.9", "at_lest: 0.9").replace("at_most: 0.3", "at_mst: 0.3"))
    assert "at_lest" in str(caught.value)
    assert "at_mst" in str(caught.value)


def test_class_names_that_yaml_reads_as_something_else_are_told(load):
    """`no` is a class of somebody's; YAML makes it False."""
    with pytest.raises(ConfigError, match="quote it"):
        load(GOOD.replace("images: images", "images: images\n  classes: [yes, no]"))


def test_a_missing_file_says_how_to_get_one(tmp_path):
    """The first thing a newcomer meets."""
    with pytest.raises(ConfigError, match="explain-gate init"):
        load_config(tmp_path / "none.yaml")


def test_aliases_that_explode_are_refused(load):
    """A small file cannot become a large one in memory."""
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for name, before in zip("bcdefgh", "abcdefg", strict=True):
        bomb += f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    with pytest.raises(ConfigError, match="aliases"):
        load(bomb)


@given(st.data())
@settings(deadline=None, max_examples=150, derandomize=True)
def test_no_mutation_of_the_file_raises_anything_unexpected(tmp_path_factory, data):
    """Whatever a hand or a merge does to the file, the answer is a plan or one clear error."""
    text = GOOD
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        stop = data.draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + data.draw(st.text(alphabet=":{}[],-&*!|>%@'\"# \n\t019aé\x00", max_size=6)) + text[stop:]
    path = tmp_path_factory.getbasetemp() / "mutated.yaml"
    path.write_text(text, encoding="utf-8")
    with contextlib.suppress(ExplainGateError):
        assert plan(load_config(path), ["red", "green"])
