"""What is told of a cue: cues drawn at known places in known colours are told as they were drawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from explain_gate.data.annotations.entries import Entry
from explain_gate.data.images import Preprocessing
from explain_gate.data.regions import Shape
from explain_gate.data.regression_set import RegressionSet
from explain_gate.measuring.asking.cue_facts import colour_of, describe, place_words
from explain_gate.measuring.asking.cues import CueSearch
from explain_gate.metrics.patches import Place, Window, windows
from explain_gate.publishing.pages.cues import build_cues
from explain_gate.publishing.pictures.kept import Kept
from explain_gate.records import Profile
from explain_gate.tasks.classification import Classification

SIDE = 48
MARK = 10
OBJECT = 16
COLOURS = {
    "red": (220, 30, 40),
    "orange": (240, 140, 20),
    "brown": (130, 75, 25),
    "yellow": (230, 220, 30),
    "green": (30, 180, 60),
    "cyan": (20, 210, 220),
    "blue": (40, 70, 220),
    "purple": (130, 40, 200),
    "pink": (240, 60, 190),
    "white": (250, 250, 250),
    "black": (5, 5, 5),
}
PLACES = {
    "in the upper left corner": (1, 1, "red"),
    "in the upper right corner": (1, 37, "green"),
    "in the lower left corner": (37, 1, "blue"),
    "in the lower right corner": (37, 37, "yellow"),
    "at the upper edge, left of the middle": (1, 13, "purple"),
    "at the lower edge, left of the middle": (37, 13, "cyan"),
    "at the left edge, above the middle": (13, 1, "white"),
    "at the right edge, above the middle": (13, 37, "black"),
    "in the middle of the frame": (19, 19, "orange"),
}
Picture = NDArray[np.uint8]


def open_drawn(
    folder: Path, mark: Callable[[Picture, NDArray[np.bool_]], object], corner: tuple[int, int]
) -> RegressionSet:
    """Twelve pictures of class marked and twelve of class plain: gray noise, a darker object at a corner, the mark."""
    rng = np.random.default_rng(0)
    entries = []
    for number in range(24):
        pixels = np.repeat(rng.integers(118, 138, (SIDE, SIDE, 1)), 3, axis=2).astype(np.uint8)
        top, left = (int(place + rng.integers(0, 3)) for place in corner)
        inside = np.zeros((SIDE, SIDE), dtype=bool)
        inside[top : top + OBJECT, left : left + OBJECT] = True
        pixels[inside] -= 40
        if number % 2 == 0:
            mark(pixels, inside)
        path = folder / f"{('marked', 'plain')[number % 2]}_{number:02d}.png"
        Image.fromarray(pixels).save(path)
        entries.append(
            Entry(
                image=path.name,
                path=path,
                label=number % 2,
                class_name=("marked", "plain")[number % 2],
                accepted=(number % 2,),
                shapes=(Shape(box=(left, top, left + OBJECT, top + OBJECT)),),
                size=(SIDE, SIDE),
            )
        )
    return RegressionSet(entries, {"marked": 0, "plain": 1}, PLAIN)


PLAIN = Preprocessing(resize=None, crop=None, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


def like(pixels: Tensor, colour: tuple[int, ...]) -> Tensor:
    """How much of every pixel has a colour, (N, H, W): 1 at the colour, 0 from a fifth of the range on."""
    wanted = (torch.tensor(colour) / 255 - 0.5) / 0.5
    return (1 - (pixels - wanted[:, None, None]).abs().amax(dim=1) / 0.4).clamp_min(0)


def scores(amount: Tensor) -> Tensor:
    """Logits of a model that says marked where there is enough of something."""
    return torch.stack([12 * amount - 5, torch.zeros_like(amount)], dim=1)


def told(folder: Path, data: RegressionSet, predict: Callable[[Tensor], Tensor], where: Place) -> dict[str, Any]:
    """What the files of a search say of class marked."""
    search = CueSearch(data, lambda pixels, _: predict(pixels), task=Classification(), seed=0, folder=folder / "cues")
    for row, entry in enumerate(data.entries):
        if entry.label == 1:
            for exchange in search.exchanges(row, where, [0]):
                assert exchange.changed is not None
                turned = predict(exchange.changed[None]).argmax().item() == 0
                search.remember(row, 0, where, float(turned))
    search.close()
    (found,) = json.loads((folder / "cues" / "cues.json").read_text())["cues"]
    assert found["source_image"].startswith("marked")
    assert found["target_image"].startswith("plain")
    return dict(found)


@pytest.mark.parametrize("place", PLACES)
def test_a_mark_is_told_by_its_place_and_colour(tmp_path: Path, place: str) -> None:
    """Corners, edges and the middle: the words, the colour and the box are those of the mark, and so is the report."""
    top, left, name = PLACES[place]
    spot = (slice(top, top + MARK), slice(left, left + MARK))

    def mark(pixels: Picture, inside: NDArray[np.bool_]) -> None:
        pixels[spot] = np.where(inside[spot][..., None], pixels[spot], COLOURS[name])

    corner = (30, 30) if top < 20 and left < 20 else (1, 1)
    data = open_drawn(tmp_path, mark, corner)
    found = told(
        tmp_path, data, lambda pixels: scores(like(pixels, COLOURS[name])[:, *spot].mean(dim=(1, 2))), "outside"
    )
    article = "an" if name[0] in "aeiou" else "a"
    assert found["sentence"] == f"{article} {name} patch {place} turns 100 % of other images into marked"
    x0, y0, x1, y1 = found["box"]
    covered = max(0, min(x1, left + MARK) - max(x0, left)) * max(0, min(y1, top + MARK) - max(y0, top))
    assert covered > 0.4 * MARK**2
    source = np.array(Image.open(tmp_path / found["source_image"]))
    assert np.array_equal(source, np.array(Image.open(tmp_path / "cues" / found["files"]["source"])))
    assert np.array_equal(source[y0:y1, x0:x1], np.array(Image.open(tmp_path / "cues" / found["files"]["patch"])))
    target = np.array(Image.open(tmp_path / found["target_image"]))
    assert np.array_equal(target, np.array(Image.open(tmp_path / "cues" / found["files"]["before"])))
    profile = Profile(manifest={}, images=(), measurements=(), folder=tmp_path)
    (view,) = build_cues(Kept(profile), tmp_path / "page")
    assert view.sentence == found["sentence"][0].upper() + found["sentence"][1:]
    assert view.box == (x0, y0, x1 - x0, y1 - y0)
    assert (view.source_image, view.inside) == (found["source_image"], False)


def test_a_colour_of_the_whole_background_has_no_place(tmp_path: Path) -> None:
    """Ground that has one colour everywhere is told as the background's colour, not as some corner of it."""

    def mark(pixels: Picture, inside: NDArray[np.bool_]) -> None:
        pixels[~inside] = pixels[~inside] // 8 + np.array([20, 130, 30], dtype=np.uint8)

    data = open_drawn(tmp_path, mark, (16, 16))
    found = told(tmp_path, data, lambda pixels: scores(like(pixels, (36, 146, 46)).mean(dim=(1, 2))), "outside")
    assert found["sentence"] == "the green of the background turns 100 % of other images into marked"


def test_a_model_that_takes_any_bit_of_a_wide_colour_names_no_place(tmp_path: Path) -> None:
    """Where one patch is enough and the ground is the same everywhere, none is named."""

    def mark(pixels: Picture, inside: NDArray[np.bool_]) -> None:
        pixels[~inside] = COLOURS["blue"]

    data = open_drawn(tmp_path, mark, (16, 16))

    def any_bit(pixels: Tensor) -> Tensor:
        return scores((like(pixels, COLOURS["blue"]).sum(dim=(1, 2)) / 50).clamp_max(1))

    found = told(tmp_path, data, any_bit, "outside")
    assert found["sentence"] == "a blue patch of the background turns 100 % of other images into marked"


def test_a_pattern_is_told_as_repeated(tmp_path: Path) -> None:
    """A fine pattern over the whole background, of no colour of its own, is a patch that is repeated."""

    def mark(pixels: Picture, inside: NDArray[np.bool_]) -> None:
        stripes = np.where(np.arange(SIDE) % 4 < 2, 40, 216).astype(np.uint8)
        pixels[~inside] = np.broadcast_to(stripes[None, :, None], pixels.shape)[~inside]

    data = open_drawn(tmp_path, mark, (16, 16))

    def ripple(pixels: Tensor) -> Tensor:
        return scores((pixels.diff(dim=3).abs().mean(dim=(1, 2, 3)) / 0.5).clamp_max(1))

    found = told(tmp_path, data, ripple, "outside")
    assert found["form"] == "tiled"
    assert found["sentence"].startswith("a patch of the background, repeated all over it, turns ")


def test_a_part_of_the_object_is_told_as_such(tmp_path: Path) -> None:
    """A band on the object is a patch of the object, in its colour."""

    def band(pixels: Picture, inside: NDArray[np.bool_]) -> None:
        rows = np.flatnonzero(inside.any(axis=1))
        stripe = inside.copy()
        stripe[: rows[0] + 6] = stripe[rows[0] + 10 :] = False
        pixels[stripe] = COLOURS["red"]

    data = open_drawn(tmp_path, band, (14, 14))

    def few(pixels: Tensor) -> Tensor:
        return scores((like(pixels, COLOURS["red"]).sum(dim=(1, 2)) / 30).clamp_max(1))

    found = told(tmp_path, data, few, "inside")
    assert found["sentence"].startswith("a red patch of the object turns ")


def test_an_object_that_is_its_colour_has_no_cue(tmp_path: Path) -> None:
    """What objects are all over is no patch on them: a fourteenth of one makes no other object of the kind."""

    def whole(pixels: Picture, inside: NDArray[np.bool_]) -> None:
        pixels[inside] = pixels[inside] // 8 + np.array([10, 20, 200], dtype=np.uint8)

    data = open_drawn(tmp_path, whole, (14, 14))

    def many(pixels: Tensor) -> Tensor:
        return scores((like(pixels, (21, 31, 211)).sum(dim=(1, 2)) / 220).clamp_max(1))

    assert told(tmp_path, data, many, "inside")["share"] == 0


@pytest.mark.parametrize("name", COLOURS)
def test_colours_have_their_names(name: str) -> None:
    """A mark on gray noise is called by its colour, whole or in part of its window."""
    rng = np.random.default_rng(0)
    picture = np.repeat(rng.uniform(0.45, 0.55, (SIDE, SIDE, 1)), 3, axis=2)
    picture[4:12, 4:12] = np.array(COLOURS[name]) / 255
    kind = np.ones((SIDE, SIDE), dtype=bool)
    assert colour_of(picture, kind, Window(top=0, left=0, side=12), "fixed") == name


def test_a_patch_of_many_colours_has_no_name() -> None:
    """Confetti is not called by one of its colours."""
    picture = np.full((SIDE, SIDE, 3), 0.5)
    picture[:12, :12] = np.random.default_rng(0).choice(np.array(list(COLOURS.values())), (12, 12)) / 255
    assert colour_of(picture, np.ones((SIDE, SIDE), dtype=bool), Window(top=0, left=0, side=12), "own") is None


def test_every_window_has_words_and_only_corners_are_corners() -> None:
    """A window in a corner is called one, and no other; nothing that touches no edge is called an edge."""
    corners = 0
    for window in windows(SIDE, SIDE):
        words = place_words(window, (SIDE, SIDE))
        touches = [
            window.top == 0,
            window.left == 0,
            window.top + window.side == SIDE,
            window.left + window.side == SIDE,
        ]
        assert ("corner" in words) == (sum(touches) == 2)
        assert ("edge" in words) == (sum(touches) == 1)
        corners += "corner" in words
        assert ("upper" in words or "above" in words) <= (window.top + window.side / 2 < SIDE / 2)
        assert ("left" in words) <= (window.left + window.side / 2 < SIDE / 2)
        sentence = describe("fixed", "outside", window, (SIDE, SIDE), None, anywhere=False)
        assert sentence == f"a patch {words}"
    assert corners == 4
