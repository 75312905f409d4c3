"""Facts of files: what was stored is told under its property."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from explain_gate.data.file_facts import file_facts

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8))


def test_a_coarser_jpeg_has_other_tables(tmp_path) -> None:
    """Quality shows in the quantisation tables and in bytes per pixel; sizes are alike."""
    facts = []
    for quality in (60, 95):
        PICTURE.save(tmp_path / f"{quality}.jpg", quality=quality)
        facts.append(file_facts(tmp_path / f"{quality}.jpg"))
    coarse, fine = (one["the file's compression"] for one in facts)
    assert coarse["table 0"] > fine["table 0"]
    assert coarse["density"] < fine["density"]
    assert facts[0]["the file's size in pixels"] == facts[1]["the file's size in pixels"]
    assert facts[0]["the file's size in pixels"]["shape"] == "32 x 24"


def test_the_camera_is_told(tmp_path) -> None:
    """EXIF's model, and that there is any."""
    exif = Image.Exif()
    exif[272] = "Pocket 5"
    PICTURE.save(tmp_path / "a.jpg", exif=exif)
    PICTURE.save(tmp_path / "b.png")
    assert file_facts(tmp_path / "a.jpg")["the file's metadata"]["model"] == "Pocket 5"
    assert file_facts(tmp_path / "b.png")["the file's metadata"]["exif"] == "False"
    assert file_facts(tmp_path / "b.png")["the file's format"]["format"] == "PNG"


def test_what_no_reader_opens_has_its_size(tmp_path) -> None:
    """Arrays and damaged files say how large they are; one that is not there is an error."""
    np.save(tmp_path / "a.npy", np.zeros((4, 4)))
    assert set(file_facts(tmp_path / "a.npy")) == {"the file's format", "the file's size on disk"}
    with pytest.raises(OSError, match="missing"):
        file_facts(tmp_path / "missing.png")
