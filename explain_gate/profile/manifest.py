"""manifest.json of a profile: what each key means, its schema version, and a reader for every version ever written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from explain_gate.errors import ReferenceError

SCHEMA_VERSION = 2
FILES = "files"
"""The manifest's key for the digests: path inside the folder -> SHA-256."""


class _Part(BaseModel):
    # A key that is added later needs no new schema version: what is not known here is kept as it stands.
    model_config = ConfigDict(frozen=True, extra="allow", strict=True, protected_namespaces=())


class ModelPart(_Part):
    """The model under test. `digest` is SHA-256 over its weights and buffers, `version` its number in the registry.

    `weights_sha256` is of the file that holds the weights, where there is exactly one.
    """

    source: str | None = None
    checkpoint: str | None = None
    digest: str | None = None
    weights_sha256: str | None = None
    name: str | None = None
    version: str | None = None
    target_layers: list[str] = []


class DatasetPart(_Part):
    """The regression set as the model sees it: `height` and `width` in pixels, `classes` in the order of the logits."""

    classes: list[str]
    height: Annotated[int, Field(ge=1)]
    width: Annotated[int, Field(ge=1)]
    images: Annotated[int, Field(ge=0)] | None = None
    digest: str | None = None
    licence: str | None = None
    preprocessing: dict[str, Any] = {}


class Manifest(_Part):
    """manifest.json as it is written today.

    `methods` and `metrics` hold the settings of each attribution method and each check by name; `target` is
    model.target's full name, `task` is model.task. `selection` is how much of the file was planned, `demands` what its
    rules and waivers ask for. `confounds` are what tells the classes apart beside their objects, fields of that
    record; `excluded` are images that people took out of their rules, likewise. `outputs` is the number of logits,
    `passes` are counted per image, `seconds` is the time that measuring took. `files` holds the SHA-256 of every other
    file; a folder of schema version 1 may have none.
    """

    schema_version: Literal[2]
    model: ModelPart
    dataset: DatasetPart
    methods: dict[str, dict[str, Any]] = {}
    metrics: dict[str, dict[str, Any]] = {}
    target: str | None = None
    task: str = "classification"
    seed: int = 0
    config_digest: str = ""
    selection: str = "full"
    demands: dict[str, Any] | None = None
    environment: dict[str, Any] = {}
    outputs: int | None = None
    warnings: list[str] = []
    confounds: list[dict[str, Any]] = []
    excluded: list[dict[str, Any]] = []
    passes: dict[str, int] = {}
    cache: dict[str, int] = {}
    seconds: Annotated[float, Field(ge=0)] = 0.0
    files: dict[str, str] | None = None


def read_manifest(text: str, place: str) -> dict[str, Any]:
    """A manifest.json of any version as today's: the keys that it has, each checked; none is made up.

    Args:
        text: the file's content.
        place: what an error calls the profile.

    Raises:
        ReferenceError: no manifest, damaged, or of a version that this package does not know.
    """
    try:
        document = json.loads(text)
        version = document.get("schema_version")
    except (ValueError, AttributeError) as error:
        raise ReferenceError(f"{place}: damaged profile: manifest.json is not a JSON object: {error}") from error
    upgrade = _READERS.get(version) if type(version) is int else None
    if upgrade is None:
        known = " or ".join(map(str, _READERS))
        raise ReferenceError(f"{place}: profile schema_version must be {known}, got {version}")
    try:
        return _checked(json.dumps(upgrade(document)))
    except ValidationError as error:
        raise ReferenceError(f"{place}: damaged profile: manifest.json: {_told(error)}") from error
    except ValueError as error:
        raise ReferenceError(f"{place}: damaged profile: manifest.json: {error}") from error


def manifest_text(manifest: Mapping[str, Any]) -> str:
    """The text of manifest.json.

    Raises:
        ValueError: a number is not finite, or a key is not what `Manifest` says.
    """
    text = json.dumps({**manifest, "schema_version": SCHEMA_VERSION}, indent=2, allow_nan=False, sort_keys=True)
    _checked(text)
    return text + "\n"


def _checked(text: str) -> dict[str, Any]:
    return Manifest.model_validate_json(text).model_dump(exclude_unset=True)


def _of_version_1(document: Mapping[str, Any]) -> dict[str, Any]:
    """Version 1 may lack the digests of its files, `metrics`, `target`, `outputs` and `warnings`."""
    methods = document.get("methods") or {}
    settings = methods if isinstance(methods, Mapping) else {str(name): {} for name in methods}
    return {**document, "methods": dict(settings), "schema_version": SCHEMA_VERSION}


def _of_version_2(document: Mapping[str, Any]) -> dict[str, Any]:
    if document.get(FILES) is None:
        raise ValueError(f"{FILES}: must list the digest of every file, is missing")
    return dict(document)


_READERS: Mapping[int, Callable[[Mapping[str, Any]], dict[str, Any]]] = {1: _of_version_1, 2: _of_version_2}


def _told(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
