"""From files and annotations to samples: every faulty file is named at once."""

from __future__ import annotations

import os

import pytest
from drawings import coco, picture

from explain_gate.data.annotations.read import read_entries
from explain_gate.data.regression_set import digest_of_set, open_set
from explain_gate.errors import DataError

BOX = {"image_id": 1, "category_id": 0, "bbox": [2, 3, 6, 4]}


def write(tmp_path, names, categories=("cat",)):
    annotations = [{**BOX, "image_id": number} for number in range(1, len(names) + 1)]
    (tmp_path / "a.json").write_text(coco(names, annotations, categories))


def test_all_missing_and_escaping_files_are_listed(gate, tmp_path):
    """One message names them all: missing, absolute, with dots, through a link, impossible."""
    picture(tmp_path / "secret.png")
    picture(tmp_path / "images" / "good.png")
    (tmp_path / "images" / "link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "images" / "outside").symlink_to(tmp_path)
    names = ["good.png", "gone.png", "../secret.png", str(tmp_path / "secret.png"), "link.png", "outside/secret.png",
             "x" * 5000, "nul\0.png"]  # fmt: skip
    write(tmp_path, names)
    with pytest.raises(DataError) as raised:
        read_entries(gate("a.json"))
    text = str(raised.value)
    assert "7 image files cannot be used" in text
    for told in (
        "'gone.png': missing",
        "'../secret.png': leaves",
        "'link.png': leaves",
        "'outside/secret.png': leaves",
    ):
        assert told in text
    assert "good.png" not in text


def test_a_link_inside_the_folder_is_fine(gate, tmp_path):
    """Links are followed as long as they stay."""
    picture(tmp_path / "images" / "deep" / "a.png")
    (tmp_path / "images" / "b.png").symlink_to(tmp_path / "images" / "deep" / "a.png")
    write(tmp_path, ["b.png"])
    assert len(open_set(gate("a.json")).batches(4).__next__()) == 1


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")
def test_file_names_of_any_bytes_and_lengths(gate, tmp_path):
    """A name that is not UTF-8 cannot be written in JSON; one of 255 bytes and one in another script work."""
    names = ["e" * 251 + ".png", "猫 <script>.png", "spaces and % # &.png"]
    for name in names:
        picture(tmp_path / "images" / name)
    with open(os.fsencode(tmp_path / "images") + b"/\xff\xfe.png", "wb") as stream:  # noqa: PTH123 - bytes
        stream.write(b"")
    write(tmp_path, names)
    data = open_set(gate("a.json"))
    assert sorted(entry.image for entry in data.entries) == sorted(names)
    assert len(digest_of_set(data)) == 64


def test_every_undecodable_image_is_listed(gate, tmp_path):
    """The set names all faulty files of a batch, not only the first."""
    for name in ("a.png", "b.png", "c.png"):
        picture(tmp_path / "images" / name)
    (tmp_path / "images" / "a.png").write_bytes(b"no")
    (tmp_path / "images" / "c.png").write_bytes(b"no")
    write(tmp_path, ["a.png", "b.png", "c.png"])
    with pytest.raises(DataError) as raised:
        list(open_set(gate("a.json")).batches(8))
    assert "2 images cannot be used" in str(raised.value)
    assert "a.png" in str(raised.value)
    assert "c.png" in str(raised.value)


def test_a_class_without_images_is_refused(gate, tmp_path):
    """A class that nobody annotated could break without a word; so could an annotated one without a logit."""
    picture(tmp_path / "images" / "a.png")
    write(tmp_path, ["a.png"], ("cat", "dog"))
    with pytest.raises(DataError, match="classes without an annotated image: dog"):
        read_entries(gate("a.json"))
    with pytest.raises(DataError, match=r"missing in data\.classes: cat"):
        read_entries(gate("a.json", classes=["dog"]))
    assert read_entries(gate("a.json", classes={"cat": 7})).entries[0].label == 7
