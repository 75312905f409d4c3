"""`explain-gate validate`: does everything load and fit? Nothing is measured."""

from __future__ import annotations

from pathlib import Path

import torch

from explain_gate.attribution import METHODS
from explain_gate.attribution.base import Probe
from explain_gate.attribution.target_layer import find_target_layers
from explain_gate.config import load_config
from explain_gate.data.regression_set import open_set
from explain_gate.errors import ModelError
from explain_gate.models import load_model, load_target
from explain_gate.plan import plan


def validate(config: str | Path, *, source: str | None = None, checkpoint: str | None = None) -> list[str]:
    """Load configuration, data and model, and run one image; returns what was found, a line each.

    Raises:
        ConfigError, DataError, ModelError: with what is wrong and what to write.
    """
    gate = load_config(config)
    data = open_set(gate)
    rules = plan(gate, list(data.classes))
    model = load_model(gate, source=source, checkpoint=checkpoint)
    sample = data.first()
    pixels = sample.pixels[None]
    target, label = load_target(gate), torch.tensor([sample.label])
    with Probe(model.module, target=target) as probe:
        logits = probe.logits(pixels, label)
    highest = max(data.classes.values())
    if 1 < logits.shape[1] <= highest:
        raise ModelError(f"the model has {logits.shape[1]} logits, but data.classes needs {highest + 1}")
    lines = [
        f"{gate.path}: {len(rules)} rules over {len(gate.sections.methods)} methods",
        (
            f"data: {len(data)} images of {len(data.classes)} classes, {pixels.shape[-1]} x {pixels.shape[-2]} pixels "
            "after preprocessing"
        ),
        (
            f"model: {model.source}, {sum(p.numel() for p in model.module.parameters()):,} parameters, "
            f"{logits.shape[1]} logits, digest {model.digest[:12]}"
        ),
    ]
    if any(rule.method in METHODS and "layers" in METHODS[rule.method].needs for rule in rules if rule.method):
        layers = model.target_layers or find_target_layers(model.module, pixels, label, target=target)
        lines.append(f"target layer: {', '.join(layers)}")
    return lines
