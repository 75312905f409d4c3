"""File names as tools write them lead to one file of the folder, or are asked about."""

from __future__ import annotations

import pytest
from drawings import picture

from explain_gate.data.annotations.names import Names


@pytest.fixture
def names(tmp_path):
    """A folder with files in sub-folders, two of them of one name."""
    for name in ("cat/one.png", "train/two.png", "val/two.png", "with space.png", "three.JPG", "café.png", "a%20b.png"):
        picture(tmp_path / "images" / name)
    picture(tmp_path / "secret.png")
    return Names(tmp_path / "images")


@pytest.mark.parametrize(
    ("written", "file"),
    [
        ("cat\\one.png", "cat/one.png"),
        ("C:\\data\\cat\\one.png", "cat/one.png"),
        ("/home/me/data/train/two.png", "train/two.png"),
        ("images/val/two.png", "val/two.png"),
        ("one.png", "cat/one.png"),
        ("with%20space.png", "with space.png"),
        ("file:///data/with%20space.png", "with space.png"),
        ("https://shop.example/pictures/val/two.png?size=full", "val/two.png"),
        ("/data/local-files/?d=train%2Ftwo.png", "train/two.png"),
        ("three.jpg", "three.JPG"),
        ("three", "three.JPG"),
        ("cafe\u0301.png", "café.png"),
    ],
)
def test_a_name_that_means_one_file_finds_it_and_is_told(names, written, file):
    """Other separators, absolute paths, addresses, other case, no ending, accents in another form."""
    assert names.find(written) == file
    assert names.notes("a.json") == (
        f"a.json: 1 file names found in another way than they are written ({written} -> {file})",
    )


@pytest.mark.parametrize("written", ["cat/one.png", "a%20b.png", "with space.png"])
def test_a_name_as_it_is_needs_no_word(names, written):
    """Nothing is decoded where the file itself is there."""
    assert names.find(written) == written
    assert names.notes("a.json") == ()


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("two.png", r"'two.png': 2 files are called so \(train/two.png, val/two.png\); write the folder too"),
        ("gone.png", "'gone.png': missing in"),
        ("../secret.png", "leaves the images folder"),
        ("..%2Fsecret.png", "missing in"),
        ("/etc/passwd", "leaves the images folder"),
        ("", "not a file name"),
        ("nul\0.png", "not a file name"),
    ],
)
def test_a_name_that_means_none_or_several_is_refused(names, written, told):
    """The sentence names the places, and nothing outside of the folder is found."""
    with pytest.raises(LookupError, match=told):
        names.find(written)


def test_two_names_that_lead_to_one_file_are_refused(names):
    """train/one.png and val/one.png cannot both be the one file called so."""
    names.find("train/one.png")
    with pytest.raises(LookupError, match=r"'val/one.png': leads to cat/one.png, and so does 'train/one.png'"):
        names.find("val/one.png")


def test_a_link_that_leads_outside_is_no_file_of_the_folder(names, tmp_path):
    """Neither by its own name nor by a part of it."""
    (tmp_path / "images" / "link.png").symlink_to(tmp_path / "secret.png")
    for written in ("link.png", "elsewhere/link.png", "link"):
        with pytest.raises(LookupError):
            names.find(written)
