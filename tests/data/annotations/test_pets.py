"""Oxford-IIIT Pets as torchvision unpacks it."""

from __future__ import annotations

import numpy as np
import pytest
from drawings import SIDE, picture
from PIL import Image

from explain_gate.data.regression_set import open_set
from explain_gate.errors import DataError


@pytest.fixture
def pets(tmp_path):
    """oxford-iiit-pet with three photographs; trimap 1 is the animal, 2 the background, 3 the border."""
    root = tmp_path / "oxford-iiit-pet"
    (root / "annotations" / "trimaps").mkdir(parents=True)
    trimap = np.full(SIDE, 2, dtype=np.uint8)
    trimap[2:8, 3:12] = 3
    trimap[3:7, 4:11] = 1
    names = ["Maine_Coon_1", "Abyssinian_2", "Maine_Coon_10"]
    for name in names:
        picture(root / "images" / f"{name}.jpg")
        Image.fromarray(trimap).save(root / "annotations" / "trimaps" / f"{name}.png")
    numbers = {"Maine_Coon": 2, "Abyssinian": 1}
    lines = [f"{name} {numbers[name.rpartition('_')[0]]} 1 1" for name in names]
    (root / "annotations" / "list.txt").write_text("# Image CLASS-ID SPECIES BREED ID\n" + "\n".join(lines) + "\n")
    (root / "annotations" / "test.txt").write_text("\n".join(lines[:2]) + "\n")
    return root


def test_oxford_pets_ignores_the_border(gate, pets):
    """The animal is the region and the trimap's border counts neither way; classes come in the order of their ids."""
    data = open_set(gate(str(pets / "annotations"), images=str(pets / "images")))
    assert data.classes == {"Abyssinian": 0, "Maine_Coon": 1}
    assert [entry.label for entry in data.entries] == [0, 1, 1]
    sample = data.sample(0)
    assert int(sample.region.sum()) == 28
    assert int(sample.ignored.sum()) == 54 - 28
    assert len(open_set(gate(str(pets / "annotations/test.txt"), images=str(pets / "images")))) == 2


def test_a_faulty_list_of_pets_names_its_lines(gate, pets):
    """Lines without a class, paths and missing trimaps."""
    (pets / "annotations" / "test.txt").write_text("Abyssinian_2\n../x_1 1 1 1\nMaine_Coon_99 2 1 1\n")
    with pytest.raises(DataError, match=r"3 faulty lines:\nline 1: (.|\n)*line 2: (.|\n)*line 3: no trimap"):
        open_set(gate(str(pets / "annotations/test.txt"), images=str(pets / "images")))
