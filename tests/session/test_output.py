"""The output folder: two runs never mix, an earlier report is replaced whole, nothing of a user's is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from explain_gate.session.output import OutputError, hold, note_written, place_new, refuse_unusable, replace

HOLDER = """
import sys
from pathlib import Path
from explain_gate.session.output import hold
held = hold(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def report(folder: Path, **files: str) -> Path:
    """A folder as a run leaves it."""
    for name, text in {"verdict.json": "{}", **files}.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    note_written(folder)
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in {".written", "SHA256SUMS"}
    }


def test_a_second_run_into_the_same_output_is_refused(tmp_path):
    """While one process holds it no other gets it; once that one is gone, however it went, the next one does."""
    output = tmp_path / "out"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(output)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OutputError, match="another run is writing to it"):
            hold(output)
        holder.kill()
    hold(output).release()
    assert list(tmp_path.iterdir()) == []


def test_what_a_reviewer_put_into_a_report_goes_along(tmp_path):
    """Notes at any place, links and empty folders stay; what the earlier run wrote goes."""
    output = report(tmp_path / "out", index__html="old", assets__old__png="old")
    (output / "notes.md").write_text("look at image 3")
    (output / "assets" / "marked.png").write_text("circled")
    (output / "latest").symlink_to("index.html")
    (output / "empty").mkdir()
    replace(report(tmp_path / "work", assets__new__png="new"), output)
    assert contents(output) == {
        "verdict.json": "{}",
        "assets/new/png": "new",
        "notes.md": "look at image 3",
        "assets/marked.png": "circled",
    }
    assert (output / "latest").is_symlink()
    assert (output / "empty").is_dir()
    replace(report(tmp_path / "work"), output)
    assert (output / "notes.md").read_text() == "look at image 3"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_of_a_user_in_the_way_of_a_new_one_is_kept_beside_it(tmp_path):
    """A new version of the product may write a name that a user took."""
    output = report(tmp_path / "out")
    (output / "evidence").write_text("mine")
    (output / "trend.svg").write_text("mine too")
    replace(report(tmp_path / "work", evidence__a="new", trend__svg="x", **{"trend.svg": "new"}), output)
    assert (output / "evidence.kept").read_text() == "mine"
    assert (output / "trend.svg").read_text() == "new"
    assert (output / "trend.svg.kept").read_text() == "mine too"


def test_a_report_of_an_earlier_version_without_a_list_keeps_what_is_not_of_its_names(tmp_path):
    """Its own files are known by name."""
    output = report(tmp_path / "out", **{"index.html": "old"}, profile__scores="old")
    (output / ".written").unlink()
    (output / "notes.md").write_text("mine")
    replace(report(tmp_path / "work"), output)
    assert contents(output) == {"verdict.json": "{}", "notes.md": "mine"}


def test_a_report_that_was_half_replaced_comes_back(tmp_path):
    """A run killed between the two renames left the earlier report aside; the next one puts it back."""
    report(tmp_path / ".out.123.old", **{"index.html": "earlier"})
    hold(tmp_path / "out").release()
    assert contents(tmp_path / "out") == {"verdict.json": "{}", "index.html": "earlier"}


def test_a_report_that_cannot_be_placed_leaves_the_earlier_one(tmp_path):
    """The earlier report is where it was."""
    output = report(tmp_path / "out", **{"index.html": "earlier"})
    work = report(tmp_path / "work")
    with pytest.raises(OSError, match="work"):
        replace(work / "verdict.json" / "nothing", output)
    assert contents(output)["index.html"] == "earlier"


def test_two_reports_of_the_same_second_get_two_folders(tmp_path):
    """Neither replaces the other."""
    first = place_new(report(tmp_path / "a"), tmp_path / "20261126-model")
    second = place_new(report(tmp_path / "b"), tmp_path / "20261126-model")
    assert (first.name, second.name) == ("20261126-model", "20261126-model-2")


def test_a_mount_point_is_refused_before_measuring():
    """It cannot be renamed, which would be found out after hours."""
    with pytest.raises(OutputError, match="mount point"):
        refuse_unusable(Path("/proc"))
