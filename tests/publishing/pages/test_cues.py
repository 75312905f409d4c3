"""The cues that the search found, on the page."""

import json

from PIL import Image

from explain_gate.profile.writer import write_tables
from explain_gate.publishing.publish import publish


def test_cues_are_shown_strongest_first(run, page_of):
    """The place, the image before and after, and the sentence; a damaged entry is left out."""
    folder = run.profile.folder / "cues"
    folder.mkdir()
    for name in ("s", "b", "a"):
        Image.new("RGB", (32, 32)).save(folder / f"{name}.png")
    entry = {
        "class_name": "Bengal", "sentence": "the upper left corner turns 62 % of other images into <b>Bengal</b>",
        "share": 0.62, "images": 9, "place": "outside", "box": [0, 0, 8, 8], "source_image": "a/b.jpg",
        "target_image": "c.jpg", "files": {"source": "s.png", "before": "../cues/b.png", "after": "a.png"},
    }  # fmt: skip
    weak = {**entry, "class_name": "Sphynx", "share": 0.02, "place": "inside"}
    torn = {**entry, "files": {"source": "nowhere.png"}}
    (folder / "cues.json").write_text(json.dumps({"schema_version": 1, "cues": [weak, torn, entry, "x"]}))
    publish(run.verdict, write_tables(run.profile, run.profile.folder), run.folder)
    page = page_of(run.folder)
    assert "The upper left corner turns 62 % of other images into <b>Bengal</b>" in page.text
    assert "Sphynx (on the object, 2 %)" in page.text
    assert len([a for a in page.all("img") if "assets/cues" in a["src"]]) == 3
