"""Which files of a project are looked at, and where a picture's name leads."""

from pathlib import PurePosixPath

from explain_gate.commands.survey.files import are_masks, look


def write(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_environments_outputs_and_hidden_folders_are_left_out(tmp_path):
    """Also a folder that links to one above it."""
    write(tmp_path, "a.py", "venv/lib/b.py", ".git/c.py", "reports/d.py", "x/__pycache__/e.py", "x/y.py", ".hidden.py")
    (tmp_path / "x" / "loop").symlink_to(tmp_path)
    assert [str(path) for path in look(tmp_path).ending(".py")] == ["a.py", "x/y.py"]


def test_pictures_and_masks_are_told_apart_by_their_folders(tmp_path):
    """A class called `gate` is none of masks; a folder of trimaps is."""
    write(tmp_path, "data/images/cat/1.JPG", "data/masks/cat/1.png", "annotations/trimaps/1.png")
    files = look(tmp_path)
    assert list(files.pictures) == [PurePosixPath("data/images/cat")]
    assert sorted(map(str, files.masks)) == ["annotations/trimaps", "data/masks/cat"]
    assert not are_masks(PurePosixPath("data/cat"))


def test_a_name_leads_to_the_folder_that_it_is_relative_to(tmp_path):
    """With a folder in it, with another machine's in front, without an ending."""
    write(tmp_path, "data/images/cat/1.jpg", "other/1.jpg")
    files = look(tmp_path)
    for name in ("cat/1.jpg", "C:\\set\\cat\\1.jpg", "/home/me/cat/1.jpg", "cat/1"):
        assert files.folder_of(name, PurePosixPath("a.json")) == PurePosixPath("data/images"), name
    assert files.folder_of("2.jpg", PurePosixPath("a.json")) is None


def test_of_two_folders_the_one_is_meant_that_the_annotations_are_called_like(tmp_path):
    """train.json is of train, though val has a picture of that name too."""
    write(tmp_path, "pets/train/1.jpg", "pets/val/1.jpg")
    files = look(tmp_path)
    for split in ("train", "val"):
        assert files.folder_of("1.jpg", PurePosixPath(f"coco/{split}.json")) == PurePosixPath(f"pets/{split}")
