"""Versions of an image are passed in boxes where that gives the scores of whole images, and whole elsewhere."""

import pytest
import torch
from networks import WritesThroughViews
from torch import nn

from explain_gate.attribution.base import Probe
from explain_gate.attribution.local import LocalTensor
from explain_gate.attribution.local_passes import scores_of_versions
from explain_gate.vision import torchvision


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18", "densenet121", "vgg11", "vit"])
def test_usual_networks_are_passed_in_boxes(name, pictures, vit):
    """They agree, so boxes are used, and the scores are those of whole images."""
    torch.manual_seed(0)
    module = vit if name == "vit" else torchvision.models.get_model(name, weights=None, num_classes=5)
    top, left = torch.tensor([0, 20, 56, 9]), torch.tensor([0, 33, 56, 50])
    pixels = torch.ones(4, 3, 8, 8)
    versions = pictures[:1].repeat(4, 1, 1, 1)
    for version, row, column in zip(versions, top.tolist(), left.tolist(), strict=True):
        version[:, row : row + 8, column : column + 8] = 1
    with Probe(module) as probe:
        seen = kinds_passed(probe)
        scores = scores_of_versions(
            probe,
            pictures[0],
            torch.tensor(2),
            4,
            lambda start, stop: tuple(one[start:stop] for one in (pixels, top, left)),
        )
        assert set(seen) == {LocalTensor}
        assert torch.allclose(scores, probe.scores(versions, torch.full((4,), 2)), rtol=1e-4, atol=1e-5)


def kinds_passed(probe):
    """The kinds of what is scored from now on."""
    seen, score = [], probe.score
    probe.score = lambda images, targets: (seen.append(type(images)), score(images, targets))[1]
    return seen


def test_wrong_parts_are_noticed():
    """Where boxes would give other outputs than whole images, whole images are passed."""
    image, target = torch.randn(3, 12, 12), torch.tensor(1)
    module = WritesThroughViews()
    module.weight = nn.Parameter(torch.zeros(1))  # its precision
    with Probe(module) as probe:
        seen = kinds_passed(probe)
        scores_of_versions(probe, image, target, 3, lambda start, stop: boxes(stop - start))
        assert set(seen) == {torch.Tensor}


def boxes(count):
    """White boxes in the upper left corner."""
    return torch.ones(count, 3, 4, 4), torch.zeros(count, dtype=torch.int64), torch.zeros(count, dtype=torch.int64)
