"""Images on backgrounds of their own class and of others."""

import pytest
import torch

from explain_gate.errors import NotApplicable
from explain_gate.metrics.backgrounds import donors_of, on_backgrounds, right_elsewhere

REGION = torch.zeros(2, 8, 8, dtype=torch.bool)
REGION[:, 2:6, 2:6] = True


def _batch(fake_batch, donors):
    """A model of the background: class 0 where it is bright, class 1 where it is dark."""

    def scores(pixels):
        seen = 4 * pixels[:, :, ~REGION[0]].mean(dim=(1, 2))
        return torch.stack([seen, -seen], dim=1)

    pixels = torch.stack([torch.ones(3, 8, 8), -torch.ones(3, 8, 8)])
    return fake_batch(pixels=pixels, labels=torch.tensor([0, 1]), scores=scores, donors=donors)


BRIGHT, DARK = (0, torch.ones(3, 8, 8)), (1, -torch.ones(3, 8, 8))
BOTH = {(0, True): [BRIGHT], (0, False): [DARK], (1, True): [DARK], (1, False): [BRIGHT]}


def test_a_model_of_the_background_is_right_on_its_own_and_turns_on_others(fake_batch):
    """Every number of the record says so, for both images."""
    done = on_backgrounds(REGION, _batch(fake_batch, BOTH), 1)
    assert done.right_on_same.tolist() == [1, 1]
    assert done.right_on_other.tolist() == [0, 0]
    assert done.followed.tolist() == [1, 1]
    assert done.given.tolist() == [[1], [0]]
    assert done.turned.tolist() == [[1], [1]]
    assert right_elsewhere(REGION, _batch(fake_batch, BOTH)).tolist() == [0, 0]


def test_an_image_without_a_donor_is_told_and_no_donors_are_refused(fake_batch):
    """It gets no number made up."""
    batch = _batch(fake_batch, {**BOTH, (0, False): []})
    with pytest.raises(NotApplicable, match="another class"):
        donors_of(batch, 0, 1, same_class=False)
    with pytest.raises(ValueError, match="at least 1"):
        on_backgrounds(REGION, batch, 0)
