"""Artifacts on this machine: read in place where the store keeps files here, otherwise downloaded once and whole."""

from __future__ import annotations

import atexit
import functools
import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from explain_gate.errors import TrackingError
from explain_gate.tracking.settings import TrackingSettings
from explain_gate.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities import Run


def run_artifact(store: Store, run: Run, name: str) -> Path | None:
    """A file or folder among a run's artifacts; None where the run has none of that name.

    Raises:
        TrackingError: the store is away or the transfer broke; nothing half downloaded is left.
    """
    return artifact(store, f"{str(run.info.artifact_uri).rstrip('/')}/{name}", f"runs/{run.info.run_id}/{name}")


def artifact(store: Store, uri: str, place: str) -> Path | None:
    """What an artifact URI points at; `place` is its path in the cache, another for other content."""
    local = _local_path(uri)
    if local is not None:
        return local if local.exists() else None
    target = cache_folder(store.settings) / place
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=target.parent))
    try:
        downloaded = _download(store, uri, draft)
        if downloaded is None:
            return None
        try:
            downloaded.rename(target)
        except OSError:
            if not target.exists():  # otherwise another process was faster
                raise
        return target
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def cache_folder(settings: TrackingSettings) -> Path:
    """Where downloads from this store are kept."""
    if settings.cache is None:
        return _temporary_folder()
    return settings.cache / hashlib.sha256(settings.shown_uri.encode()).hexdigest()[:16]


@functools.cache
def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="explain-gate-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _local_path(uri: str) -> Path | None:
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    return Path(uri) if not parts.scheme else None


def _download(store: Store, uri: str, draft: Path) -> Path | None:
    from mlflow.artifacts import download_artifacts

    try:
        downloaded = store.transfer(
            download_artifacts, artifact_uri=uri, dst_path=str(draft), tracking_uri=store.settings.bare_uri
        )
    except TrackingError as error:
        if any(sign in str(error) for sign in ("404", "No such artifact", "RESOURCE_DOES_NOT_EXIST")):
            return None
        raise
    path = Path(downloaded)
    return path if path.is_file() or any(path.rglob("*")) else None
