"""What a file's imports call things, and the values that it gives names."""

import ast

import pytest

from explain_gate.commands.survey.names import Names

FILE = """
import torchvision.transforms.v2 as T
from torchvision import models
import timm, os.path
SIZE = 224
MEAN, (A, B) = [0.5, 0.25, 127.5 / 255], (1, 2)
LOOP = LOOP
parser.add_argument("--arch-name", "-a", default="resnet18")
"""


def named(expression):
    return ast.parse(expression, mode="eval").body


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("T.Resize", "torchvision.transforms.v2.Resize"),
        ("models.resnet18", "torchvision.models.resnet18"),
        ("timm.create_model", "timm.create_model"),
        ("os.path.join", "os.path.join"),
        ("own", "own"),
        ("f().x", None),
    ],
)
def test_names_are_those_of_the_library(expression, name):
    """However they were imported."""
    assert Names(ast.parse(FILE)).of(named(expression)) == name


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("SIZE", 224),
        ("MEAN", [0.5, 0.25, 0.5]),
        ("(A, SIZE)", [1, 224]),
        ("args.arch_name", "resnet18"),
        ("Path('a')", None),
        ("LOOP", None),
        ("True", None),
        ("SIZE + 1", None),
        ("[SIZE, unknown]", None),
        ("1 / 0", None),
    ],
)
def test_plain_values_are_followed_to_where_they_are_written(expression, value):
    """And nothing is computed but a division by 255 and its like."""
    assert Names(ast.parse(FILE)).value(named(expression)) == value
