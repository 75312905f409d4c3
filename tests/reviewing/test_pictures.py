"""Pictures of a question come from the profile, by number, or there are none."""

import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from explain_gate.profile.profile import load_profile
from explain_gate.profile.writer import write_tables
from explain_gate.reviewing.pictures import Pictures

METHODS = ("grad_cam", "integrated_gradients")


def with_evidence(run, *names):
    """The run's profile with pictures of one image, listed under these names."""
    folder = run.profile.folder / "evidence"
    folder.mkdir()
    Image.new("RGB", (8, 8), "red").save(folder / "one.jpg")
    given = [{"file": name, "predicted": 2, "confidence": 0.93} for name in names]
    strip = {"row": 3, "check": "reliance.background_gap", "rank": "worst", "pictures": given}
    (folder / "evidence.json").write_text(json.dumps({"strips": [strip], "chosen": "the worst"}))
    return load_profile(write_tables(run.profile, run.profile.folder).folder)


def test_photograph_map_and_region(run):
    """All in the model's frame."""
    pictures = Pictures(run.profile, METHODS)
    assert Image.open(BytesIO(pictures.photo(3))).size == (32, 32)
    for method in range(2):
        shown = Image.open(BytesIO(pictures.layer(3, method)))
        assert (shown.format, shown.mode, shown.size) == ("WEBP", "RGBA", (32, 32))
    detail = pictures.detail(3)
    assert (detail["width"], detail["height"], detail["photo"], detail["exchanged"]) == (32, 32, True, [])
    assert detail["region"].startswith("M")


def test_what_is_not_there_is_none(make_run):
    """Withheld photographs, maps that are not finite, images without a region."""
    pictures = Pictures(make_run(pictures=False).profile, METHODS)
    assert pictures.photo(3) is None
    assert not pictures.detail(3)["photo"]
    assert pictures.layer(2, 0) is None
    assert pictures.detail(1)["region"] == ""


def test_a_changed_picture_is_not_shown(run):
    """It is not what the model was given."""
    path = run.profile.folder / "thumbnails" / "000003.jpg"
    Image.fromarray(np.zeros((32, 32, 3), dtype=np.uint8)).save(path)
    assert Pictures(load_profile(run.profile.folder), METHODS).photo(3) is None


def test_evidence_of_an_image_is_listed_with_its_rule(run):
    """And can be opened."""
    pictures = Pictures(with_evidence(run, "one.jpg"), METHODS)
    ((number, text),) = [(one["number"], one["text"]) for one in pictures.detail(3)["exchanged"]]
    assert (number, text.split(":")[0]) == (0, "reliance.background_gap, worst image")
    assert text.endswith("93 %")
    assert pictures.detail(4)["exchanged"] == []
    assert pictures.exchanged[0].path.name == "one.jpg"


@pytest.mark.parametrize("name", ["../manifest.json", "/etc/passwd", "..", "", "../../verdict.json", "other.jpg"])
def test_no_name_in_a_profile_leads_out_of_it(run, name):
    """A profile may come from elsewhere."""
    assert Pictures(with_evidence(run, name), METHODS).exchanged == ()


def test_damaged_evidence_is_left_out(run):
    """The rest of the question can be judged."""
    profile = with_evidence(run, "one.jpg")
    (profile.folder / "evidence" / "evidence.json").write_text("{")
    again = load_profile(write_tables(profile, profile.folder).folder)
    assert Pictures(again, METHODS).exchanged == ()
