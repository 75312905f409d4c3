"""The set that is measured: which images of each class, and what its digest depends on."""

from __future__ import annotations

from drawings import coco, picture

from explain_gate.data.annotations.read import read_entries
from explain_gate.data.regression_set import digest_of_set, open_set

BOX = {"image_id": 1, "category_id": 0, "bbox": [2, 3, 6, 4]}


def write(tmp_path, names, categories=("cat",)):
    annotations = [{**BOX, "image_id": number} for number in range(1, len(names) + 1)]
    (tmp_path / "a.json").write_text(coco(names, annotations, categories))


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
    digests = {digest_of_set(open_set(gate("a.json")))}
    digests.add(digest_of_set(open_set(gate("a.json", preprocessing={"resize": 8}))))
    (tmp_path / "a.json").write_text(coco(["a.png"], [{**BOX, "bbox": [2, 3, 6, 5]}], ("cat",)))
    digests.add(digest_of_set(open_set(gate("a.json"))))
    picture(tmp_path / "images" / "a.png", mode="L")
    digests.add(digest_of_set(open_set(gate("a.json"))))
    assert len(digests) == 4
