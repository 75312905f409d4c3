"""The one door to a model under test, for whoever runs, validates, compares or calibrates; `measure` of the library.

A model comes from code and a checkpoint here, or from a registry (models:/NAME@ALIAS).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from explain_gate.config import GateConfig, load_config
from explain_gate.plan import plan

if TYPE_CHECKING:
    from explain_gate.measuring.progress import Progress
    from explain_gate.records import ModelUnderTest, Profile
    from explain_gate.tracking.settings import TrackingSettings


def open_model(
    config: GateConfig,
    *,
    source: str | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_key: str | None = None,
    tracking_uri: str | None = None,
    allow_pickle: bool = False,
) -> ModelUnderTest:
    """The model that thresholds.yaml names, or the overrides.

    Args:
        config: the gate.
        source: overrides model.source.
        checkpoint: overrides model.checkpoint; an empty text says that there is none.
        checkpoint_key: overrides model.checkpoint_key; an empty text says that there is none.
        tracking_uri: overrides tracking.uri, where registered versions are.
        allow_pickle: load a registered version, or an MLflow folder, whose files run code when they are read.

    Raises:
        ModelError: the source cannot be imported or called, the registry does not have it, or the checkpoint cannot
            be read or does not fit.
    """
    from explain_gate.models.open import load_model
    from explain_gate.models.registered import REGISTRY, load_registered

    section = config.sections.model
    code = source or section.source
    # A path would make models:/NAME of models://NAME, so that a registered checkpoint stays a text.
    weights = str(section.checkpoint or "") if checkpoint is None else str(checkpoint)
    asked = next((uri for uri in (code, weights) if uri.startswith(REGISTRY)), None)
    if asked is None:
        return load_model(
            config, source=source, checkpoint=checkpoint, checkpoint_key=checkpoint_key, allow_pickle=allow_pickle
        )
    from explain_gate.tracking.model_version import model_version_artifact

    return load_registered(
        config,
        model_version_artifact(asked, tracking_settings(config, tracking_uri)),
        uri=asked,
        source=None if asked == code else code,
        checkpoint_key=checkpoint_key,
        allow_pickle=allow_pickle,
    )


def measure(
    config: GateConfig | str | Path,
    *,
    source: str | None = None,
    checkpoint: str | Path | None = None,
    folder: str | Path | None = None,
    device: str = "auto",
    memory_budget: int | None = None,
    progress: Progress | None = None,
    tracking_uri: str | None = None,
    allow_pickle: bool = False,
) -> Profile:
    """Measure one model version as thresholds.yaml says.

    Args:
        config: a thresholds.yaml, or its path.
        source: overrides model.source.
        checkpoint: overrides model.checkpoint.
        folder: where the profile is written; default: a new temporary folder.
        device: auto, cpu, cuda, cuda:N or mps.
        memory_budget: bytes that a chunk of work may take; default: a share of what is free.
        progress: told of every stage.
        tracking_uri: overrides tracking.uri, where registered versions are.
        allow_pickle: load a registered version whose files run code when they are read.

    Raises:
        ConfigError, DataError, ModelError: the input cannot be used.
    """
    from explain_gate.data.regression_set import open_set
    from explain_gate.measuring.measure import measure_model
    from explain_gate.measuring.progress import Silent

    if not isinstance(config, GateConfig):
        config = load_config(config)
    data = open_set(config)
    rules = plan(config, list(data.classes))
    model = open_model(
        config, source=source, checkpoint=checkpoint, tracking_uri=tracking_uri, allow_pickle=allow_pickle
    )
    target = Path(folder) if folder is not None else Path(tempfile.mkdtemp(prefix="explain-gate-"))
    return measure_model(
        config,
        rules,
        model,
        data,
        target,
        device=device,
        memory_budget=memory_budget,
        progress=progress or Silent(),
    )


def tracking_settings(config: GateConfig, uri: str | None = None) -> TrackingSettings:
    """Where thresholds.yaml says that runs are recorded; `uri` overrides it. Relative files lie beside the file.

    Raises:
        OptionError: the URI cannot be used.
    """
    from explain_gate.tracking.settings import TrackingSettings

    section = config.sections.tracking
    folder = config.path.parent
    return TrackingSettings(
        uri=uri or _beside(section.uri, folder),
        experiment=section.experiment,
        on_unreachable=section.on_unreachable,
        promote=(section.promote.model, section.promote.alias) if section.promote else None,
        promote_inconclusive=section.promote is not None and section.promote.inconclusive == "allow",
        outbox=folder / ".explain-gate" / "outbox",
        cache=folder / ".explain-gate" / "references",
    )


def _beside(uri: str, folder: Path) -> str:
    """A relative SQLite file as an absolute one; any other URI as it is."""
    prefix = "sqlite:///"
    if uri.startswith(prefix) and not Path(uri.removeprefix(prefix)).is_absolute():
        return f"{prefix}{folder / uri.removeprefix(prefix)}"
    return uri
