"""Marks that operations leave: found where they were planted, absent where nothing was."""

import numpy as np
import pytest
import torch
from scipy import stats

from explain_gate.metrics.look import look_of
from explain_gate.metrics.marks import doses, mark_scores, separation
from explain_gate.metrics.operations import OPERATIONS, operate

SIDE = 64


def _scene(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A textured picture with one bright disc, and the disc's region."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 9, 9, generator=generator)
    ground = torch.nn.functional.interpolate(coarse, size=(SIDE, SIDE), mode="bicubic", align_corners=False)[0]
    fine = torch.rand(3, SIDE, SIDE, generator=generator)
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    y, x = (20 + 24 * torch.rand(2, generator=generator)).tolist()
    region = (rows - y) ** 2 + (columns - x) ** 2 < 12**2
    picture = (0.25 + 0.5 * ground + 0.06 * (fine - 0.5)).clamp(0, 1)
    return torch.where(region, 0.9 * picture.flip(0), picture), region


def _set(name: str | None, strength: float, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Looks of 12 pictures of each of three classes; those of class 1 have been through an operation."""
    operation = next((one for one in OPERATIONS if one.name == name), None)
    looks, labels = [], []
    for position in range(36):
        picture, region = _scene(position)
        label = position % 3
        if operation is not None and label == 1 and position / 36 < share:
            picture = operate(picture, operation, strength, torch.Generator().manual_seed(position))
        looks.append(look_of(picture, region))
        labels.append(label)
    return np.stack(looks), np.array(labels)


def _change(name: str, strength: float) -> np.ndarray:
    operation = next(one for one in OPERATIONS if one.name == name)
    rows = []
    for seed in range(100, 106):
        picture, region = _scene(seed)
        after = operate(picture, operation, strength, torch.Generator().manual_seed(seed))
        rows.append(look_of(after, region) - look_of(picture, region))
    return np.mean(rows, axis=0)


@pytest.mark.parametrize(
    ("name", "strength"),
    [("grain", 0.04), ("JPEG", 15), ("defocus", 1.0), ("warm", 0.12), ("interlaced", 3), ("vignette", 0.7)],
)
@pytest.mark.parametrize("share", [1.0, 0.7])
def test_a_planted_mark_tells_its_class_from_the_others(name, strength, share):
    """Where one class's pictures went through an operation, all or most of them, its mark separates them."""
    looks, labels = _set(name, strength, share)
    (area,), (p_value,) = separation(mark_scores(looks, _change(name, strength)[None])[0], labels == 1)
    assert area >= 0.7
    assert p_value <= 0.01


def test_pictures_without_a_mark_are_rarely_told_apart():
    """Without any operation few marks separate a class, and no more often one class than chance does."""
    looks, labels = _set(None, 0, 1)
    told = 0
    names = [("grain", 0.04), ("JPEG", 15), ("defocus", 1.0), ("warm", 0.12), ("interlaced", 3), ("pale", 0.3)]
    for name, strength in names:
        scores, _ = mark_scores(looks, _change(name, strength)[None])
        for label in range(3):
            (area,), (p_value,) = separation(scores, labels == label)
            told += area >= 0.7 and p_value <= 0.01
    assert told <= 1


def test_scores_do_not_depend_on_the_order_of_the_pictures():
    """A mark's scores belong to pictures, not to positions."""
    looks, labels = _set("grain", 0.04, 1.0)
    order = np.random.default_rng(0).permutation(len(labels))
    change = _change("grain", 0.04)
    first = mark_scores(looks, change[None])[0][0]
    second = mark_scores(looks[order], change[None])[0][0]
    np.testing.assert_allclose(first[order], second, rtol=1e-6)


def test_separation_of_one_class_alone_is_chance():
    """Without a second class there is nothing to tell apart."""
    (area,), (p_value,) = separation(np.arange(4.0)[None], np.ones(4, dtype=bool))
    assert (area, p_value) == (0.5, 1.0)


@pytest.mark.parametrize("mine", [5, 12], ids=["a few", "many"])
def test_each_mark_is_tested_as_if_it_were_alone(mine):
    """Ties in one mark's scores do not change how another's are tested; scipy's own test is the reference."""
    rng = np.random.default_rng(0)
    scores = np.stack([rng.normal(size=40), rng.integers(0, 4, 40).astype(float), rng.normal(size=40)])
    chosen = np.arange(40) < mine
    areas, p_values = separation(scores, chosen)
    for row, area, p_value in zip(scores, areas, p_values, strict=True):
        alone = stats.mannwhitneyu(row[chosen], row[~chosen], alternative="greater")
        assert area == pytest.approx(alone.statistic / (mine * (40 - mine)), abs=1e-12)
        assert p_value == pytest.approx(alone.pvalue, rel=1e-12)


def test_pictures_that_were_operated_on_are_scored_as_the_others_are():
    """The same looks, the same scores, to the bit of rounding."""
    looks, _ = _set("grain", 0.04, 1.0)
    changes = np.stack([_change("grain", 0.04), _change("warm", 0.12)])
    scores, after = mark_scores(looks, changes, np.stack([looks[:4], looks[4:8]]))
    np.testing.assert_allclose(after, [scores[0, :4], scores[1, 4:8]], rtol=1e-9)


def test_a_dose_is_in_units_of_what_the_class_carries():
    """By hand: others' median 1, the class's ninth decile 5, moved by 8 and by -3; infinite if it carries nothing."""
    scores = np.array([[0.0, 1.0, 2.0, 5.0, 5.0], [0.0, 1.0, 2.0, 5.0, 5.0], [0.0, 1.0, 2.0, 1.0, 1.0]])
    mine = np.array([False, False, False, True, True])
    assert doses(scores, mine, np.array([8.0, -3.0, 8.0])).tolist() == [2.0, 0.0, np.inf]
    assert doses(scores, np.ones(5, dtype=bool), np.zeros(3)).tolist() == [np.inf] * 3


@pytest.mark.parametrize(("name", "strength"), [("grain", 0.04), ("JPEG", 15), ("defocus", 1.0), ("warm", 0.12)])
def test_the_operation_that_a_class_went_through_has_a_dose_of_about_one(name, strength):
    """Within a factor of five: the pictures that carry it differ from those that it is measured on."""
    looks, labels = _set(name, strength, 1.0)
    operation = next(one for one in OPERATIONS if one.name == name)
    unmarked, after = [], []
    for seed in range(100, 106):
        picture, region = _scene(seed)
        unmarked.append(look_of(picture, region))
        after.append(look_of(operate(picture, operation, strength, torch.Generator().manual_seed(seed)), region))
    change = np.mean(after, axis=0) - np.mean(unmarked, axis=0)
    scores, moved = mark_scores(looks, change[None], np.stack([after]))
    _, before = mark_scores(looks, change[None], np.stack([unmarked]))
    (dose,) = doses(scores, labels == 1, np.median(moved, axis=1) - np.median(before, axis=1))
    assert 0.2 < dose < 5
