"""The files of a registered model version, and whether loading them would run pickled code. Loads nothing itself."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from explain_gate.errors import ModelError, TrackingError
from explain_gate.tracking.downloads import artifact
from explain_gate.tracking.references import find_version
from explain_gate.tracking.settings import TrackingSettings
from explain_gate.tracking.store import connect

Flavour = Literal["safetensors", "exported", "state_dict", "pickled", "unknown"]

_PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".cloudpickle", ".pth", ".pt", ".bin", ".ckpt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersionArtifact:
    """A registered version on this machine.

    `flavour`: `safetensors` (tensors alone), `exported` (a torch.export archive), `state_dict` (a .pt or .pth that is
    no MLflow flavour; read it with weights_only=True, which refuses code), `pickled` (a whole pickled model: loading
    runs whatever it holds) or `unknown`. `weights` is the one file to load; None where there is not exactly one.
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
    flavour, weights = _flavour(folder)
    return ModelVersionArtifact(folder=folder, flavour=flavour, weights=weights, name=name, version=number)


def _flavour(folder: Path) -> tuple[Flavour, Path | None]:
    """The safest way in: tensors before archives, archives before pickles."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    safe = [path for path in files if path.suffix == ".safetensors"]
    exported = [path for path in files if path.suffix == ".pt2"]
    pickles = [path for path in files if path.suffix in _PICKLES]
    if len(safe) == 1:
        return "safetensors", safe[0]
    if len(exported) == 1:
        return "exported", exported[0]
    flavoured = (folder / "MLmodel").is_file()
    if len(pickles) == 1 and not flavoured and pickles[0].suffix in {".pt", ".pth"}:
        return "state_dict", pickles[0]
    if pickles:
        return "pickled", pickles[0] if len(pickles) == 1 else None
    return "unknown", None
