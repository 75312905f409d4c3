"""What every metric may ask of its images: annotations, seeds, notes, and weights by class."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from explain_gate.attribution.base import Probe
from explain_gate.measuring.asking.batch import MeasuredBatch
from explain_gate.measuring.asking.capability import Asking, Request
from explain_gate.measuring.asking.images import Weights
from explain_gate.records import Sample


def sample(row: int, label: int, *, ignored: bool = False) -> Sample:
    """A picture whose first row is ignored, or none of it."""
    mask = torch.zeros(4, 4, dtype=torch.bool)
    mask[0] = True
    return Sample(
        index=row,
        image=f"{row}.png",
        label=label,
        class_name=str(label),
        accepted=(label,),
        digest=f"digest {row}",
        pixels=torch.zeros(3, 4, 4),
        region=torch.ones(4, 4, dtype=torch.bool),
        region_reason=None,
        ignored=mask if ignored else None,
    )


def batch(*samples: Sample, **more) -> MeasuredBatch:
    """Images of one request."""
    resources = SimpleNamespace(variants=SimpleNamespace(probe=Probe(torch.nn.Flatten(), seed=3)))
    request = Request(samples=samples, logits=torch.zeros(len(samples), 2), method=None, **more)
    return MeasuredBatch(request, resources)


def test_pixels_to_be_ignored_do_not_count():
    """All others do, also of an image that has none."""
    counted = batch(sample(0, 0), sample(1, 1, ignored=True)).counted
    assert counted.flatten(1).sum(dim=1).tolist() == [16, 12]
    assert not counted[1, 0].any()


def test_draws_follow_from_the_image_and_the_purpose_not_from_its_place():
    """The same picture is given the same noise in any batch."""
    one, other = batch(sample(0, 0), sample(1, 0)), batch(sample(1, 0))
    draws = [
        torch.rand(3, generator=of.generator(position, purpose)).tolist()
        for of, position, purpose in ((one, 1, "noise"), (other, 0, "noise"), (other, 0, "blobs"), (one, 0, "noise"))
    ]
    assert draws[0] == draws[1]
    assert draws[0] not in (draws[2], draws[3])


def test_metrics_share_what_one_of_them_computed():
    """Once a batch."""
    asked = batch(sample(0, 0))
    calls = []
    for _ in range(3):
        assert asked.remember("backgrounds", lambda: calls.append(1) or "made") == "made"
    assert calls == [1]


@pytest.mark.parametrize(
    ("values", "about"),
    [(torch.zeros(3), None), (torch.zeros(2), torch.zeros(2, 2)), (torch.zeros(2, 2), torch.zeros(2))],
)
def test_a_note_has_a_row_for_each_image(values, about):
    """And `about` its shape; else it would be told of other images."""
    with pytest.raises(ValueError, match="a note must have a row for each of 2 images"):
        batch(sample(0, 0), sample(1, 1)).note("evidence", values, about=about)


def test_every_class_weighs_the_same():
    """Three pictures of one class weigh as much as one of another; the counts are what the score came from."""
    weights = batch(sample(0, 0), sample(1, 1), population=[0, 0, 0, 1]).weights
    assert weights.tolist() == pytest.approx([4 / 6, 2.0])
    entries = [SimpleNamespace(label=0), SimpleNamespace(label=1)]
    asking = Asking(
        resources=SimpleNamespace(data=SimpleNamespace(entries=entries)),
        row=0,
        population=[0, 0, 0, 1],
        identity=str,
        identity_of_class=str,
    )
    assert Weights.origin(("weights",), asking) == [4, 2, 3]
