"""The files of a registered model version, and whether loading them would run pickled code. Loads nothing itself."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from explain_gate.errors import ModelError, TrackingError
from explain_gate.models.layout import Flavour, flavour_of
from explain_gate.tracking.downloads import artifact
from explain_gate.tracking.references import find_version
from explain_gate.tracking.settings import TrackingSettings
from explain_gate.tracking.store import connect


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersionArtifact:
    """A registered version on this machine.

    `flavour` is what its files are; `weights` the one to load, None where there is not exactly one.
    """

    folder: Path
    flavour: Flavour
    weights: Path | None
    name: str
    version: str

    @property
    def pickled(self) -> bool:
        """Whether loading it may run code from the file, so that somebody must have allowed it."""
        return self.flavour in {"pickled", "unknown"}


def model_version_artifact(uri: str, settings: TrackingSettings) -> ModelVersionArtifact:
    """Fetch `models:/NAME@ALIAS` or `models:/NAME/VERSION`; what comes back names the version, which no alias can move.

    Raises:
        ModelError: the version or its files are missing, or the store is away.
    """
    try:
        with connect(settings) as store:
            version = find_version(store, uri)
            if version is None:
                raise ModelError(
                    f"{uri}: not in the registry at {settings.shown_uri}; it must be models:/NAME@ALIAS or "
                    "models:/NAME/VERSION of a registered version"
                )
            name, number = str(version.name), str(version.version)
            source = store.call(store.client.get_model_version_download_uri, name, number)
            identity = f"{name}/{number}/{version.creation_timestamp}"
            folder = artifact(store, source, f"models/{hashlib.sha256(identity.encode()).hexdigest()[:32]}")
    except TrackingError as error:
        raise ModelError(f"{uri}: cannot be fetched: {error}") from error
    if folder is None or not folder.is_dir():
        raise ModelError(f"{uri}: version {number} was registered without files, so there are no weights to load")
    flavour, weights = flavour_of(folder)
    return ModelVersionArtifact(folder=folder, flavour=flavour, weights=weights, name=name, version=number)
