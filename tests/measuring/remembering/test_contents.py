"""What is kept of an image comes back as it was."""

from __future__ import annotations

import numpy as np

from explain_gate.measuring.remembering.contents import (
    Picture,
    map_from_bytes,
    map_to_bytes,
    picture_from_bytes,
    picture_to_bytes,
)


def test_a_picture_comes_back_as_it_was():
    """With a region and without one."""
    for region in (b"\x01\n\x02", b""):
        picture = Picture(size=(2, 3), area=None, reason="lost", region=region, jpeg=b"\n\xff", looks={"stored": 1.0})
        assert picture_from_bytes(picture_to_bytes(picture)) == picture


def test_a_map_comes_back_with_its_details():
    """One of another size is none of this set's."""
    map_ = np.arange(6, dtype=np.float16).reshape(2, 3)
    content = map_to_bytes(map_, {"steps": 3.0})
    again, details = map_from_bytes(content, (2, 3))
    assert np.array_equal(again, map_)
    assert details == {"steps": 3.0}
    assert map_from_bytes(content, (3, 3)) is None
