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


def test_the_projects_own_file_is_valid_and_fits_its_schema():
    """What `init` starts from loads, plans, and agrees with the published JSON Schema."""
    path = Path(__file__).parents[2] / "thresholds.yaml"
    config = load_config(path)
    assert plan(config, ["zero", "one"])
    jsonschema.validate(yaml.safe_load(path.read_text()), json_schema())


def test_a_missing_file_says_how_to_get_one(tmp_path):
    """The first thing a newcomer meets."""
    with pytest.raises(ConfigError, match="explain-gate init"):
        load_config(tmp_path / "none.yaml")


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
