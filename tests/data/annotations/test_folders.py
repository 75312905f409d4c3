"""A class a folder, where annotations name only the images."""

from __future__ import annotations

from drawings import picture

from explain_gate.data.regression_set import open_set


def test_the_folder_is_the_class_where_annotations_name_the_images(gate, tmp_path):
    """As torchvision's ImageFolder: classes in alphabetical order, no region, and that is told."""
    for name in ("dog/a.png", "cat/a.png", "cat/deep/b.jpg"):
        picture(tmp_path / "images" / name)
    data = open_set(gate("images"))
    assert data.classes == {"cat": 0, "dog": 1}
    assert [entry.image for entry in data.entries] == ["cat/a.png", "cat/deep/b.jpg", "dog/a.png"]
    assert data.sample(0).region_reason == "no region is drawn on this image"
    assert "no region is drawn on any of 3" in data.notes[0]
