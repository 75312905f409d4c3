"""`explain-gate schema`: the JSON Schema of thresholds.yaml, with every method, metric and task as on its card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from explain_gate.attribution import METHODS
from explain_gate.config import json_schema
from explain_gate.metrics import FAMILIES, METRICS, Metric
from explain_gate.signatures import Parameter
from explain_gate.tasks import TASKS


def schema() -> str:
    """The schema's text."""
    return json.dumps(thresholds_schema(), indent=2)


def thresholds_schema() -> dict[str, Any]:
    """What `run` accepts, with names and explanations for an editor; a team's own methods and metrics stay allowed."""
    document = json_schema()
    sections = document["properties"]
    sections["methods"]["properties"] = {
        name: {
            "description": f"{card.summary}; {card.cost}; beware: {card.caveat}",
            "type": ["object", "null"],
            "properties": _told(card.options),
        }
        for name, card in METHODS.items()
    }
    sections["checks"]["properties"] = {
        name: {
            "description": family.question,
            "type": ["object", "null"],
            "properties": {key.partition(".")[2]: _rule(card) for key, card in METRICS.items() if _in(key, name)},
            "additionalProperties": {"$ref": "#/$defs/RuleSection"},
        }
        for name, family in FAMILIES.items()
    }
    task = document["$defs"]["TaskSection"]
    task["properties"]["name"]["enum"] = list(TASKS)
    document["$defs"]["TaskSection"] = {"anyOf": [{"type": "string", "enum": list(TASKS)}, task]}
    return document


def _in(key: str, family: str) -> bool:
    return key.startswith(f"{family}.")


def _rule(card: Metric) -> dict[str, Any]:
    return {
        "$ref": "#/$defs/RuleSection",
        "description": f"{card.summary}; {card.better} is better; beware: {card.caveat}",
        "properties": {"parameters": {"type": "object", "properties": _told(card.parameters)}},
    }


def _told(parameters: Sequence[Parameter]) -> dict[str, Any]:
    """Each with its meaning and its default."""
    return {one.name: {"description": one.meaning, "default": one.default} for one in parameters}
