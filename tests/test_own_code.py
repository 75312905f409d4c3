"""A team's own functions are found where thresholds.yaml lies, and what cannot be found or called is told."""

import sys

import pytest

from explain_gate.errors import ModelError
from explain_gate.own_code import load_function


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A folder with a module of a team, importable only through the folder."""
    (tmp_path / "own_shop.py").write_text(
        "class Scores:\n    @staticmethod\n    def first(output):\n        return output\nRATE = 3\n"
    )
    (tmp_path / "own_broken.py").write_text("raise KeyError('stock')\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("own_shop", "own_broken"):
        sys.modules.pop(name, None)


def test_a_dotted_name_is_found_beside_the_rules(shop):
    """The folder of thresholds.yaml is importable, and names may lie inside a class."""
    assert load_function("own_shop:Scores.first", shop, "model.target")("logits") == "logits"


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("own_shop", "model.target must be package.module:callable, got own_shop"),
        ("own_shop:", "must be package.module:callable"),
        ("own_missing:f", "no module named own_missing; it is looked for in "),
        ("own_shop:second", "has no attribute 'second'"),
        ("own_shop:RATE", "must be callable, got int"),
        ("own_broken:f", "importing it raised KeyError: 'stock'"),
    ],
)
def test_what_cannot_be_used_is_told(shop, reference, told):
    """Each fault says what was written, and where it was looked for."""
    with pytest.raises(ModelError, match=told):
        load_function(reference, shop, "model.target")
