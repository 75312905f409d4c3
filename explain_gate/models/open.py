"""The door to a model: what thresholds.yaml or the command line names -> ModelUnderTest, loaded safely and frozen."""

from __future__ import annotations

from pathlib import Path

import torch

from explain_gate.config import GateConfig
from explain_gate.errors import ModelError
from explain_gate.models.build import build_module
from explain_gate.models.checkpoint import fit, read_state
from explain_gate.models.digest import digest_of
from explain_gate.records import ModelUnderTest


def load_model(
    config: GateConfig, *, source: str | None = None, checkpoint: str | Path | None = None
) -> ModelUnderTest:
    """The model that thresholds.yaml names, or the overrides given on the command line.

    Raises:
        ModelError: the source cannot be imported or called, or the checkpoint cannot be read or does not fit.
    """
    section = config.sections.model
    source = source or section.source
    # An empty checkpoint says that there is none, whatever the file names.
    named = Path(checkpoint) if checkpoint else section.checkpoint if checkpoint is None else None
    chosen = None if named is None else named if checkpoint else config.resolve(named)
    module = build_module(config, source)
    if chosen is not None:
        fit(module, read_state(chosen), chosen)
    freeze(module, source)
    layers = section.target_layer
    return ModelUnderTest(
        module=module,
        source=source,
        checkpoint=str(chosen) if chosen else None,
        digest=digest_of(module, source, section.arguments),
        target_layers=() if layers == "auto" else (layers,) if isinstance(layers, str) else tuple(layers),
        name=section.name or source.rpartition("/")[2].rpartition(":")[2] or source,
    )


def freeze(module: torch.nn.Module, source: str) -> None:
    """Eval mode, and no parameter wants a gradient.

    Raises:
        ModelError: a frozen TorchScript module, whose weights are part of its code.
    """
    module.eval()
    for parameter in module.parameters():  # TorchScript has no requires_grad_
        parameter.requires_grad = False
    if isinstance(module, torch.jit.ScriptModule) and not any(True for _ in module.parameters()):
        raise ModelError(
            f"{source}: a TorchScript module without parameters (torch.jit.freeze or optimize_for_inference made them "
            "part of its code), so no other weights can be put in to test the explanations. Save it before it is "
            "frozen: torch.jit.script(model).save('model.pt')"
        )
