"""The pictures of what a model did: which images, which pictures, what it said, and that nothing is asked twice."""

import json

import numpy as np
from PIL import Image

from explain_gate.measuring.evidence import CHOSEN, chosen
from explain_gate.measuring.table import Table
from explain_gate.records import Rule


def _table(values, yes=None, *, check="reliance.background_gap", decide="value"):
    rule = Rule(check=check, method=None, class_name=None, better="lower", at_most=0.1, decide=decide)
    table = Table(check, None, rule, lambda batch: batch, list(values))
    table.values.update(values)
    if yes is not None:
        table.notes["evidence"] = {row: [(number, None)] for row, number in yes.items()}
    return table


def test_the_five_worst_the_median_and_the_best_are_shown():
    """Lower is better: the highest values come first."""
    table = _table({row: row / 10 for row in range(9)})
    assert chosen(table, str) == [*(("worst", row) for row in (8, 7, 6, 5, 4)), ("best", 0)]
    table = _table({row: row / 20 for row in range(20)})
    assert chosen(table, str)[5:] == [("median", 9), ("best", 0)]


def test_images_that_say_yes_come_first():
    """Where images are counted, the answer decides before the value does."""
    table = _table({0: 0.9, 1: 0.2, 2: 0.1}, {0: 0.0, 1: 1.0, 2: 0.0}, decide="evidence")
    assert chosen(table, str)[0] == ("worst", 1)


def test_higher_is_better_turns_the_order():
    """As the metric's card says."""
    table = _table({0: 0.9, 1: 0.2}, check="reliance.object_only")
    assert chosen(table, str)[0] == ("worst", 1)


def test_a_run_keeps_what_the_model_was_given_and_said(tmp_path, write_project, measured):
    """The cheat looks at the corner: on other classes' backgrounds it says the other class."""
    write_project(tmp_path / "project", corner=True)
    cache = {"cache_dir": str(tmp_path / "cache")}
    folder = measured(**cache).profile.folder
    document = json.loads((folder / "evidence" / "evidence.json").read_text(encoding="utf-8"))
    assert document["chosen"] == CHOSEN
    strips = [strip for strip in document["strips"] if strip["check"] == "reliance.background_gap"]
    worst = strips[0]
    assert (worst["rank"], worst["value"]) == ("worst", max(strip["value"] for strip in strips))
    original, turned = worst["original"], worst["pictures"][0]
    assert turned["predicted"] != original["predicted"]
    assert 0.5 < turned["confidence"] <= 1
    with Image.open(folder / "evidence" / turned["file"]) as picture:
        pixels = np.asarray(picture).astype(int)
    # The exchanged background carries the donor's corner, which is of the other class's colour.
    corner = pixels[1:5, 1:5].mean(axis=(0, 1))
    assert (corner[0] > corner[1]) == (turned["predicted"] == 0)


def test_a_second_run_shows_the_same_and_asks_nothing(tmp_path, write_project, measured):
    """Pictures are remembered with the values that they belong to."""
    write_project(tmp_path / "project", corner=True)
    cache = {"cache_dir": str(tmp_path / "cache")}
    first = measured(**cache).profile
    kept = {path.name: path.read_bytes() for path in (first.folder / "evidence").iterdir()}
    second = measured(output=str(tmp_path / "second"), **cache).profile
    assert second.manifest["passes"] == {"forward": 0, "backward": 0}
    assert kept == {path.name: path.read_bytes() for path in (second.folder / "evidence").iterdir()}
