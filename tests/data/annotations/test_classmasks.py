"""Masks whose values or colours are classes, with the map that names them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from drawings import FIXED, SIDE, regions
from PIL import Image

from explain_gate.data.regression_set import open_set
from explain_gate.errors import DataError


def class_mask(path, *, mode="RGB", void=False):
    """One mask: cat (index 1, red) in the fixed box, dog (index 2, dark blue) at the right, and some void."""
    values = FIXED.astype(np.uint8)
    values[:, 15:18] = 2
    if void:
        values[0] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode == "L":
        Image.fromarray(values).save(path)
        return
    image = Image.fromarray(values).convert("P") if mode == "P" else Image.fromarray(values)
    image = Image.fromarray(values, mode="P") if mode == "P" else image
    palette = [0] * 768
    palette[3:6], palette[6:9], palette[765:768] = (128, 0, 0), (0, 0, 1), (224, 224, 192)
    image = Image.fromarray(values)
    image.putpalette(palette)
    (image if mode == "P" else image.convert("RGB")).save(path)


MAPS = {
    "labelmap.txt": "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:128,0,0::\ndog:0,0,1::\n",
    "class_dict.csv": "name, r, g, b\ncat,128,0,0\ndog,0,0,1\nbackground,0,0,0\n",
    "classes.json": json.dumps({"cat": [128, 0, 0], "dog": [0, 0, 1]}),
}


@pytest.mark.parametrize("table", MAPS)
@pytest.mark.parametrize("mode", ["RGB", "P"])
def test_masks_of_class_colours_with_a_map(gate, tmp_path, images, table, mode):
    """CVAT's folder, CamVid's table, or classes.json; colours also where they are stored as a palette."""
    folder = tmp_path / "masks"
    class_mask((folder / "SegmentationClass" if table == "labelmap.txt" else folder) / "a.png", mode=mode)
    (folder / table).write_text(MAPS[table])
    data = open_set(gate("masks"))
    assert data.classes == {"cat": 0, "dog": 1}
    found = regions(data)
    assert np.array_equal(found["a.png#cat", "cat"].numpy(), FIXED)
    assert int(found["a.png#dog", "dog"].sum()) == 36


@pytest.mark.parametrize("mode", ["L", "P"])
def test_masks_of_class_values_with_a_map(gate, tmp_path, images, mode):
    """Indices, in gray or a palette; 255 belongs to no class and is ignored; another value is refused by name."""
    class_mask(tmp_path / "masks" / "a.png", mode=mode, void=True)
    (tmp_path / "masks" / "classes.json").write_text('{"cat": 1, "dog": 2}')
    data = open_set(gate("masks"))
    sample = data.sample(0)
    assert np.array_equal(sample.region.numpy(), FIXED)
    assert int(sample.ignored.sum()) == SIDE[1]
    assert "1 masks have pixels of no class, which count neither as inside nor outside (a.png)" in data.notes[0]
    (tmp_path / "masks" / "classes.json").write_text('{"cat": 1}')
    with pytest.raises(DataError, match=r"a\.png: has values that the map does not name: 2"):
        open_set(gate("masks"))


@pytest.mark.parametrize(
    ("table", "told"),
    [("{}", "must give each class"), ('{"a": "x"}', "must name a value or a colour"), ("[1]", "must name a value"),
     ('{"a": 1, "b": 1}', "another value"), ('{"a": 1, "b": [1, 2, 3]}', "another value")],
)  # fmt: skip
def test_a_faulty_map_is_refused(gate, tmp_path, images, table, told):
    """What it must hold."""
    class_mask(tmp_path / "masks" / "a.png")
    (tmp_path / "masks" / "classes.json").write_text(table)
    with pytest.raises(DataError, match=told):
        open_set(gate("masks"))


def test_masks_side_by_side_without_a_map_are_asked_about(gate, tmp_path, images):
    """What to write."""
    class_mask(tmp_path / "masks" / "a.png")
    with pytest.raises(DataError, match=r"no map of its values; write classes\.json"):
        open_set(gate("masks"))
