"""Models and checkpoints from a registry: fetched once, loaded without running code unless that was allowed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Protocol

from explain_gate.config import GateConfig
from explain_gate.errors import ModelError
from explain_gate.models.build import unpickled
from explain_gate.models.digest import digest_of
from explain_gate.models.open import freeze, load_model
from explain_gate.records import ModelUnderTest

REGISTRY = "models:/"


class Fetched(Protocol):
    """A registered version on this machine; see `tracking.model_version.ModelVersionArtifact`."""

    @property
    def folder(self) -> Path:
        """Where its files are."""

    @property
    def flavour(self) -> str:
        """safetensors, exported, state_dict, pickled or unknown."""

    @property
    def weights(self) -> Path | None:
        """The one file to load."""

    @property
    def name(self) -> str:
        """The registered model."""

    @property
    def version(self) -> str:
        """The version's number, which no alias can move."""


def load_registered(
    config: GateConfig,
    fetched: Fetched,
    *,
    uri: str,
    source: str | None,
    allow_pickle: bool,
    checkpoint_key: str | None = None,
) -> ModelUnderTest:
    """A registered version as a model under test.

    Weights alone (safetensors, a state dict) need `source`, the code that builds the model. A torch.export archive or
    a whole pickled model comes with its own.

    Args:
        config: the gate.
        fetched: the version's files.
        uri: models:/NAME@ALIAS or models:/NAME/VERSION, as it was asked for.
        source: what builds the model; None where the version itself is the source.
        allow_pickle: load a version whose files run code when they are read.
        checkpoint_key: which of its weights; overrides model.checkpoint_key, and an empty text says that there is none.

    Raises:
        ModelError: the version cannot be loaded safely or at all.
    """
    if source is not None:
        if fetched.flavour not in ("safetensors", "state_dict"):
            raise ModelError(
                f"{uri} holds a whole model ({fetched.flavour}), not weights alone; write it as model.source"
            )
        model = load_model(config, source=source, checkpoint=fetched.weights, checkpoint_key=checkpoint_key)
        return replace(model, checkpoint=uri, version=fetched.version)
    if fetched.flavour == "exported" and fetched.weights is not None:
        model = load_model(config, source=str(fetched.weights), checkpoint="")
        digest = digest_of(model.module, REGISTRY, {})
        return replace(model, source=uri, digest=digest, name=fetched.name, version=fetched.version, checkpoint=None)
    if fetched.flavour in ("safetensors", "state_dict"):
        raise ModelError(
            f"{uri} holds weights alone. Write model.source: package.module:callable, which builds the model, and "
            f"model.checkpoint: {uri}"
        )
    module = unpickled(fetched.folder, uri, config.path.parent, allow_pickle=allow_pickle)
    freeze(module, uri)
    return ModelUnderTest(
        module=module,
        source=uri,
        checkpoint=None,
        # Neither the alias that was asked for nor the folder it was fetched to makes another version.
        digest=digest_of(module, REGISTRY, {}),
        target_layers=_layers(config),
        name=fetched.name,
        version=fetched.version,
    )


def _layers(config: GateConfig) -> tuple[str, ...]:
    layers = config.sections.model.target_layer
    return () if layers == "auto" else (layers,) if isinstance(layers, str) else tuple(layers)
