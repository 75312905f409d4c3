"""Composed transforms -> preprocessing of thresholds.yaml."""

import ast

import pytest

from explain_gate.commands.survey.names import Names
from explain_gate.commands.survey.transforms import evaluation_of

HEAD = """
import torch
from torchvision import transforms
from torchvision.transforms import InterpolationMode, v2 as T
from torchvision.models import ResNet18_Weights
weights = ResNet18_Weights.DEFAULT
"""


def written(line):
    tree = ast.parse(HEAD + line)
    return evaluation_of(tree.body[-1].value, Names(tree))


@pytest.mark.parametrize(
    ("line", "preprocessing"),
    [
        (
            "transforms.Compose([transforms.Resize(256), transforms.CenterCrop((224, 224)), transforms.ToTensor()])",
            ({"resize": 256, "crop": [224, 224]}, False),
        ),
        (
            "T.Compose([T.Resize(size=(64, 48), interpolation=InterpolationMode.BICUBIC), T.Normalize([0.5], [0.25])])",
            ({"resize": [64, 48], "interpolation": "bicubic", "mean": [0.5], "std": [0.25]}, False),
        ),
        (
            "transforms.Compose([transforms.RandomResizedCrop(224), transforms.Normalize((0.5,), (0.5,))])",
            ({"mean": [0.5], "std": [0.5]}, True),
        ),
        ("weights.transforms()", ({"weights": "ResNet18_Weights.DEFAULT"}, False)),
        ("ResNet18_Weights.IMAGENET1K_V1.transforms()", ({"weights": "ResNet18_Weights.IMAGENET1K_V1"}, False)),
        ("transforms.Compose([transforms.Resize(size), transforms.ToTensor()])", None),
        ("transforms.Compose([transforms.Lambda(crop), transforms.ToTensor()])", None),
        ("transforms.Compose(steps)", None),
        ("transforms.Compose([transforms.ToTensor()])", None),
        ("torch.compile(model)", None),
    ],
)
def test_what_is_done_here_is_written_and_the_rest_is_left(line, preprocessing):
    """A step that this package does not do, or a size that nobody can read, says nothing at all."""
    assert written(line) == preprocessing
