"""A copy under another label, one among the training pictures, and pairs that the model takes for the same."""

import shutil

import numpy as np
import pytest
from label_projects import COPIED, COPY
from PIL import Image

from explain_gate.labels.alike import alike, leaked
from explain_gate.labels.hashing import hashes
from explain_gate.studies.kept import Kept


def tell(done, total):
    """Nobody listens."""


@pytest.fixture
def asked(project, tmp_path):
    """Runs, the path of each sample, hashes, and a way to hash others."""
    data, runs = project.data, project.runs
    paths = [data.entries[int(place)].path for place in runs.places]

    def hashed(files):
        return hashes(sorted(files), data.preprocessing, Kept(tmp_path / "kept", {}), tell)[0]

    return runs, paths, hashed


def test_a_copy_with_another_label_is_the_list(asked):
    """As one pair, with both names."""
    runs, paths, hashed = asked
    (one,) = alike(runs, paths, hashed(paths), None).suspects
    assert {one.image, one.other} == {COPIED, COPY}
    assert "copy.png is dog, pic_06.png is cat" in one.why


def test_copies_of_one_label_are_counted_alone(asked, project):
    """They are no fault of a label, and count twice in every number."""
    runs, paths, hashed = asked
    known = hashed(paths)
    both = {**known, paths[3]: known[paths[5]]}  # pic_02 and pic_04, both cats
    assert [runs.images[row].image for row in (3, 5)] == ["pic_02.png", "pic_04.png"]
    listed = alike(runs, paths, both, None)
    assert len(listed.suspects) == 1
    assert "1 more pair has the same label" in listed.note


def test_features_name_what_the_model_takes_for_the_same(asked):
    """Nearer than nearly all are to their own; behind the copies."""
    runs, paths, hashed = asked
    features = np.random.default_rng(0).normal(size=(len(paths), 64))
    names = [image.image for image in runs.images]
    features[names.index("pic_00.png")] = features[names.index("pic_01.png")] + 0.01
    listed = alike(runs, paths, hashed(paths), features).suspects
    assert [{one.image, one.other} for one in listed] == [{COPIED, COPY}, {"pic_00.png", "pic_01.png"}]
    assert "last layer is given nearly the same by both" in listed[1].why


def test_leaks_are_told_as_the_same_file_or_alike(asked, tmp_path):
    """What is not in the folder was not seen."""
    runs, paths, hashed = asked
    folder = tmp_path / "training"
    (folder / "cats").mkdir(parents=True)
    by_name = {path.name: path for path in paths}
    shutil.copy(by_name["pic_00.png"], folder / "cats" / "a.png")
    with Image.open(by_name["pic_01.png"]) as opened:
        opened.resize((50, 50)).convert("RGB").save(folder / "b.jpg")
    listed, seen = leaked(runs, paths, hashed(paths), hashed(folder.rglob("*.*")), folder)
    assert [(one.image, one.other) for one in listed.suspects] == [
        ("pic_00.png", "cats/a.png"),
        ("pic_01.png", "b.jpg"),
    ]
    assert listed.suspects[0].why == "the same file as cats/a.png of data.training"
    assert "bits differ from b.jpg" in listed.suspects[1].why
    assert {runs.images[row].image for row, one in enumerate(seen) if one == "yes"} == {"pic_00.png", "pic_01.png"}
    assert set(seen) == {"yes", "no"}


def test_without_a_folder_nothing_is_known(asked):
    """And it is said which key names it."""
    runs, paths, hashed = asked
    listed, seen = leaked(runs, paths, hashed(paths), None, None)
    assert "data.training" in listed.unasked
    assert set(seen) == {"unknown"}
