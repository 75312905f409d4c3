"""SHA256SUMS is what coreutils read, and a profile's own digests are not made twice."""

import json
import shutil
import subprocess

import pytest

from explain_gate.profile.sums import SUMS, file_digest, read_sums, renew, write_sums


@pytest.fixture
def folder(tmp_path):
    """Files with names that need care."""
    for name in ("verdict.json", "two words.txt", "back\\slash", "line\nbreak", "assets/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def names_in(folder):
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def test_what_was_written_is_read(folder):
    """Also names with a backslash or a line break."""
    write_sums(folder, names_in(folder))
    sums = read_sums(folder)
    assert sums == {name: file_digest(folder / name) for name in names_in(folder) if name != SUMS}


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed here")
def test_coreutils_read_it(folder):
    """An auditor needs nothing of ours."""
    write_sums(folder, names_in(folder))
    done = subprocess.run(["sha256sum", "--strict", "-c", SUMS], cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_one_file_that_changed_is_renewed(folder):
    """The others keep their digests; a folder without a list gets none."""
    renew(folder, ["verdict.json"])
    assert read_sums(folder) is None
    write_sums(folder, names_in(folder))
    before = read_sums(folder)
    (folder / "verdict.json").write_text("another")
    renew(folder, ["verdict.json"])
    after = read_sums(folder)
    assert {name for name in after if after[name] != before[name]} == {"verdict.json"}
    assert after["verdict.json"] == file_digest(folder / "verdict.json")


def test_files_of_the_profile_have_the_digests_of_its_manifest(folder):
    """Maps can be large; they were hashed when they were measured."""
    (folder / "profile").mkdir()
    (folder / "profile" / "maps.npy").write_text("maps")
    (folder / "profile" / "manifest.json").write_text(json.dumps({"files": {"maps.npy": "ab" * 32}}))
    write_sums(folder, names_in(folder))
    assert read_sums(folder)["profile/maps.npy"] == "ab" * 32
    assert read_sums(folder)["profile/manifest.json"] == file_digest(folder / "profile" / "manifest.json")
