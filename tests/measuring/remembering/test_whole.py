"""A profile is read again to the byte, or measured again: never half of either."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from types import SimpleNamespace

import pytest

from explain_gate.measuring import measure
from explain_gate.measuring.remembering.whole import keep_whole, recall_whole
from explain_gate.measuring.workers import crew
from explain_gate.profile.profile import verify


@pytest.fixture
def project(tmp_path, write_project):
    """The tiny project; returns its thresholds.yaml."""
    return write_project(tmp_path / "project", per_class=2)


@pytest.fixture
def measurings(monkeypatch) -> list[str]:
    """A line for each time that something is measured."""
    told: list[str] = []

    def counted(*arguments, **options):
        told.append("measured")
        return measure.measure_model(*arguments, **options)

    monkeypatch.setattr(crew, "measure_model", counted)
    return told


def test_what_did_not_change_is_read_to_the_byte(project, measured, measurings):
    """Every file is the one that was measured; the run's own facts are its own."""
    first = measured()
    again = measured()
    assert measurings == ["measured"]
    assert again.profile.manifest["files"] == first.profile.manifest["files"]
    assert again.findings == first.findings
    verify(again.profile)
    assert again.profile.manifest["passes"] == {"forward": 0, "backward": 0}
    assert again.profile.manifest["environment"]["started"] >= first.profile.manifest["environment"]["started"]


def test_another_bound_measures_nothing_and_is_on_record(project, measured, measurings):
    """A profile does not know what is demanded of it; its manifest tells what this run was asked for."""
    before = measured()
    project.write_text(project.read_text().replace("accuracy: {at_least: 0.9}", "accuracy: {at_least: 0.8}"))
    after = measured()
    assert measurings == ["measured"]
    bounds = [
        next(rule["at_least"] for rule in run.profile.manifest["demands"]["rules"] if "accuracy" in rule["key"])
        for run in (before, after)
    ]
    assert bounds == [0.9, 0.8]
    assert after.profile.manifest["config_digest"] != before.profile.manifest["config_digest"]


@pytest.mark.parametrize("kind", ["maps", "pictures", "wholes"])
def test_what_the_cache_lost_is_measured_again(project, measured, measurings, kind):
    """Evicted or damaged: the numbers are the same, and the run after that reads them."""
    first = measured()
    (file,) = project.parent.rglob("measured.sqlite")
    with sqlite3.connect(file) as database:
        assert database.execute("DELETE FROM entries WHERE kind = ?", [kind]).rowcount
    second, third = measured(), measured()
    assert measurings == ["measured", "measured"]
    assert second.findings == first.findings == third.findings


def test_a_file_that_is_not_what_was_measured_is_not_taken(project, measured, measurings):
    """Whatever wrote it: the digests of the manifest decide."""
    measured()
    (file,) = project.parent.rglob("measured.sqlite")
    with sqlite3.connect(file) as database:
        key, content = database.execute("SELECT key, content FROM entries WHERE kind = 'wholes'").fetchone()
        database.execute("DELETE FROM entries WHERE kind = 'wholes'")
    head, _, rest = content.partition(b"\n")
    kept = {key: head + b"\n" + rest[:-1] + b"?"}
    cache = SimpleNamespace(get=lambda keys: {one: kept[one] for one in keys if one in kept}, read=0, written=0)
    assert not recall_whole(cache, key, project.parent / "again", told={})
    assert not (project.parent / "again").exists()
    measured()
    assert measurings == ["measured", "measured"]


def test_without_a_cache_everything_is_measured(project, measured, measurings):
    """And nothing is kept."""
    measured(cache=False)
    measured(cache=False)
    assert measurings == ["measured", "measured"]


def test_what_may_end_otherwise_next_time_is_not_kept(project, measured):
    """A value of a clock, and an image on which something raised."""
    profile = measured(cache=False).profile
    puts: list[str] = []
    memory = SimpleNamespace(passing=False, cache=SimpleNamespace(put=lambda kind, _: puts.append(kind)))
    memory.keys_of = lambda methods: (
        ["p"] * len(profile.images),
        {name: ["m"] * len(profile.images) for name in methods},
    )
    one = profile.measurements[0]
    raised = replace(one, reasons=("grad_cam raised MemoryError: no room", *one.reasons[1:]))
    keep_whole("key", replace(profile, measurements=(raised,)), memory)
    memory.passing = True
    keep_whole("key", profile, memory)
    assert puts == []
    memory.passing = False
    keep_whole("key", profile, memory)
    assert puts == ["wholes"]


def test_a_changed_model_is_measured(project, measured, measurings):
    """Its code is its team's, so it is built for its key."""
    measured()
    model = project.with_name("tinymodel.py")
    model.write_text(model.read_text().replace("20 * torch.eye(2)", "21 * torch.eye(2)"))
    measured()
    assert measurings == ["measured", "measured"]


def test_the_verdict_is_the_same(project, measured):
    """But for when and by what command it was made, and how long that took."""

    def told(run) -> dict:
        text = json.dumps(
            json.loads((run.finish(run.conclude()).output / "verdict.json").read_text(encoding="utf-8"))["findings"]
        )
        return json.loads(text)

    assert told(measured(output=str(project.parent / "one"))) == told(measured(output=str(project.parent / "two")))
