"""Artifacts on this machine: read in place where they are here, fetched once and whole where they are not."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from explain_gate.errors import TrackingError
from explain_gate.tracking import downloads
from explain_gate.tracking.downloads import artifact, cache_folder, run_artifact


@pytest.fixture
def store(settings, tmp_path):
    """A store elsewhere that holds one file; `fetched` counts transfers, `fail` breaks the next one half way."""
    held = SimpleNamespace(settings=replace(settings, cache=tmp_path / "cache"), fetched=0, fail="")

    def transfer(_, *, artifact_uri, dst_path, tracking_uri):
        held.fetched += 1
        target = tmp_path / dst_path / artifact_uri.rpartition("/")[2]
        target.write_text("half")
        if held.fail:
            raise TrackingError(held.fail)
        target.write_text("whole")
        return str(target)

    held.transfer = transfer
    return held


def test_files_on_this_machine_are_read_in_place(store, tmp_path):
    """No copy is made; a name that a run does not have is None."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "verdict.json").write_text("{}")
    run = SimpleNamespace(info=SimpleNamespace(run_id="r1", artifact_uri=(tmp_path / "run").as_uri()))
    assert run_artifact(store, run, "verdict.json") == tmp_path / "run" / "verdict.json"
    assert run_artifact(store, run, "profile") is None
    assert store.fetched == 0


def test_what_lies_elsewhere_is_fetched_once(store):
    """The second look is at the cache."""
    first = artifact(store, "mlflow-artifacts:/1/r1/verdict.json", "runs/r1/verdict.json")
    assert first.read_text() == "whole"
    assert artifact(store, "mlflow-artifacts:/1/r1/verdict.json", "runs/r1/verdict.json") == first
    assert store.fetched == 1


def test_a_broken_transfer_leaves_nothing_half(store):
    """The error is told, the cache holds no part of the file, and the next look fetches it."""
    store.fail = "the connection broke"
    with pytest.raises(TrackingError, match="the connection broke"):
        artifact(store, "mlflow-artifacts:/1/r1/verdict.json", "runs/r1/verdict.json")
    assert [path for path in cache_folder(store.settings).rglob("*") if path.is_file()] == []
    store.fail = ""
    assert artifact(store, "mlflow-artifacts:/1/r1/verdict.json", "runs/r1/verdict.json").read_text() == "whole"


@pytest.mark.parametrize("answer", ["HTTP 404", "No such artifact: x", "RESOURCE_DOES_NOT_EXIST"])
def test_what_the_store_does_not_have_is_none(store, answer):
    """A missing artifact is an answer, not an outage."""
    store.fail = answer
    assert artifact(store, "mlflow-artifacts:/1/r1/profile", "runs/r1/profile") is None


def test_stores_do_not_share_a_cache(settings, tmp_path):
    """Two stores may give one id to different runs; without a cache of its own a process uses a temporary one."""
    one, other = (replace(settings, uri=uri, cache=tmp_path) for uri in ("http://a", "http://b"))
    assert cache_folder(one) != cache_folder(other)
    assert cache_folder(replace(settings, cache=None)) == downloads._temporary_folder()
