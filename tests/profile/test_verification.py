"""Whether each file of a run's folder is the one that the run left: changed, gone, led astray, listed by nobody."""

from __future__ import annotations

import hashlib
import json

import pytest

from explain_gate.errors import OptionError
from explain_gate.profile.sums import write_sums
from explain_gate.profile.verification import check_files, read_verdict


@pytest.fixture
def folder(tmp_path):
    """What a run leaves, in small: verdict, report, and a profile with its manifest."""
    (tmp_path / "profile").mkdir()
    (tmp_path / "verdict.json").write_text('{"verdict": "passed"}')
    (tmp_path / "index.html").write_text("<p>")
    (tmp_path / "profile" / "scores.parquet").write_bytes(b"scores")
    files = {"scores.parquet": hashlib.sha256(b"scores").hexdigest()}
    (tmp_path / "profile" / "manifest.json").write_text(json.dumps({"files": files}))
    write_sums(tmp_path, ["verdict.json", "index.html", "profile/manifest.json", "profile/scores.parquet"])
    return tmp_path


def test_a_folder_as_it_was_left_holds(folder):
    """Every file of it."""
    checked = check_files(folder)
    assert (checked.held, checked.differs, checked.unlisted, checked.unchecked) == (4, (), (), ())


def test_what_was_changed_taken_or_added_is_told(folder):
    """Each by its name."""
    (folder / "index.html").write_text("<p>passed")
    (folder / "profile" / "scores.parquet").unlink()
    (folder / "assets.txt").write_text("new")
    checked = check_files(folder)
    assert checked.held == 2
    assert sorted(told.partition(":")[0] for told in checked.differs) == ["index.html", "profile/scores.parquet"]
    assert checked.unlisted == ("assets.txt",)


def test_the_manifest_outweighs_a_list_that_was_changed_with_a_file(folder):
    """Whoever rewrites SHA256SUMS has to rewrite the profile's manifest as well."""
    (folder / "profile" / "scores.parquet").write_bytes(b"better")
    sums = (folder / "SHA256SUMS").read_text()
    new, old = hashlib.sha256(b"better").hexdigest(), hashlib.sha256(b"scores").hexdigest()
    (folder / "SHA256SUMS").write_text(sums.replace(old, new))
    assert [told.partition(":")[0] for told in check_files(folder).differs] == ["profile/scores.parquet"]


def test_a_folder_of_an_earlier_version_has_files_that_nobody_can_check(folder):
    """It left no list: its profile is checked by the manifest, and what remains is said."""
    (folder / "SHA256SUMS").unlink()
    checked = check_files(folder)
    assert (checked.held, checked.differs) == (1, ())
    assert checked.unchecked == ("index.html", "profile/manifest.json", "verdict.json")


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_a_folder_without_a_whole_verdict_is_no_runs(folder, text):
    """And nothing is said of its files."""
    (folder / "verdict.json").unlink()
    if text is not None:
        (folder / "verdict.json").write_text(text)
    for ask in (read_verdict, check_files):
        with pytest.raises(OptionError):
            ask(folder)
