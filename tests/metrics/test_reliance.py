"""Reliance of models that look at the object, at the background, or at a mark; and patches cut and planted."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from explain_gate.errors import NotApplicable, NotMeasurable
from explain_gate.metrics import reliance
from explain_gate.metrics.patches import Window, cells, moved, object_windows, plant, region_shares, windows

SIDE = 16
REGION = torch.zeros(SIDE, SIDE, dtype=torch.bool)
REGION[4:12, 4:12] = True


def _picture(inside: float, outside: float) -> torch.Tensor:
    return torch.where(REGION, float(inside), float(outside)).expand(3, SIDE, SIDE).clone()


def _looks(where: torch.Tensor) -> Any:
    """Class 0 where the mean over the mask is positive, class 1 where it is negative."""

    def scores(pixels: torch.Tensor) -> torch.Tensor:
        seen = 4 * pixels[:, :, where].mean(dim=(1, 2))
        return torch.stack([seen, -seen], dim=1)

    return scores


HONEST, CHEAT = _looks(REGION), _looks(~REGION)


def _batch(fake_batch: Any, scores: Any) -> Any:
    """Two images, of class 0 and 1; object and background both tell the class."""
    pixels = torch.stack([_picture(1, 1), _picture(-1, -1)])
    empty = {0: _picture(1, 1), 1: _picture(-1, -1)}
    donors = {(0, True): [(0, empty[0])], (0, False): [(1, empty[1])]}
    donors |= {(1, True): [(1, empty[1])], (1, False): [(0, empty[0])]}
    labels = torch.tensor([0, 1])
    return fake_batch(pixels=pixels, labels=labels, scores=scores, donors=donors, emptied=empty)


def test_an_honest_model_does_not_follow_the_background(fake_batch: Any) -> None:
    """Other backgrounds change neither accuracy nor probability, and no prediction turns."""
    batch, regions = _batch(fake_batch, HONEST), REGION.expand(2, SIDE, SIDE)
    assert reliance.background_gap(regions, batch).tolist() == [0, 0]
    assert batch.notes["logit margin"].tolist() == pytest.approx([0, 0])
    assert reliance.background_follow(regions, batch).tolist() == [0, 0]
    assert reliance.background_margin(regions, batch).tolist() == pytest.approx([0, 0])
    assert reliance.object_only(regions, batch).tolist() == [1, 1]


def test_a_model_of_the_background_follows_it(fake_batch: Any) -> None:
    """All accuracy goes with the background, and so do the predictions; the margin is that of the two scores."""
    batch, regions = _batch(fake_batch, CHEAT), REGION.expand(2, SIDE, SIDE)
    assert reliance.background_gap(regions, batch).tolist() == [1, 1]
    assert batch.notes["logit margin"].tolist() == pytest.approx([16, 16])
    assert reliance.background_follow(regions, batch).tolist() == [1, 1]
    assert reliance.background_margin(regions, batch).min().item() > 0.99
    assert reliance.background_only(regions, batch).tolist() == [1, 1]


def test_images_say_yes_where_the_background_decides(fake_batch: Any) -> None:
    """Of the model of the background every image answers yes to every question, of the honest one none does."""
    for scores, answer in ((HONEST, 0.0), (CHEAT, 1.0)):
        for metric in (reliance.background_gap, reliance.background_follow):
            batch = _batch(fake_batch, scores)
            metric(REGION.expand(2, SIDE, SIDE), batch)
            assert batch.notes["evidence"].flatten().tolist() == [answer, answer]
    batch = _batch(fake_batch, CHEAT)
    reliance.background_follow(REGION.expand(2, SIDE, SIDE), batch)
    assert batch.about["evidence"].tolist() == [[1], [0]]  # each was given the other's class
    reliance.background_only(REGION.expand(2, SIDE, SIDE), batch)
    assert batch.notes["evidence"].tolist() == [1, 1]


def test_wrong_before_is_no_answer_against_the_object(fake_batch: Any) -> None:
    """Only an image that is right as it is can become wrong with its object alone."""

    def detail(pixels: torch.Tensor) -> torch.Tensor:
        spread = pixels[:, 0].flatten(1)[:, ~REGION.flatten()].std(dim=1)
        return torch.stack([spread, torch.full_like(spread, 0.1)], dim=1)

    striped = _picture(0, 0)
    striped[:, ::2, :] += (~REGION[::2, :]).float()
    batch = _batch(fake_batch, detail)
    batch.pixels, batch.labels = torch.stack([striped, _picture(0, 0)]), torch.tensor([0, 0])
    reliance.object_only(REGION.expand(2, SIDE, SIDE), batch)
    assert batch.notes["evidence"].tolist() == [1, 0]


def test_an_object_that_is_lost_in_plain_surroundings_alone_is_no_answer(fake_batch: Any) -> None:
    """A model that needs some detail around objects, whichever, is damaged by their lack; on other grounds it holds."""

    def detail(pixels: torch.Tensor) -> torch.Tensor:
        spread = pixels[:, 0].flatten(1)[:, ~REGION.flatten()].std(dim=1)
        return torch.stack([spread, torch.full_like(spread, 0.1)], dim=1)

    striped = _picture(0, 0)
    striped[:, ::2, :] += (~REGION[::2, :]).float()
    for elsewhere, answer in ((striped, 0), (_picture(0, 0), 1)):
        batch = _batch(fake_batch, detail)
        batch.pixels, batch.labels = torch.stack([striped, striped]), torch.tensor([0, 0])
        batch.donors = {(row, False): [(1, elsewhere)] for row in (0, 1)}
        assert reliance.object_only(REGION.expand(2, SIDE, SIDE), batch).tolist() == [0, 0]
        assert batch.notes["evidence"].tolist() == [answer, answer]


def test_the_exchange_is_measured_once_for_three_metrics(fake_batch: Any) -> None:
    """Gap, follow and margin share their forwards: two per image with one donor of each kind."""
    batch, regions = _batch(fake_batch, HONEST), REGION.expand(2, SIDE, SIDE)
    for metric in (reliance.background_gap, reliance.background_follow, reliance.background_margin):
        metric(regions, batch)
    assert batch.asked == 4


def test_a_default_class_for_empty_pictures_is_no_reliance(fake_batch: Any) -> None:
    """A model that calls every picture without an object class 0 is at chance without the object, for both classes."""
    batch = _batch(fake_batch, lambda pixels: torch.tensor([[1.0, 0.0]]).expand(len(pixels), 2))
    assert reliance.background_only(REGION.expand(2, SIDE, SIDE), batch).tolist() == [0, 0]


def test_hiding_shows_where_the_score_comes_from(fake_batch: Any) -> None:
    """A model of the object loses all of its score inside; a model of nothing has 0.5."""
    pixels = torch.stack([_picture(1, -1), _picture(1, -1)])
    regions = REGION.expand(2, SIDE, SIDE)
    batch = fake_batch(pixels=pixels, scores=HONEST)
    assert reliance.occlusion_share(regions, batch).tolist() == [1, 1]
    batch = fake_batch(pixels=-pixels, scores=CHEAT)
    assert reliance.occlusion_share(regions, batch).tolist() == [0, 0]
    batch = fake_batch(pixels=pixels, scores=lambda images: torch.zeros(len(images), 2))
    assert reliance.occlusion_share(regions, batch).tolist() == [0.5, 0.5]


def test_what_cannot_be_measured_is_told(fake_batch: Any) -> None:
    """No donors, one score per image, and impossible parameters."""
    batch = _batch(fake_batch, HONEST)
    regions = REGION.expand(2, SIDE, SIDE)
    batch.donors = {}
    with pytest.raises(NotApplicable, match="no other image of its own class"):
        reliance.background_gap(regions, batch)
    single = _batch(fake_batch, lambda pixels: torch.zeros(len(pixels), 1))
    with pytest.raises(NotMeasurable, match="one score per image"):
        reliance.background_margin(regions, single)
    with pytest.raises(ValueError, match="outside or inside"):
        reliance.transplant_follow(regions, batch, place="above")  # type: ignore[arg-type]


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 30), (80, 80), (224, 224)])
def test_windows_cover_the_frame(height: int, width: int) -> None:
    """Every pixel lies in a window, no window leaves the frame, all have one size."""
    covered = torch.zeros(height, width)
    places = windows(height, width)
    for place in places:
        assert 0 <= place.top <= height - place.side
        assert 0 <= place.left <= width - place.side
        covered[place.rows, place.columns] += 1
    assert covered.min() >= 1
    assert len({place.side for place in places}) == 1


def test_windows_on_an_object_are_a_ninth_of_it() -> None:
    """Each lies at least half on the object, and together they cover it; an object of a few pixels has one too."""
    region = torch.zeros(64, 96, dtype=torch.bool)
    region[10:40, 30:90] = True
    places = object_windows(region)
    assert {place.side for place in places} == {14}
    assert region_shares(region, places).min() >= 0.5
    covered = torch.zeros_like(region)
    for place in places:
        covered[place.rows, place.columns] = True
    assert (covered & region).sum() > 0.9 * region.sum()
    tiny = torch.zeros_like(region)
    tiny[63, 95] = True
    (place,) = object_windows(tiny)
    assert (place.top + place.side, place.left + place.side) == (64, 96)


def test_cells_part_a_window() -> None:
    """Nine parts, each pixel in one of them, whatever the side."""
    for side in (3, 7, 14):
        parts = torch.stack(cells(side))
        assert parts.shape == (9, side, side)
        assert (parts.sum(dim=0) == 1).all()
        assert parts.any(dim=(1, 2)).all()


def test_planting_outside_leaves_the_object() -> None:
    """The patch lies at its place, or all over, behind the object."""
    target, source = _picture(0, 0), _picture(5, 5)
    window = Window(top=2, left=2, side=4)
    for form in ("fixed", "tiled", "tinted"):
        planted = plant(target, REGION, source, REGION, window, form=form, where="outside")
        assert (planted[:, REGION] == 0).all()
        assert planted[0, 2, 2] == 5
        assert planted[0, 15, 15] == (0 if form == "fixed" else 5)


def test_planting_inside_moves_with_the_object() -> None:
    """The object's part of the patch lands at the same place of another object, and of it only what is asked for."""
    other = REGION.roll((2, 3), dims=(0, 1))
    source = _picture(0, 0)
    source[:, 4:8, 4:8] = 7
    window = Window(top=4, left=4, side=4)
    assert moved(window, REGION, other) == Window(top=6, left=7, side=4)
    planted = plant(_picture(0, 0), other, source, REGION, window, form="own", where="inside")
    assert (planted[0] == 7).nonzero().min(dim=0).values.tolist() == [6, 7]
    assert (planted[0] == 7).sum() == 16
    part = torch.zeros(4, 4, dtype=torch.bool)
    part[0, 1] = True
    planted = plant(_picture(0, 0), other, source, REGION, window, form="own", where="inside", part=part)
    assert (planted[0] == 7).nonzero().tolist() == [[6, 8]]


def test_what_turns_on_its_own_classs_background_too_is_damage(fake_batch: Any) -> None:
    """A model that calls every picture with another ground class 1 follows no background, though every answer is 1."""
    intact = _picture(1, 1)
    ground = _picture(0.5, 0.5)
    donors = {(0, True): [(0, ground)], (0, False): [(1, ground)]}

    def scores(pixels: torch.Tensor) -> torch.Tensor:
        own = (pixels - intact).abs().amax(dim=(1, 2, 3)) < 1e-6
        return torch.stack([own.double(), 1 - own.double()], dim=1)

    batch = fake_batch(pixels=intact[None], labels=torch.tensor([0]), scores=scores, donors=donors)
    assert reliance.background_follow(REGION[None], batch).tolist() == [0]
    assert batch.notes["evidence"].tolist() == [[0]]


def test_an_image_taken_for_the_backgrounds_class_already_cannot_turn_to_it(fake_batch: Any) -> None:
    """A wrong prediction is accuracy's business: it neither follows nor answers about that class."""
    batch = _batch(fake_batch, lambda pixels: torch.tensor([[0.0, 1.0]]).expand(len(pixels), 2))
    assert reliance.background_follow(REGION.expand(2, SIDE, SIDE), batch).tolist() == [0, 0]
    assert batch.notes["evidence"][0].isnan().all()


def _hurt_by_noise(inside: float, outside: float) -> Any:
    """Class 0 by a score that falls by the squared deviations from 0, weighted by where they are."""
    weight = torch.where(REGION, inside, outside)

    def scores(pixels: torch.Tensor) -> torch.Tensor:
        hurt = (weight * pixels.double().square()).sum(dim=(1, 2, 3))
        return torch.stack([5 - hurt, torch.zeros_like(hurt)], dim=1)

    return scores


def _plain(fake_batch: Any, scores: Any) -> Any:
    """Two images of class 0 that are nearly 0: what a model loses is the noise's own energy, weighted by place."""
    tiny = 1e-4 * torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    return fake_batch(
        pixels=tiny * torch.tensor([1.0, 30.0])[:, None, None, None], labels=torch.tensor([0, 0]), scores=scores
    )


@pytest.mark.parametrize(
    ("inside", "outside", "expected"), [(1, 0, 1), (0, 1, -1), (1, 1, 0), (3, 1, 0.5), (1, 7, -0.75)]
)
def test_core_sensitivity_is_the_balance_of_what_noise_costs(
    fake_batch: Any, inside: float, outside: float, expected: float
) -> None:
    """Noise has the same energy on the region and off it, so the value is (a - b) / (a + b) of the model's weights.

    The images' own pixels meet the noise by chance, which averages out over draws; and no unit of the pixels matters.
    """
    batch, regions = _plain(fake_batch, _hurt_by_noise(1e4 * inside, 1e4 * outside)), REGION.expand(2, SIDE, SIDE)
    values = reliance.core_sensitivity(regions, batch, draws=200, noise=4)
    assert values.tolist() == pytest.approx([expected] * 2, abs=0.02)
    assert batch.notes["evidence"].tolist() == [float(outside > inside)] * 2 or inside == outside
    assert batch.asked == 2 * (1 + 2 * 200)


def test_core_sensitivity_of_a_model_that_noise_does_not_move_is_chance(fake_batch: Any) -> None:
    """Nothing lost on either side is 0, and speaks neither for nor against the model; the same seed, the same value."""
    regions = REGION.expand(2, SIDE, SIDE)
    still = _plain(fake_batch, lambda pixels: torch.tensor([[1.0, 0.0]]).expand(len(pixels), 2))
    assert reliance.core_sensitivity(regions, still).tolist() == [0, 0]
    assert still.notes["evidence"].tolist() == [0, 0]
    again = [reliance.core_sensitivity(regions, _batch(fake_batch, HONEST)).tolist() for _ in range(2)]
    assert again[0] == again[1]


def test_core_sensitivity_puts_no_more_noise_on_a_large_part(fake_batch: Any) -> None:
    """Both noisy pictures are equally far from the image, however small the region; and only the part is touched."""
    small = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    small[2:4, 2:5] = True
    seen: list[torch.Tensor] = []

    def scores(pixels: torch.Tensor) -> torch.Tensor:
        seen.append(pixels)
        return torch.zeros(len(pixels), 2)

    batch = _plain(fake_batch, scores)
    reliance.core_sensitivity(small.expand(2, SIDE, SIDE), batch, draws=1)
    on, off = (pixels - batch.pixels for pixels in seen[1:])
    torch.testing.assert_close(on.flatten(1).norm(dim=1), off.flatten(1).norm(dim=1))
    torch.testing.assert_close(
        on.flatten(1).norm(dim=1), 0.5 * batch.pixels.flatten(1).std(dim=1) * (3 * small.sum()).sqrt()
    )
    assert not on[:, :, ~small].any()
    assert not off[:, :, small].any()


def test_core_sensitivity_needs_a_place_elsewhere(fake_batch: Any) -> None:
    """A region that fills the frame rules the metric out before the model is asked; parameters are checked."""
    batch = _plain(fake_batch, HONEST)
    with pytest.raises(NotApplicable, match="fills the frame"):
        reliance.core_sensitivity(torch.ones(2, SIDE, SIDE, dtype=torch.bool), batch)
    assert batch.asked == 0
    for wrong in ({"draws": 0}, {"noise": 0}):
        with pytest.raises(ValueError, match="draws must be at least 1 and noise above 0"):
            reliance.core_sensitivity(REGION.expand(2, SIDE, SIDE), batch, **wrong)
