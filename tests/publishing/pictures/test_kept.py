"""What a profile keeps to be drawn: never measured is no fault, damaged is told once, by its file."""

import hashlib

import numpy as np
import pytest

from explain_gate.publishing.pictures.kept import Kept, left_out_told
from explain_gate.records import Profile


def test_what_was_measured_is_opened(run):
    """Maps, region and picture of an image."""
    kept = Kept(run.profile)
    assert kept.maps("grad_cam").shape == (18, 32, 32)
    assert kept.region(0).any()
    assert kept.photo(0).is_file()
    assert kept.left_out == {}


def test_what_was_never_measured_is_none_and_no_fault(run, make_run):
    """A method that no rule asked for, a profile without pictures, one that lies nowhere."""
    assert Kept(run.profile).maps("rise") is None
    assert Kept(make_run(name="bare", pictures=False).profile).photo(0) is None
    nowhere = Kept(Profile(manifest={}, images=(), measurements=()))
    assert nowhere.file("cues/cues.json") is None
    assert nowhere.left_out == {}


@pytest.mark.parametrize(
    ("name", "open_it"),
    [
        ("maps/grad_cam.npy", lambda kept: kept.maps("grad_cam")),
        ("regions.npy", lambda kept: kept.region(3)),
        ("thumbnails/000003.jpg", lambda kept: kept.photo(3)),
    ],
)
@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_damage_is_none_and_told(run, name, open_it, damage):
    """A file that is another one, or that is missing although it was measured, is told by its name."""
    path = run.profile.folder / name
    content = path.read_bytes()
    path.unlink()
    if damage == "changed":
        path.write_bytes(content + b"x")
    kept = Kept(run.profile)
    assert open_it(kept) is None
    assert open_it(kept) is None
    assert list(kept.left_out) == [name]
    assert name in left_out_told(kept.left_out)


def test_maps_of_another_number_of_images_are_not_drawn(run):
    """A row must be the image's own."""
    path = run.profile.folder / "maps" / "short.npy"
    np.save(path, np.zeros((3, 4, 4), dtype=np.float16))
    files = {**run.profile.manifest["files"]}

    files["maps/short.npy"] = hashlib.sha256(path.read_bytes()).hexdigest()
    profile = Profile(
        manifest={**run.profile.manifest, "files": files}, images=run.profile.images, measurements=(),
        folder=run.profile.folder,
    )  # fmt: skip
    assert Kept(profile).maps("short") is None


def test_many_damaged_files_are_counted():
    """Three by name, the rest by number, and what is wrong with the first."""
    told = left_out_told({f"thumbnails/{row:06d}.jpg": f"fault {row}" for row in range(5)})
    assert "000002.jpg and 2 more" in told
    assert told.endswith(": fault 0")
