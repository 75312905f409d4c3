"""The JSON Schema that editors check thresholds.yaml against."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml

from explain_gate.attribution import METHODS
from explain_gate.commands.scaffold import packaged_thresholds
from explain_gate.commands.schema import schema, thresholds_schema
from explain_gate.metrics import METRICS

GATE = """version: 1
model: {source: "shop:build", task: classification}
data: {images: images, annotations: a.json}
methods: {grad_cam: {}, rise: {masks: 20}, "shop.maps:own": {power: 2}, occlusion: }
checks:
  alignment:
    iou: {at_least: 0.3, parameters: {binarize: otsu}}
    iou/strict: {at_least: 0.5}
    "shop.numbers:symmetry": {at_least: 0.1, parameters: {any: thing}}
  ours: {"shop.numbers:other": {at_most: 3}}
"""


def _with(old: str, new: str) -> Any:
    return yaml.safe_load(GATE.replace(old, new))


def test_an_editor_is_told_every_metric_and_method() -> None:
    """Each stands under its family with its known failure; parameters have the defaults of the code."""
    document = json.loads(schema())
    sections = document["properties"]
    assert set(sections["methods"]["properties"]) == set(METHODS)
    for key, card in METRICS.items():
        family, _, name = key.partition(".")
        assert card.caveat in sections["checks"]["properties"][family]["properties"][name]["description"]
    road = sections["checks"]["properties"]["faithfulness"]["properties"]["road"]["properties"]["parameters"]
    assert road["properties"]["shares"]["default"] == [0.1, 0.3, 0.5, 0.7, 0.9]
    assert sections["methods"]["properties"]["rise"]["properties"]["masks"]["default"] == 1000


def test_what_a_team_brings_itself_is_allowed() -> None:
    """Own methods, own metrics and families, named rules, and methods without options mark nothing."""
    jsonschema.validate(yaml.safe_load(GATE), thresholds_schema())
    jsonschema.validate(yaml.safe_load(packaged_thresholds()), thresholds_schema())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("task: classification", "task: telepathy"),
        ("at_least: 0.5", "atleast: 0.5"),
        ("at_least: 0.3", "at_leest: 0.3"),
    ],
)
def test_what_run_refuses_is_marked(old: str, new: str) -> None:
    """A task that there is not, and a misspelt bound of a metric or of a named rule, are marked."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(_with(old, new), thresholds_schema())
