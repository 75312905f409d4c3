"""publish() leaves every file of a run behind, from records alone."""

import subprocess
import sys
from dataclasses import replace

import pytest

from explain_gate.publishing.publish import publish
from explain_gate.records import Lesson


def test_every_file_is_written_beside_the_profile(report):
    """The folder holds what the contract names, and the rules, so that nothing else is needed to render it again."""
    names = {path.name for path in report.iterdir()}
    surfaces = {"junit.xml", "metrics.txt", "summary.md", "results.sarif"}
    surfaces |= {"thresholds.yaml", "audit.html", "index.html", "assets"}
    assert names == {"verdict.json", "profile"} | surfaces
    assert "anna:secret" not in (report / "thresholds.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["maps/grad_cam.npy", "regions.npy", "thumbnails/000003.jpg"])
def test_a_file_that_is_not_what_was_measured_is_told(run, name):
    """Its pictures are left out, the verdict stands, and page and verdict.json both say so."""
    damaged = run.profile.folder / name
    damaged.write_bytes(damaged.read_bytes() + b"x")
    verdict = publish(run.verdict, run.profile, run.folder)
    (told,) = verdict.not_published
    assert told.startswith("index.html: pictures are left out, because files of the profile are damaged")
    assert name in told
    assert (verdict.verdict, verdict.exit_code) == (run.verdict.verdict, run.verdict.exit_code)
    assert name in (run.folder / "index.html").read_text(encoding="utf-8")
    assert name in (run.folder / "verdict.json").read_text(encoding="utf-8")


def test_what_was_never_measured_is_no_fault(make_run):
    """A profile without pictures is published whole."""
    run = make_run(pictures=False)
    assert publish(run.verdict, run.profile, run.folder).not_published == ()


def test_damaged_maps_of_the_reference_are_told(run, make_run):
    """The page is written without the pairs, and says why."""
    reference = make_run(name="reference")
    damaged = reference.profile.folder / "maps" / "grad_cam.npy"
    damaged.write_bytes(damaged.read_bytes() + b"x")
    (told,) = publish(run.verdict, run.profile, run.folder, reference=reference.profile).not_published
    assert told.startswith("index.html: maps are not shown beside those of the reference: ")
    assert 'id="pairs"' not in (run.folder / "index.html").read_text(encoding="utf-8")


def test_publishing_twice_gives_the_same_bytes(report, run):
    """Nothing in the files depends on time or order."""
    before = {path: path.read_bytes() for path in report.rglob("*") if path.is_file()}
    config = "version: 1\n"
    publish(run.verdict, run.profile, report, config_text=config)
    first = {path: path.read_bytes() for path in report.rglob("*") if path.is_file()}
    publish(run.verdict, run.profile, report, config_text=config)
    assert first == {path: path.read_bytes() for path in report.rglob("*") if path.is_file()}
    assert before.keys() == first.keys()


def test_publishing_loads_neither_torch_nor_mlflow():
    """A report is rendered again on a machine that has only the records."""
    code = "import sys, explain_gate.publishing.publish; sys.exit(bool({'torch', 'mlflow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_lessons_of_earlier_versions_are_on_the_page(run, tmp_path):
    """A section of its own, with who, when and about what; no section where there is none."""
    lesson = Lesson(
        text="<b>snow</b> is the cue", at="2026-11-01T08:00:00+00:00", by="ann", version="run:1", rule="x.y"
    )
    for name, lessons in (("with", (lesson,)), ("without", ())):
        (tmp_path / name).mkdir()
        publish(replace(run.verdict, lessons=lessons), None, tmp_path / name)
    page = (tmp_path / "with" / "index.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;snow&lt;/b&gt; is the cue" in page[page.index('id="lessons"') :]
    assert "2026-11-01, ann, of run:1" in page
    assert 'id="lessons"' not in (tmp_path / "without" / "index.html").read_text(encoding="utf-8")
