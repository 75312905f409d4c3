"""Whatever stands in the files, reading them ends in samples or in one of the product's errors and its exit code."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from drawings import SIDE, coco, picture
from hypothesis import given
from hypothesis import strategies as st
from mangling import BOUNDED, DONE, JSON, MANGLED, NOTHING_PLANNED, UNUSABLE, end_of, mangle, read_all
from PIL import Image

from explain_gate.cli import main
from explain_gate.config import load_config
from explain_gate.data.annotations import coco as coco_reader
from explain_gate.data.annotations import voc as voc_reader
from explain_gate.data.images import load_annotated
from explain_gate.data.preprocessing import Preprocessing
from explain_gate.data.regions import Shape
from explain_gate.errors import ExplainGateError
from explain_gate.plan import plan, waivers_of

ROOT = Path(__file__).parents[2]
AS_IS = Preprocessing(resize=None, crop=None, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
RULES = re.sub(r"(?m)^ *#.*\n| +#.*$", "", (ROOT / "thresholds.yaml").read_text(encoding="utf-8"))
"""thresholds.yaml without its comments, where a change would change nothing."""


@BOUNDED
@given(changes=MANGLED)
def test_thresholds(tmp_path, changes):
    """A mangled thresholds.yaml plans rules or says what is wrong."""
    path = tmp_path / "thresholds.yaml"
    path.write_bytes(mangle(RULES, changes))

    def work() -> None:
        config = load_config(path)
        assert plan(config, ["one", "two"])
        waivers_of(config, "2026-11-26")

    assert end_of(work) in {DONE, UNUSABLE, NOTHING_PLANNED}


@BOUNDED
@given(changes=MANGLED)
def test_the_command_over_mangled_thresholds(tmp_path, changes):
    """`validate` ends in one message and exit 4 or 5, since the data is not there either; never in a crash."""
    path = tmp_path / "thresholds.yaml"
    path.write_bytes(mangle(RULES, changes))
    result = CliRunner().invoke(main, ["validate", "--config", str(path)])
    assert result.exit_code in {UNUSABLE, NOTHING_PLANNED}
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("ERROR: ")
    assert "Traceback" not in result.output


@BOUNDED
@given(content=st.binary(max_size=300))
def test_thresholds_of_any_bytes(tmp_path, content):
    """No bytes are a gate that passes."""
    path = tmp_path / "thresholds.yaml"
    path.write_bytes(content)
    with pytest.raises(ExplainGateError):
        load_config(path)


GOOD = coco(
    ["a.png"],
    [
        {"image_id": 1, "category_id": 0, "bbox": [2, 3, 6, 4], "annotator": "ann", "ignore": False},
        {"image_id": 1, "category_id": 0, "segmentation": [[2, 3, 8, 3, 8, 7]], "part": "head"},
        {"image_id": 1, "category_id": 0, "segmentation": {"size": list(SIDE), "counts": [100, 20, 120]}},
        {"image_id": 1, "category_id": 0, "segmentation": {"size": list(SIDE), "counts": "T31`3"}},
    ],
    ("cat",),
    height=SIDE[0],
    width=SIDE[1],
)


@BOUNDED
@given(changes=MANGLED)
def test_coco_text(gate, tmp_path, changes):
    """Mangled JSON text."""
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "a.json").write_bytes(mangle(GOOD, changes))
    assert end_of(lambda: read_all(gate, tmp_path, "a.json")) in {DONE, UNUSABLE}


@BOUNDED
@given(data=st.data())
def test_coco_values(gate, tmp_path, data):
    """Any JSON value in the place of any value of the file."""
    picture(tmp_path / "images" / "a.png")
    whole = json.loads(GOOD)
    node, key = whole, data.draw(st.sampled_from(sorted(whole)))
    while isinstance(node[key], (dict, list)) and node[key] and data.draw(st.integers(0, 5)):
        node = node[key]
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
    node[key] = data.draw(JSON)
    (tmp_path / "a.json").write_text(json.dumps(whole))
    assert end_of(lambda: read_all(gate, tmp_path, "a.json")) in {DONE, UNUSABLE}


@BOUNDED
@given(value=JSON)
def test_coco_of_any_json(tmp_path, value):
    """JSON that is something else is never read as annotations."""
    (tmp_path / "a.json").write_text(json.dumps(value))
    with pytest.raises(ExplainGateError):
        coco_reader.read(tmp_path / "a.json")


VOC = (
    '<?xml version="1.0"?><annotation><filename>a.png</filename><size><width>20</width><height>12</height></size>'
    "<object><name>cat</name><bndbox><xmin>3</xmin><ymin>4</ymin><xmax>8</xmax><ymax>7</ymax></bndbox>"
    "<part><name>head</name><bndbox><xmin>3</xmin><ymin>4</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></part>"
    "</object></annotation>"
)


@BOUNDED
@given(changes=MANGLED)
def test_voc_text(gate, tmp_path, changes):
    """Mangled XML text."""
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "voc").mkdir(exist_ok=True)
    (tmp_path / "voc" / "a.xml").write_bytes(mangle(VOC, changes))
    assert end_of(lambda: read_all(gate, tmp_path, "voc")) in {DONE, UNUSABLE}


@BOUNDED
@given(content=st.binary(max_size=200))
def test_voc_of_any_bytes(tmp_path, content):
    """Bytes that are no XML."""
    (tmp_path / "a.xml").write_bytes(content)
    with pytest.raises(ExplainGateError):
        voc_reader.read(tmp_path)


def whole(found) -> None:
    """An image in [0, 1] and a mask of its size."""
    assert found.pixels.shape[0] == 3
    assert 0 <= float(found.pixels.min()) <= float(found.pixels.max()) <= 1
    assert found.region.shape == found.pixels.shape[-2:]


def encoded(form: str) -> bytes:
    """A small picture in one file format."""
    stream = io.BytesIO()
    values = np.arange(SIDE[0] * SIDE[1], dtype=np.uint8).reshape(SIDE)
    Image.fromarray(values).save(stream, form)
    return stream.getvalue()


@BOUNDED
@given(
    form=st.sampled_from(["PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP"]),
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=6)), min_size=1, max_size=6),
    cut=st.floats(0.05, 1),
)
def test_pictures_and_masks(tmp_path, form, changes, cut):
    """Mangled image files as picture and as mask."""
    content = bytearray(encoded(form))
    for place, new in changes:
        start = int(place * len(content))
        content[start : start + len(new)] = new
    bad, good = tmp_path / "bad.png", picture(tmp_path / "good.png")
    bad.write_bytes(content[: int(cut * len(content)) + 1])
    assert end_of(lambda: whole(load_annotated(bad, (), None, AS_IS))) in {DONE, UNUSABLE}
    assert end_of(lambda: whole(load_annotated(good, (Shape(file=bad),), None, AS_IS))) in {DONE, UNUSABLE}


PIXELS = SIDE[0] * SIDE[1]
FITTING = st.lists(st.integers(0, PIXELS), max_size=5).map(lambda cuts: np.diff([0, *sorted(cuts), PIXELS]).tolist())


@BOUNDED
@given(counts=st.text(max_size=12) | st.lists(st.integers(-5, 2**50), max_size=6) | FITTING, size=JSON)
def test_run_lengths(tmp_path, counts, size):
    """Any counts: nothing is written beyond the mask, nothing crashes."""
    good = picture(tmp_path / "good.png")
    for stated in (size, list(SIDE)):
        shape = Shape(rle={"size": stated, "counts": counts})
        ended = end_of(lambda shape=shape: whole(load_annotated(good, (shape,), None, AS_IS)))
        assert ended in {DONE, UNUSABLE}
