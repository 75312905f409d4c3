"""The door to a model: what thresholds.yaml or the command line names -> ModelUnderTest, loaded safely and frozen."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from types import FunctionType

import torch

from explain_gate.config import GateConfig
from explain_gate.errors import ExplainGateError, ModelError
from explain_gate.models.build import build_module
from explain_gate.models.digest import digest_of
from explain_gate.models.fitting import load_checkpoint
from explain_gate.records import ModelUnderTest


def load_model(
    config: GateConfig,
    *,
    source: str | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_key: str | None = None,
    allow_pickle: bool = False,
) -> ModelUnderTest:
    """The model that thresholds.yaml names, or the overrides given on the command line.

    Args:
        config: the gate.
        source: overrides model.source.
        checkpoint: overrides model.checkpoint; an empty text says that there is none.
        checkpoint_key: overrides model.checkpoint_key; an empty text says that there is none.
        allow_pickle: load an MLflow folder whose files run code when they are read.

    Raises:
        ModelError: the source cannot be imported or called, or the checkpoint cannot be read or does not fit.
    """
    section = config.sections.model
    source = source or section.source
    key = (section.checkpoint_key if checkpoint_key is None else checkpoint_key) or None
    named = Path(checkpoint) if checkpoint else section.checkpoint if checkpoint is None else None
    chosen = None if named is None else named if checkpoint else config.resolve(named)
    module = build_module(config, source, allow_pickle=allow_pickle)
    notes: tuple[str, ...] = ()
    if chosen is not None:
        notes = load_checkpoint(module, chosen, key=key, classes=lambda: _classes(config))
    elif section.checkpoint_key and checkpoint is None:
        raise config.error("names weights in a checkpoint, and there is no model.checkpoint", "model", "checkpoint_key")
    freeze(module, source)
    layers = section.target_layer
    return ModelUnderTest(
        module=module,
        source=source,
        checkpoint=str(chosen) if chosen else None,
        digest=digest_of(module, source, section.arguments),
        target_layers=() if layers == "auto" else (layers,) if isinstance(layers, str) else tuple(layers),
        checkpoint_key=key if chosen else None,
        weights_sha256=_sha256(chosen or config.resolve(Path(source))),
        notes=notes,
        name=section.name or source.rpartition("/")[2].rpartition(":")[2] or source,
    )


def _sha256(path: Path) -> str | None:
    """Of the one file that holds the weights; None for a folder, several files, or code that makes its own."""
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _classes(config: GateConfig) -> int | None:
    """How many classes the data names; None where the data cannot be opened, which is told elsewhere."""
    from explain_gate.data.regression_set import open_set

    if config.sections.data.classes is not None:
        return len(config.sections.data.classes)
    try:
        return len(open_set(config).classes)
    except ExplainGateError:
        return None


def freeze(module: torch.nn.Module, source: str) -> None:
    """Eval mode, and no parameter wants a gradient.

    Raises:
        ModelError: a frozen TorchScript module, whose weights are part of its code, or one of which a copy would still
            run the original.
    """
    for name, part in module.named_modules():
        if _runs_another(part):
            raise ModelError(
                f"{source}: forward of {name or 'the model'} is a function that was put on the object and holds a "
                "module, so that a copy with other weights would still run the original. Write forward in a class, or "
                "bind it: model.forward = types.MethodType(function, model)"
            )
    module.eval()
    for parameter in module.parameters():  # TorchScript has no requires_grad_
        parameter.requires_grad = False
    if isinstance(module, torch.jit.ScriptModule) and not any(True for _ in module.parameters()):
        raise ModelError(
            f"{source}: a TorchScript module without parameters (torch.jit.freeze or optimize_for_inference made them "
            "part of its code), so no other weights can be put in to test the explanations. Save it before it is "
            "frozen: torch.jit.script(model).save('model.pt')"
        )


def _runs_another(part: torch.nn.Module) -> bool:
    """Whether forward is a closure over a module. Copies share closures; methods and partials go with their object."""
    forward = vars(part).get("forward")
    if not isinstance(forward, FunctionType) or hasattr(part, "_orig_mod"):  # torch.compile's own
        return False
    for cell in forward.__closure__ or ():
        with contextlib.suppress(ValueError):  # a name that has no value yet
            if isinstance(getattr(cell.cell_contents, "__self__", cell.cell_contents), torch.nn.Module):
                return True
    return False
