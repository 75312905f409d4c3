"""What a reader is told of removed pixels, and the page that opens from disk."""

import dataclasses

import pytest
from browsers import browser
from roar_projects import write_leaning

from explain_gate.config import load_config
from explain_gate.measuring.job import Compute, open_job
from explain_gate.measuring.progress import Silent
from explain_gate.studies.answered import Cost
from explain_gate.studies.ranking import Pair, Standing
from explain_gate.studies.retraining import RANDOM
from explain_gate.studies.roar import Curve, Price, RoarRecord, study_roar
from explain_gate.studies.roar_page import render_roar, told_price, told_roar
from explain_gate.studies.roar_plan import Asked

__all__ = ["browser"]


def record(ranks, ties=(), **more):
    """Methods by rank, best first, and which pairs tie."""
    names = list(ranks)
    pairs = tuple(
        Pair(better=a, worse=b, difference=0.1, interval=(0.0, 0.2), p=0.01, tie=(a, b) in ties)
        for at, a in enumerate(names)
        for b in names[at + 1 :]
    )
    facts = {
        "model": "m", "model_digest": "ab" * 32, "train": "shop:train", "fill": "mean", "shares": (0.0, 0.5),
        "seeds": (0, 1, 2), "seed": 0, "fitted": 40, "held_out": 30, "whole": 0.9, "whole_interval": (0.8, 0.95),
        "commonest": 0.5, "answered": True, "without_map": {"a": 0, "b<i>": 2}, "pairs": pairs,
        "standings": tuple(Standing(method=n, mean=0.2, interval=(0.1, 0.3), rank=r) for n, r in ranks.items()),
        "curves": tuple(Curve(method=n, right=(0.9, 0.6), intervals=((0.8, 0.95), (0.5, 0.7))) for n in names),
    }  # fmt: skip
    return RoarRecord(**{**facts, **more})


def test_the_best_one_is_named_first_and_the_useless_are_named():
    """With its area, and what is worse than random pixels."""
    lines = told_roar(record({"a": 1, RANDOM: 2, "b<i>": 3}))
    assert lines[0].startswith("a takes away most of what a class can be learned from: 0.20 (0.10 to 0.30) more right")
    assert lines[1].startswith("Worse than random pixels")
    assert lines[1].endswith(": b<i>.")
    assert lines[-1] == "b<i>: 2 pictures without a map, whose pixels went at random."


def test_ties_are_said():
    """Of the best, and with random pixels."""
    ranks = {"a": 1, "c": 1, "b<i>": 3, RANDOM: 3}
    lines = told_roar(record(ranks, ties={("a", "c"), ("b<i>", RANDOM)}))
    assert lines[0] == "a, c tie as those that take away most of what a class can be learned from."
    assert lines[1] == "Not told from random pixels: b<i>."


def test_a_method_that_ties_with_random_pixels_is_not_praised():
    """Whatever its mean."""
    lines = told_roar(record({"a": 1, RANDOM: 1}, ties={("a", RANDOM)}))
    assert lines[0].startswith("No method takes away more of what a class can be learned from than random pixels do")


def test_one_that_is_better_than_random_pixels_is_told_although_others_tie_with_both(tmp_path):
    """A tie is of two, and carries nothing over to a third."""
    ranks = {"a": 1, "b<i>": 1, RANDOM: 2}
    lines = told_roar(record(ranks, ties={("a", "b<i>"), ("b<i>", RANDOM)}))
    assert lines[0].startswith("a takes away most of what a class can be learned from: 0.20")
    assert lines[1] == "Not told from random pixels: b<i>."


def test_what_was_never_learned_cannot_be_lost():
    """Nothing is ranked, in words and in the tables."""
    made = record({"a": 1, RANDOM: 2}, answered=False, whole=0.5, whole_interval=(0.4, 0.6))
    (line,) = told_roar(made)
    assert line.startswith("No method is ranked: retrained on whole pictures, models are right about 0.50 (0.40 to")
    assert "<td>better</td>" not in render_roar(made)


def test_the_price_is_told_in_passes_and_time():
    """Retrains at the pace of the first, on so many workers."""
    price = Price(maps=Cost(forward=1200, backward=900, seconds=60.0), retrains=70, known=6, fitted=40,
                  seconds_each=120.0, workers=2, first=0.93)  # fmt: skip
    first, rest = told_price(price)
    assert first.endswith("on 40 whole pictures is right about 0.93 of the held-out ones; it took 2.0 min.")
    assert rest.startswith("To do: 70 retrains (6 retrains from before), and maps in about 1,200 forward and 900")
    assert "about 1.2 h on 2 workers" in rest


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_opens_from_disk(tmp_path, browser, width):
    """Curves and tables, nothing loaded, nothing refused by its policy, nothing beyond the side of a phone."""
    job = open_job(load_config(write_leaning(tmp_path / "p")), None, Compute(device="cpu"))
    asked = Asked(train="leaning:train", shares=(0.1, 0.9), seeds=3)
    made = study_roar(job, tmp_path / "out", asked, workers=1, progress=Silent(), agree=lambda _: None)
    file = tmp_path / "index.html"
    file.write_text(render_roar(dataclasses.replace(made, model="a<b")), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 900})
    told = []
    page.on("console", lambda message: told.append(message.text))
    page.goto(file.as_uri())
    assert page.locator("svg path.fall:not(.span)").count() == 2 * len(made.curves)
    assert page.locator("tbody tr").count() == 2 * 4 + 6
    assert page.locator("h1").inner_text() == "a<b: which pixels a class can be learned from"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert told == []
    page.close()
