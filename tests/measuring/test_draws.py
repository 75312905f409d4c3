"""Nothing depends on positions in a list: a set in another order, with one image more or less, measured anew or not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

RULES = """\
  grad_cam: {{layer: window}}
  gradient: {{}}
checks:
  performance:
    balanced_accuracy: {{at_least: 0.5}}
  alignment:
    iou: {{at_least: 0.1, sample: 8}}
  randomization:
    excess_correlation: {{at_most: 1.0, parameters: {{pairs: 20}}}}
  reliance:
    background_gap: {{at_most: 1, parameters: {{donors: 2}}}}
    background_only: {{at_most: 1, parameters: {{donors: 2}}}}
    transplant_follow: {{at_most: 1}}
    transplant_follow/inside: {{at_most: 1, parameters: {{place: inside}}}}
"""


@pytest.fixture
def project(tmp_path: Path, write_project: Callable[..., Path]) -> Path:
    """The tiny project, twelve images of each class, with every metric that looks beyond its own image."""
    import projects

    text = projects.THRESHOLDS
    return write_project(tmp_path / "project", per_class=12, thresholds=text[: text.index("  grad_cam")] + RULES)


def annotations(project: Path, change: Callable[[dict[str, Any]], object] | None = None) -> dict[str, Any]:
    """The COCO file, changed where asked."""
    file = project.parent / "annotations.coco.json"
    content = json.loads(file.read_text())
    if change is not None:
        change(content)
        file.write_text(json.dumps(content))
    return content


def shuffle(project: Path) -> None:
    """Every file gets a name that sorts elsewhere, as another export would list them; `plain` takes it off again."""

    def change(content: dict[str, Any]) -> None:
        order = np.random.default_rng(5).permutation(len(content["images"])).tolist()
        for place, image in zip(order, content["images"], strict=True):
            old = project.parent / "images" / image["file_name"]
            image["file_name"] = f"{place:02d}-{old.name}"
            old.rename(old.with_name(image["file_name"]))

    annotations(project, change)


def plain(name: str) -> str:
    """An image's name before it was shuffled."""
    return name.rpartition("-")[2]


def add_image(project: Path) -> None:
    """One more image of class red: another one with its last rows gray."""
    pixels = np.array(Image.open(project.parent / "images" / "red_00.png"))
    pixels[-2:] = 120
    Image.fromarray(pixels).save(project.parent / "images" / "red_new.png")

    def change(content: dict[str, Any]) -> None:
        box = next(item["bbox"] for item in content["annotations"] if item["image_id"] == 0)
        content["images"].insert(0, {"id": 99, "file_name": "red_new.png", "height": 32, "width": 32})
        content["annotations"].insert(0, {"id": 99, "image_id": 99, "category_id": 0, "bbox": box})

    annotations(project, change)


def scores(session: Any) -> dict[tuple[str, str, str | None], float | None]:
    """Every value by what it belongs to."""
    return {(plain(one.image), one.check, one.method): one.value for one in session.profile.scores()}


def cues(session: Any) -> dict[str, Any]:
    """What the report is told of cues."""
    found: dict[str, Any] = json.loads((session.work / "profile" / "cues" / "cues.json").read_text())
    for one in found["cues"]:
        one |= {"source_image": plain(one["source_image"]), "target_image": plain(one["target_image"])}
    return found


def read_and_written(session: Any) -> tuple[int, int]:
    """How much the cache gave, and how much it got."""
    cache = session.profile.manifest["cache"]
    return cache["read"], cache["written"]


def test_the_order_of_the_set_changes_no_score(project: Path, measured: Callable[..., Any]) -> None:
    """Samples, donors, pairs, panels and cues are the same images whatever list they come from, and so are findings."""
    first = measured(cache=False)
    shuffle(project)
    second = measured(cache=False)
    listed = [[plain(image.image) for image in session.profile.images] for session in (first, second)]
    assert listed[0] != listed[1]
    assert scores(first) == pytest.approx(scores(second), nan_ok=True, abs=1e-6)
    assert cues(first) == cues(second)
    for key, finding in first.findings.items():
        other = second.findings[key]
        assert (finding.status, finding.images) == (other.status, other.images)
        assert finding.value == pytest.approx(other.value, abs=1e-9)
        assert finding.interval == pytest.approx(other.interval, abs=1e-9)


def test_an_added_image_changes_only_what_it_lends(project: Path, measured: Callable[..., Any]) -> None:
    """Most images keep their donors, and with them their score; the result is that of a run without a cache."""
    before = measured()
    add_image(project)
    after = measured()
    assert scores(after) == scores(measured(cache=False))
    measured_anew = read_and_written(after)[1]
    assert 0 < measured_anew < 0.75 * read_and_written(before)[1]
    drawn = [image for image, check, _ in scores(after) if check == "alignment.iou"]
    kept = [image for image, check, _ in scores(before) if check == "alignment.iou"]
    assert len(set(kept) - set(drawn)) <= 1


def test_a_removed_image_changes_only_what_it_lent(project: Path, measured: Callable[..., Any]) -> None:
    """With the added image gone again nothing is measured: every score of before holds."""
    original = annotations(project)
    before = measured()
    add_image(project)
    measured()
    annotations(project, lambda content: content.update(original))
    again = measured()
    assert scores(again) == scores(before)


def test_a_second_run_takes_cues_from_the_cache(project: Path, measured: Callable[..., Any]) -> None:
    """The search is not done again: the same facts and pictures are there, and the model is hardly asked."""
    first, second = measured(), measured()
    assert cues(first) == cues(second)
    assert {one["place"] for one in cues(second)["cues"]} == {"outside", "inside"}
    folder = first.work / "profile" / "cues"
    pictures = sorted(file.name for file in folder.glob("*.png"))
    assert len(pictures) == 4 * len(cues(first)["cues"])
    for name in pictures:
        assert (folder / name).read_bytes() == (second.work / "profile" / "cues" / name).read_bytes()
    # What is asked of a known model, whether its answers are still the same, takes a handful of images.
    assert 20 * second.profile.manifest["passes"]["forward"] < first.profile.manifest["passes"]["forward"]
    assert read_and_written(second)[1] == 0


def test_a_renamed_image_is_called_by_its_new_name(project: Path, measured: Callable[..., Any]) -> None:
    """Facts that come from the cache name the files as they are called today."""
    measured()
    shuffle(project)
    session = measured()
    assert read_and_written(session)[1] == 0
    listed = json.loads((session.work / "profile" / "cues" / "cues.json").read_text())["cues"]
    today = {image.image for image in session.profile.images}
    assert {one[name] for one in listed for name in ("source_image", "target_image")} <= today


def test_a_copy_of_an_image_lends_it_nothing(project: Path) -> None:
    """A file under two names is no donor for itself: its own background would say what the object said."""
    from explain_gate.config import load_config
    from explain_gate.data.regression_set import open_set
    from explain_gate.measuring.asking.backgrounds import Backgrounds

    pictures = project.parent / "images"
    (pictures / "red_02.png").write_bytes((pictures / "red_00.png").read_bytes())
    data = open_set(load_config(project))
    backgrounds = Backgrounds(data, project.parent, seed=0, size=(32, 32))
    row = next(row for row, entry in enumerate(data.entries) if entry.image == "red_00.png")
    lent = {data.entries[donor].image for donor, _ in backgrounds.tried(row, same_class=True, count=30)}
    assert len(lent) == 10
    assert not {"red_00.png", "red_02.png"} & lent


def test_a_sample_by_class_is_so_many_of_each(project: Path, measured: Callable[..., Any]) -> None:
    """Three of each class where the rule has a row a class; three in all where it has one row."""
    text = project.read_text(encoding="utf-8")
    for rule, counts in (("sample: 3, per_class: true", {3}), ("sample: 3", {1, 2})):
        project.write_text(text.replace("iou: {at_least: 0.1, sample: 8}", f"iou: {{at_least: 0.1, {rule}}}"))
        profile = measured(cache=False).profile
        drawn = [profile.images[row].class_name for row in profile.measurement("alignment.iou", "grad_cam").rows]
        assert {drawn.count(name) for name in set(drawn)} == counts
