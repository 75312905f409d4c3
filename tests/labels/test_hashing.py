"""Copies stay alike through what happens to pictures; others do not become it."""

from io import BytesIO

import numpy as np
import pytest
from label_projects import waves
from PIL import Image, ImageEnhance

from explain_gate.labels.hashing import ALIKE, BITS, bits_of, hashes, mirrored, near
from explain_gate.studies.kept import Kept


def tell(done, total):
    """Nobody listens."""


def gray(image):
    """As hashing reads it."""
    return np.asarray(image.convert("L"), dtype=np.float64)


def pair(image):
    """A picture's hash and its mirror image's."""
    return bits_of(gray(image)), bits_of(mirrored(gray(image)))


def jpeg(image):
    """Through a poor JPEG."""
    stream = BytesIO()
    image.save(stream, "JPEG", quality=30)
    return Image.open(stream)


@pytest.mark.parametrize(
    "change",
    [
        jpeg,
        lambda image: image.resize((40, 50)),
        lambda image: ImageEnhance.Brightness(image).enhance(0.7),
        lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        lambda image: image.crop((2, 2, 126, 126)),
    ],
    ids=["jpeg", "size", "brightness", "mirror", "cut"],
)
def test_a_changed_copy_is_alike(change):
    """Within the bound, and nothing else is."""
    rng = np.random.default_rng(1)
    pictures = [Image.fromarray(waves(rng)).resize((128, 128)) for _ in range(12)]
    listed = list(near([pair(change(pictures[4]))], [pair(picture) for picture in pictures]))
    assert [other for _, other, _ in listed] == [4]
    assert listed[0][2] <= ALIKE


def test_distances_are_bits():
    """Of one copy none differ; the nearer of picture and mirror image counts."""
    rng = np.random.default_rng(2)
    one, other = (rng.random(BITS) < 0.5 for _ in range(2))
    changed = one.copy()
    changed[:7] ^= True
    assert list(near([(one, other)], [(changed, changed)])) == [(0, 0, 7)]
    assert list(near([(other, one)], [(changed, changed)])) == [(0, 0, 7)]
    assert list(near([(one, one)], [(~one, ~one)])) == []
    assert list(near([], [(one, one)])) == []


def test_one_colour_is_like_nothing():
    """Every such picture would be the copy of all others."""
    assert bits_of(np.full((40, 40), 128.0)) is None


def test_what_is_kept_is_not_read_again(project, tmp_path, monkeypatch):
    """And a changed file is; what is no picture is told."""
    preprocessing = project.data.preprocessing
    paths = sorted((project.folder / "images").iterdir())[:3]
    paths[2].write_bytes(b"none")
    read, faults = hashes(paths, preprocessing, Kept(tmp_path / "k", {}), tell)
    assert set(read) == set(paths[:2])
    assert len(faults) == 1
    assert str(paths[2]) in faults[0]

    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr("explain_gate.labels.hashing.decode", refuse)
    again, _ = hashes(paths, preprocessing, Kept(tmp_path / "k", {}), tell)
    assert all((again[path][0] == read[path][0]).all() for path in read)
    paths[0].write_bytes(paths[0].read_bytes() + b" ")
    with pytest.raises(AssertionError):
        hashes(paths, preprocessing, Kept(tmp_path / "k", {}), tell)
