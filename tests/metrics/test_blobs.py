"""Blobs: equal in area, one inside the region and one outside, the same every time."""

import torch

from explain_gate.metrics.blobs import blobs


def test_blobs_are_equally_large_and_lie_on_their_sides(fake_batch):
    """As large as the smaller of the two parts, whichever that is."""
    pixels = torch.rand(1, 3, 16, 16)
    batch = fake_batch(pixels=pixels, labels=torch.tensor([0]), scores=lambda batch: batch.mean(dim=(2, 3)))
    small = torch.zeros(1, 16, 16, dtype=torch.bool)
    small[:, 4:8, 4:8] = True
    for region in (small, ~small):
        inside, outside = blobs(batch, region, 0, 0)
        assert int(inside.sum()) == int(outside.sum()) == 16
        assert not (inside & ~region[0]).any()
        assert not (outside & region[0]).any()
        again = blobs(batch, region, 0, 0)
        assert torch.equal(inside, again[0])
        assert torch.equal(outside, again[1])
