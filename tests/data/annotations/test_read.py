"""From files and annotations to samples: every faulty file is named at once."""

from __future__ import annotations

import os

import pytest
from drawings import coco, mask, picture

from explain_gate.data.annotations.read import read_entries
from explain_gate.data.regression_set import open_set, part_of
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
    assert len(data.digest_of_all()) == 64


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


def test_a_mask_of_another_size_names_both_sizes(gate, tmp_path):
    """A mask drawn on a resized copy does not fit."""
    picture(tmp_path / "images" / "a.png")
    mask(tmp_path / "masks" / "cat" / "a.png", (slice(2, 5), slice(3, 8)), (24, 40))
    with pytest.raises(DataError, match="must be 20 x 12 like its image, got 40 x 24"):
        open_set(gate("masks")).sample(0)


def test_a_folder_of_masks_per_class(gate, tmp_path):
    """`masks/<class>/<image>.png`; indexed values count as inside whatever their colour."""
    picture(tmp_path / "images" / "a.jpg")
    picture(tmp_path / "images" / "dog" / "a.png")
    mask(tmp_path / "masks" / "cat" / "a.png", (slice(2, 5), slice(3, 8)), value=1)
    mask(tmp_path / "masks" / "dog" / "a.png", (slice(2, 5), slice(3, 9)))
    data = open_set(gate("masks"))
    # Both masks find a.jpg first: one picture with two classes.
    assert [(entry.image, entry.label) for entry in data.entries] == [("a.jpg#cat", 0), ("a.jpg#dog", 1)]
    assert [int(data.sample(row).region.sum()) for row in range(2)] == [15, 18]


def test_a_table_of_masks_with_annotators_and_parts(gate, tmp_path):
    """labels.csv may tell annotators and parts apart; a part takes the place of the region."""
    picture(tmp_path / "images" / "a.png")
    mask(tmp_path / "masks" / "one.png", (slice(2, 6), slice(3, 8)))
    mask(tmp_path / "masks" / "two.png", (slice(3, 6), slice(3, 8)))
    (tmp_path / "masks" / "labels.csv").write_text(
        "image,class,mask,annotator,part\na.png,cat,one.png,ann,\na.png,cat,two.png,bob,head\n"
    )
    sample = open_set(gate("masks")).sample(0)
    assert int(sample.region.sum()) == 20
    assert [int(one.sum()) for one in sample.annotators] == [20, 15]
    assert int(part_of(sample, "head").region.sum()) == 15
    assert part_of(sample, "tail").region_reason == "no region is annotated as tail"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("image\na.png\n", "must have the columns"),
        ("image,class,mask\n,cat,m.png\n", "line 2: image and class must not be empty"),
        ("image,class,mask\na.png,cat,../secret.png\n", "line 2: no mask"),
        ("image,class,mask\na.png,cat," + "x" * 5000 + "\n", "line 2: no mask"),
        ("image,class\n", "no annotated image"),
        ("", "must have the columns"),
        ('image,class\n"' + "x" * 200_000 + '",cat\n', "not a readable CSV"),
    ],
)
def test_a_faulty_table_names_its_line(gate, tmp_path, table, told):
    """labels.csv is refused with the line."""
    mask(tmp_path / "secret.png", (slice(2, 6), slice(3, 8)))
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "labels.csv").write_text(table)
    with pytest.raises(DataError, match=told):
        read_entries(gate("masks"))


def test_a_missing_or_foreign_source_says_what_is_possible(gate, tmp_path):
    """A path that is nothing, and a file that is nothing we read."""
    with pytest.raises(DataError, match="does not exist"):
        read_entries(gate("gone.json"))
    (tmp_path / "a.bin").write_bytes(b"x")
    with pytest.raises(DataError, match="must be a COCO"):
        read_entries(gate("a.bin"))


def test_a_limit_takes_classes_evenly_and_whatever_their_order(gate, tmp_path):
    """Half of the rare class's share goes to the other; the annotations' order and a left-out image do not matter."""
    names = [f"{number}.png" for number in range(12)]
    drawn = [{**BOX, "image_id": number, "category_id": int(number > 9)} for number in range(1, 13)]
    for name in names:
        picture(tmp_path / "images" / name)
    found = []
    for order in (drawn, drawn[::-1]):
        (tmp_path / "a.json").write_text(coco(names, order))
        found.append({(entry.image, entry.class_name) for entry in read_entries(gate("a.json", limit=6)).entries})
    assert found[0] == found[1]
    assert sorted(name for _, name in found[0]).count("dog") == 3
    chosen = {image for image, _ in found[0]}
    kept = [item for item in drawn if names[item["image_id"] - 1] in chosen or item["image_id"] % 2]
    (tmp_path / "a.json").write_text(coco(names, kept))
    assert {entry.image for entry in read_entries(gate("a.json", limit=6)).entries} == chosen


def test_the_digest_changes_with_whatever_changes_a_number(gate, tmp_path):
    """A region, a pixel or the preprocessing: each gives another data set."""
    picture(tmp_path / "images" / "a.png")
    write(tmp_path, ["a.png"])
    digests = {open_set(gate("a.json")).digest_of_all()}
    digests.add(open_set(gate("a.json", preprocessing={"resize": 8})).digest_of_all())
    (tmp_path / "a.json").write_text(coco(["a.png"], [{**BOX, "bbox": [2, 3, 6, 5]}], ("cat",)))
    digests.add(open_set(gate("a.json")).digest_of_all())
    picture(tmp_path / "images" / "a.png", mode="L")
    digests.add(open_set(gate("a.json")).digest_of_all())
    assert len(digests) == 4
