"""Lessons are kept beside the version, or in a file, and nothing that anybody wrote is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest
import yaml

from explain_gate.commands.history import recorded_history
from explain_gate.errors import ConfigError, ReferenceError
from explain_gate.publishing.pages.history import render_history
from explain_gate.publishing.text.verdict_json import verdict_to_json
from explain_gate.records import Lesson
from explain_gate.session.standing import approvals_ending, with_standing
from explain_gate.tracking.approvals import approve
from explain_gate.tracking.history import history
from explain_gate.tracking.lessons import keep_in_file, keep_in_store, lessons_in_file, lessons_in_store
from explain_gate.tracking.recorder import record
from explain_gate.tracking.store import connect

LESSON = Lesson(text="looks at the watermark", at="2026-11-26T08:00:00.000+00:00", by="ann", version="x", rule="a.b")


def recorded(gate_run, settings, name="v1", **changes):
    """A gate run in the store."""
    run = gate_run(name, **changes)
    (run.folder / "verdict.json").write_text(verdict_to_json(run.verdict), encoding="utf-8")
    return record(run.verdict, run.profile, run.folder, settings), run


def test_it_is_kept_beside_the_registered_version(settings, gate_run):
    """By the version's own number, with the digest of its model, whatever form REF had."""
    done, run = recorded(gate_run, settings)
    for ref in ("models:/pets@explain-approved", f"run:{done.run_id}", str(run.folder)):
        kept = keep_in_store(replace(LESSON, text=ref), ref, settings)
        assert (kept.version, kept.digest) == ("models:/pets/1", run.verdict.model["digest"])
    with connect(settings) as store:
        told = lessons_in_store(store, registered="pets", name="pets")
    assert sorted(one.text for one in told) == sorted(
        ["models:/pets@explain-approved", f"run:{done.run_id}", str(run.folder)]
    )


def test_it_is_kept_beside_the_run_of_a_model_that_is_not_registered(settings, gate_run):
    """A blocked version is where most is learned, and the registry does not know it."""
    done, _ = recorded(gate_run, settings, passed=False)
    assert keep_in_store(LESSON, f"run:{done.run_id}", settings).version == f"run:{done.run_id}"
    with connect(settings) as store:
        assert [one.text for one in lessons_in_store(store, registered="pets", name="pets")] == [LESSON.text]
    assert [one.text for one in history("pets", settings)[0].lessons] == [LESSON.text]


def test_two_who_write_at_the_same_moment_lose_nothing(settings, gate_run):
    """Each lesson is a tag of its own, told apart by more than its time."""
    recorded(gate_run, settings)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda by: keep_in_store(replace(LESSON, by=by), "models:/pets/1", settings), ("ann", "bob")))
    assert [one.by for one in history("pets", settings)[0].lessons] == ["ann", "bob"]


def test_a_ref_that_nothing_is_recorded_of_is_told(settings):
    """A lesson about nothing is kept nowhere."""
    with pytest.raises(ReferenceError, match="is not in the registry"):
        keep_in_store(LESSON, "models:/pets/3", settings)


def test_the_file_takes_a_line_each(tmp_path):
    """So that two branches merge line by line; text of any kind comes back as it was."""
    file = tmp_path / "lessons.yaml"
    texts = ["first", 'quotes " and: colons # and hashes', "Bär 🐻", "null"]
    for text in texts:
        keep_in_file(replace(LESSON, text=text), "models:/pets/1", file)
    assert {one.text for one in lessons_in_file(file)} == set(texts)
    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + len(texts)
    assert all(len(yaml.safe_load(line)) == 1 for line in lines[1:])


def test_two_processes_append_to_one_file(tmp_path):
    """Nothing is read before it is written, so nothing is overwritten."""
    file = tmp_path / "lessons.yaml"
    keep_in_file(LESSON, "x", file)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: keep_in_file(replace(LESSON, text=f"number {n}"), "x", file), range(40)))
    assert len(lessons_in_file(file)) == 41


def test_a_damaged_file_is_told(tmp_path):
    """And a missing one holds nothing."""
    file = tmp_path / "lessons.yaml"
    assert lessons_in_file(file) == ()
    file.write_text("- {text: only}\n")
    with pytest.raises(ConfigError, match="must hold a lesson a line"):
        lessons_in_file(file)


def test_a_lesson_concerns_its_rule_and_its_image():
    """By key or by check; one about the version alone is for its history."""
    key = replace(LESSON, rule="a.b[grad_cam-cat]")
    assert LESSON.concerns(["a.b[grad_cam-cat]"], [])
    assert key.concerns(["a.b[grad_cam-cat]"], [])
    assert not key.concerns(["a.b[grad_cam-dog]"], ["cat_001"])
    assert replace(LESSON, rule=None, image="cat_001").concerns([], ["cat_001"])
    assert not replace(LESSON, rule=None).concerns(["a.b[all]"], ["cat_001"])


def test_history_tells_all_that_people_put_on_record(settings, gate_run, tmp_path):
    """Moves, approvals, waivers and lessons on one time line, newest first."""
    from explain_gate.records import Waiver

    held = Waiver(
        check="alignment.iou", method=None, class_name="cat", reason="new masks", owner="vision", ticket=None,
        expires="2027-01-31", line=3,
    )  # fmt: skip
    recorded(gate_run, settings, waivers=(held,))
    recorded(gate_run, settings, "v2", waivers=(held,))
    approve("models:/pets/1", settings, by="ann", reason="v2 is <b>worse</b>", expires="2099-01-01")
    keep_in_store(replace(LESSON, at="2099-01-01T00:00:00.000+00:00"), "models:/pets/2", settings)
    versions = recorded_history("pets", settings)
    assert [sorted(event.kind for event in version.events) for version in versions] == [
        ["alias", "alias", "approval", "waiver"],
        ["alias", "lesson", "waiver"],
    ]
    page = render_history("pets", versions)
    shown = page[page.index('id="record"') :]
    assert shown.index("looks at the watermark (ann, about a.b)") < shown.index("ann approves it until 2099-01-01")
    assert "alignment.iou, cat may break until 2027-01-31: new masks (vision)" in shown
    assert "v2 is &lt;b&gt;worse&lt;/b&gt;" in shown


@pytest.mark.parametrize("away", [False, True])
def test_the_next_versions_verdict_tells_it(settings, gate_run, tmp_path, away):
    """From store and file, where rule or image is the same; a store that is away is told and decides nothing."""
    _, run = recorded(gate_run, settings)
    keep_in_store(replace(LESSON, rule="alignment.iou"), "models:/pets/1", settings)
    keep_in_file(replace(LESSON, text="snow", rule=None, image="dog_001"), "x", tmp_path / "lessons.yaml")
    keep_in_file(replace(LESSON, text="elsewhere", rule="reliance.lift"), "x", tmp_path / "lessons.yaml")
    session = SimpleNamespace(
        config=SimpleNamespace(path=tmp_path / "thresholds.yaml"),
        options=SimpleNamespace(tracking=True),
        tracking=replace(settings, uri="http://127.0.0.1:9") if away else settings,
        profile=run.profile,
        today="2026-11-26",
    )
    verdict = with_standing(session, run.verdict)
    texts = [lesson.text for lesson in verdict.lessons]
    assert texts == (["snow"] if away else ["looks at the watermark", "snow"])
    assert [text for text in verdict.messages if "are not shown: http://127.0.0.1:9" in text] == list(
        verdict.messages if away else ()
    )
    assert (verdict.exit_code, bool(verdict.messages)) == (0, away)


@pytest.mark.parametrize(
    ("today", "told"),
    [("2027-01-16", None), ("2027-01-17", "ends on 2027-01-31, 14 days from now"), ("2027-02-01", "expired on")],
)
def test_an_approval_tells_two_weeks_before_it_ends(settings, gate_run, today, told):
    """The alias's holder by the latest approval of each name."""
    recorded(gate_run, settings)
    approve("models:/pets/1", settings, by="ann", reason="good", expires="2026-12-31")
    approve("models:/pets/1", settings, by="Ann", reason="good", expires="2027-01-31")
    with connect(settings) as store:
        sentences = approvals_ending(store, ("pets", "explain-approved"), today)
    assert [told in one for one in sentences] == ([True] if told else [])
