"""Planting cues and training on them, with a budget of seconds."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from explain_gate.demo.model import build
from explain_gate.demo.pictures import CLASSES, draw_pictures
from explain_gate.demo.training import Planting, accuracy, exchange, normalise, one_thread, plant, predict, train

MARKED = (1, 3)


@pytest.fixture
def two_threads():
    """As many as there are cores for certain; how many one has is seen to come back."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield 2
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def drawn():
    """Forty pictures of each class."""
    return draw_pictures("training", per_class=40, seed=0)


def _marked(before, after):
    return (before.images != after.images).any(axis=(1, 2, 3))


def test_share_one_marks_exactly_the_marked_classes(drawn):
    """Every picture of a marked class carries a mark and no other picture does."""
    marked = plant(drawn, Planting(cue="watermark", classes=MARKED), seed=0)
    assert np.array_equal(_marked(drawn, marked), np.isin(drawn.labels, MARKED))
    assert marked.regions is drawn.regions


def test_share_zero_marks_as_many_whatever_the_class(drawn):
    """Without share the mark is independent of the class and as frequent overall."""
    found = _marked(drawn, plant(drawn, Planting(cue="watermark", classes=MARKED, share=0.0), seed=0))
    assert found.mean() == pytest.approx(len(MARKED) / len(CLASSES), abs=0.1)
    by_class = [found[drawn.labels == label].mean() for label in range(len(CLASSES))]
    assert max(by_class) - min(by_class) < 0.4


def test_share_between_lies_between(drawn):
    """With share one half, a marked class carries its mark in half of the pictures and by chance in the others."""
    found = _marked(drawn, plant(drawn, Planting(cue="watermark", classes=MARKED, share=0.5), seed=0))
    assert found[np.isin(drawn.labels, MARKED)].mean() == pytest.approx(0.5 + 0.5 * 0.4, abs=0.15)
    assert found[~np.isin(drawn.labels, MARKED)].mean() == pytest.approx(0.5 * 0.4, abs=0.15)


def test_planting_is_repeatable(drawn):
    """One seed plants one way."""
    one, two = (plant(drawn, Planting(cue="collar", share=0.5), seed=7) for _ in range(2))
    assert np.array_equal(one.images, two.images)


def test_exchange_draws_a_cue_of_another_class(drawn):
    """A picture whose class alone has a cue stays clean; all others get a cue."""
    exchanged = exchange(drawn, Planting(cue="watermark", classes=(1,)), seed=0)
    assert np.array_equal(_marked(drawn, exchanged), drawn.labels != 1)


def test_a_small_training_follows_the_cue_where_there_is_one(drawn):
    """A few seconds suffice to learn a tag that tells the class, and the tag of another class then misleads."""
    tag = Planting(cue="corner_tag")
    weights = train(plant(drawn, tag, seed=0), seed=0, epochs=6)
    regression = draw_pictures("regression", per_class=8, seed=0)
    told = accuracy(weights, plant(regression, tag, seed=0))
    misled = accuracy(weights, exchange(regression, tag, seed=0))
    assert told > 0.6  # chance is 0.2; a few pictures more or less hang on the machine's arithmetic
    assert misled < told - 0.4


def test_one_seed_gives_one_model(drawn, two_threads):
    """Weights depend on the seed alone, not on torch's global generator; the thread count is put back."""
    torch.manual_seed(5)
    one = train(drawn, seed=1, epochs=1)
    assert torch.get_num_threads() == two_threads
    torch.manual_seed(6)
    two, other = train(drawn, seed=1, epochs=1), train(drawn, seed=2, epochs=1)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["0.0.0.weight"], other["0.0.0.weight"])


def test_trainings_at_once_do_not_disturb_each_other(drawn, two_threads):
    """Two trainings in two threads give the models they give alone."""
    with one_thread(), ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda seed: train(drawn, seed=seed, epochs=1), (1, 2)))
    assert torch.get_num_threads() == two_threads
    for seed, weights in zip((1, 2), together, strict=True):
        alone = train(drawn, seed=seed, epochs=1)
        assert all(torch.equal(weights[name], alone[name]) for name in alone)


def test_permuted_labels_teach_nothing(drawn):
    """A model of permuted labels is about as good as chance on unseen pictures."""
    weights = train(drawn, seed=0, epochs=2, permute_labels=True)
    assert accuracy(weights, draw_pictures("regression", per_class=20, seed=0)) < 0.45


def test_the_model_keeps_a_feature_map_that_shows_where_it_looks():
    """The last feature map has at least 8 x 8 cells, and logits follow the number of classes."""
    model = build(7).eval()
    images = normalise(draw_pictures("regression", per_class=1, seed=0).images)
    assert min(model[0](images).shape[2:]) >= 8
    assert model(images).shape == (5, 7)


def test_predictions_are_one_class_per_picture(drawn):
    """`predict` returns one class index per image."""
    predicted = predict(build(len(CLASSES)).state_dict(), drawn.images[:70])
    assert predicted.shape == (70,)
    assert set(predicted.tolist()) <= set(range(len(CLASSES)))
