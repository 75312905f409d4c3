"""`explain-gate render`: every surface again from the verdict and the profile, of every version that ever wrote one."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from made_up import CONFIG

from explain_gate.commands.render import render_again
from explain_gate.errors import OptionError, ReferenceError
from explain_gate.profile.verification import check_files
from explain_gate.publishing.publish import publish
from explain_gate.session.output import note_written

EARLIER = Path(__file__).parents[1] / "folders" / "670220f"
SURFACES = ("junit.xml", "metrics.txt", "summary.md", "results.sarif", "index.html")


@pytest.fixture
def earlier(tmp_path):
    """A copy of what commit 670220f wrote: `first` passed, `second` was blocked beside it."""
    return shutil.copytree(EARLIER, tmp_path / "earlier")


def contents(folder):
    """Path inside the folder -> bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_of_an_earlier_version_is_rendered_again(earlier):
    """All surfaces, pictures and the maps of the reference; verdict and profile stay to the byte."""
    folder = earlier / "second"
    before = contents(folder)
    for name in SURFACES:
        (folder / name).unlink(missing_ok=True)
    rendered = render_again(folder, config=str(earlier / "thresholds.yaml"), reference=str(earlier / "first"))
    assert rendered.whole
    assert rendered.told == ()
    after = contents(folder)
    kept = [name for name in before if name == "verdict.json" or name.startswith("profile/")]
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    page = after["index.html"].decode()
    assert "alignment.iou" in page
    assert 'id="pairs"' in page
    assert "iou: {at_least: 0.6, per_class: true}" in page
    assert sum(name.startswith("assets/maps/grad_cam/") for name in after) == 6
    assert sum(name.startswith("assets/worst/") for name in after) > 0
    assert after["junit.xml"].count(b"<failure") == 3


def test_what_cannot_be_shown_is_said(earlier):
    """Without the rules and the reference at hand the report is written, and says what it lacks and how to give it."""
    rendered = render_again(earlier / "second")
    assert rendered.whole
    assert ["--config" in line for line in rendered.told] == [True, False]
    assert ["--reference" in line for line in rendered.told] == [False, True]


def test_rendering_needs_the_folder_alone(report, run):
    """The report of a run is the same again, from its own copy of the rules."""
    publish(run.verdict, run.profile, report, config_text=CONFIG, location=str(report))
    before = contents(report)
    rendered = render_again(report)
    assert rendered.whole
    after = contents(report)
    after.pop(".written")
    assert after == before


def test_a_picture_that_is_not_what_was_measured_is_left_out_and_told(report):
    """On the page, on the terminal, by the exit; the rest is drawn."""
    damaged = report / "profile" / "thumbnails" / "000003.jpg"
    damaged.write_bytes(damaged.read_bytes() + b"x")
    rendered = render_again(report)
    assert not rendered.whole
    assert "thumbnails/000003.jpg" in rendered.told[0]
    assert "thumbnails/000003.jpg" in (report / "index.html").read_text(encoding="utf-8")


def test_own_files_stay_their_owners(report):
    """A later run that replaces the folder must take along what somebody put there: only new ones are ours."""
    note_written(report)
    (report / "notes.txt").write_text("mine")
    (report / "index.html").unlink()
    render_again(report)
    written = (report / ".written").read_text().splitlines()
    assert "notes.txt" not in written
    assert {"index.html", "verdict.json", "thresholds.yaml"} <= set(written)


def test_rendering_vouches_for_its_own_files_only(report):
    """A verdict that was changed is not the run's after its report was rendered again either."""
    note_written(report)
    (report / "verdict.json").write_text((report / "verdict.json").read_text() + "\n")
    render_again(report)
    differs = check_files(report).differs
    assert [line.partition(":")[0] for line in differs] == ["verdict.json"]


def test_config_and_reference_must_be_those_of_the_run(earlier, tmp_path):
    """Another thresholds.yaml or other weights would show what was never judged."""
    other = tmp_path / "thresholds.yaml"
    other.write_text((earlier / "thresholds.yaml").read_text().replace("0.6", "0.5"))
    with pytest.raises(ReferenceError, match="is not the file of this run"):
        render_again(earlier / "second", config=str(other))
    with pytest.raises(ReferenceError, match=r"is of other weights than verdict\.json"):
        render_again(earlier / "second", reference=str(earlier / "second"))
    with pytest.raises(ReferenceError, match="compared with no reference"):
        render_again(earlier / "first", reference=str(earlier / "second"))
    shutil.rmtree(earlier / "first" / "profile")
    shutil.copytree(earlier / "second" / "profile", earlier / "first" / "profile")
    with pytest.raises(ReferenceError, match="profile/ is of other weights"):
        render_again(earlier / "first")


def test_a_folder_that_is_no_output_is_an_option_error(tmp_path):
    """The message says what is missing."""
    with pytest.raises(OptionError, match=r"must be a run's output folder, but there is no verdict\.json"):
        render_again(tmp_path)


def test_the_command_needs_no_torch(earlier):
    """It runs where a report is read: nothing that computes is loaded."""
    code = (
        "import sys; from explain_gate.cli import main\n"
        "try: main(['render', sys.argv[1]])\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "assert not {'torch', 'mlflow'} & set(sys.modules), 'loaded'"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(earlier / "first")], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Report: file:")


def test_one_file_is_written_beside_the_page_and_removed_with_the_run(earlier):
    """It is the product's own, so a later run into the folder may take it away."""
    folder = earlier / "second"
    render_again(folder, single=True)
    assert "data:image/" in (folder / "report.html").read_text(encoding="utf-8")
