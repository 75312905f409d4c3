"""Functions and classes that give a model."""

import ast
from pathlib import PurePosixPath

import pytest

from explain_gate.commands.survey.builders import builders_in
from explain_gate.commands.survey.names import Names


def builders(text, path="shop/models.py"):
    tree = ast.parse(text)
    return list(builders_in(tree, Names(tree), PurePosixPath(path)))


def test_a_function_that_is_called_like_a_maker_is_one():
    """`build` alone, `get_model`; not what returns nothing, nor what gets data."""
    text = (
        "def build(a, b=1, *, c, d=2): return 1\ndef get_model(): return 1\n"
        "def get_data(): return 1\ndef load_model(): pass\n"
    )
    first, second = builders(text)
    assert (first.source, first.takes, first.needs, first.quiet) == (
        "shop.models:build",
        tuple("abcd"),
        ("a", "c"),
        True,
    )
    assert (second.source, second.line) == ("shop.models:get_model", "shop/models.py:2")


def test_a_network_is_the_whole_and_not_its_parts():
    """A block that another class of the file is made of is none."""
    text = (
        "from torch import nn\n"
        "class Block(nn.Module):\n    def forward(self, x): return x\n"
        "class Net(nn.Module):\n    def __init__(self, classes): self.b = Block()\n    def forward(self, x): return x\n"
        "class Loss(nn.Module): pass\n"
    )
    (one,) = builders(text)
    assert (one.source, one.needs, one.lightning) == ("shop.models:Net", ("classes",), False)


@pytest.mark.parametrize(
    ("line", "quiet"),
    [
        ("LR = 0.1", True),
        ("device = torch.device('cpu')", True),
        ("if __name__ == '__main__': main()", True),
        ("'''A docstring.'''", True),
        ("args = parser.parse_args()", False),
        ("model = build()", False),
        ("main()", False),
        ("for epoch in range(3): pass", False),
        ("if torch.cuda.is_available(): main()", False),
    ],
)
def test_a_file_is_quiet_when_importing_it_only_defines_things(line, quiet):
    """What trains at import is never named as a source."""
    (one,) = builders(f"def build(): return 1\n{line}\n")
    assert one.quiet is quiet


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("train.py", "train:build"),
        ("src/shop/net.py", "shop.net:build"),
        ("src/net.py", "src.net:build"),
        ("shop/__init__.py", "shop:build"),
    ],
)
def test_a_source_is_how_the_file_is_imported(path, source):
    """From the root of the project; below src as it is installed."""
    assert builders("def build(): return 1", path)[0].source == source
