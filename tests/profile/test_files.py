"""Each file of a profile is the one that was measured, or is told by name."""

import shutil
from pathlib import Path

import pytest

from explain_gate.errors import ReferenceError
from explain_gate.profile.files import write_whole
from explain_gate.profile.profile import load_maps, load_profile, verify


def test_every_file_is_listed_and_compared(folder):
    """Tables, maps, regions, pictures, audit log: a flipped bit, a missing and an added file are each told by name."""
    profile = load_profile(folder)
    verify(profile)
    files = {path.relative_to(profile.folder).as_posix() for path in profile.folder.rglob("*") if path.is_file()}
    assert set(profile.manifest["files"]) == files - {"manifest.json"}
    assert {"scores.parquet", "images.parquet", "audit.parquet", "regions.npy", "maps/grad_cam.npy"} <= files
    for name in sorted(files - {"manifest.json"}):
        path = profile.folder / name
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(ReferenceError, match="is not the file that was measured") as caught:
            verify(profile)
        assert str(path) in str(caught.value)
        path.unlink()
        with pytest.raises(ReferenceError, match="is missing"):
            verify(profile)
        path.write_bytes(content)
    verify(profile)


def test_a_file_that_was_added_is_not_read(folder):
    """Maps of a method that the manifest does not list were not measured with it."""
    maps = folder / "profile" / "maps"
    shutil.copy(maps / "grad_cam.npy", maps / "occlusion.npy")
    with pytest.raises(ReferenceError, match="does not list it"):
        load_maps(load_profile(folder), "occlusion")


def test_a_file_is_written_whole_or_stays_as_it_was(tmp_path, monkeypatch):
    """A write that fails at its last step leaves the earlier content, and no draft beside it."""
    path = tmp_path / "verdict.json"
    write_whole(path, b"earlier")

    def full(self, target):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="No space left"):
            write_whole(path, b"later")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("verdict.json", b"earlier")]
    write_whole(path, b"later")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("verdict.json", b"later")]
