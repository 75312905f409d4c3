"""`explain-gate schema`: the JSON Schema of thresholds.yaml, for editors."""

from __future__ import annotations

import json

from explain_gate.config import json_schema


def schema() -> str:
    """The schema as text."""
    return json.dumps(json_schema(), indent=2)
