import pytest
import torch

import explain_gate as eg
from explain_gate.attribution import METHODS
from explain_gate.attribution.attribute import method_function
from explain_gate.errors import ModelError, OptionError
from explain_gate.records import Attribution

OWN = """
import torch
from explain_gate.records import Attribution

def brightness(probe, images, targets, *, keys, power=1.0):
    return Attribution(method="x", kind="magnitude", maps=images.abs().sum(1) ** power)

def coarse(probe, images, targets, *, keys):
    return Attribution(method="x", kind="signed", maps=torch.zeros(len(images), 2, 2))

def negative(probe, images, targets, *, keys):
    return Attribution(method="x", kind="positive", maps=-torch.ones(len(images), 16, 16))

def broken(probe, images, targets, *, keys):
    return Attribution(method="x", kind="signed", maps=torch.full((len(images), 16, 16), float("nan")))

def tensor(probe, images, targets, *, keys):
    return images

number = 3
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "shop_methods.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)


def test_every_card_names_a_function_and_its_options():
    """Every option on a card is a keyword of the function with that default, and the reverse; each has a meaning."""
    import inspect

    for name, card in METHODS.items():
        parameters = inspect.signature(method_function(name)).parameters.values()
        keywords = {each.name: each.default for each in parameters if each.kind is each.KEYWORD_ONLY}
        del keywords["keys"]
        assert {option.name: option.default for option in card.options} == keywords, name
        assert {option.name for option in card.options} == set(card.meanings), name


def test_your_own_method(reused, images, targets, own):
    """package.module:function is called with its options, and the map carries its name."""
    result = eg.attribute(reused, images, targets, "shop_methods:brightness", power=2.0)
    assert torch.allclose(result.maps, images.abs().sum(1) ** 2)
    assert result.method == "shop_methods:brightness"


@pytest.mark.parametrize(
    ("method", "error", "told"),
    [
        ("shop_methods:coarse", ModelError, r"maps of shape \(5, 16, 16\), got \(5, 2, 2\)"),
        ("shop_methods:negative", ModelError, "calls its maps positive"),
        ("shop_methods:tensor", ModelError, "must return an explain_gate.records.Attribution, got Tensor"),
        ("shop_methods:number", OptionError, "must be a function, got int"),
        ("shop_methods:nothing", OptionError, "nothing"),
        ("no_such_module:nothing", OptionError, "No module named"),
        ("grad_camm", OptionError, "method must be one of gradient"),
    ],
)
def test_methods_that_cannot_be_used(reused, images, targets, own, method, error, told):
    """A wrong name or result is an error that says what was expected."""
    with pytest.raises(error, match=told):
        eg.attribute(reused, images, targets, method)


def test_maps_that_are_not_finite_are_not_hidden(reused, images, targets, own):
    """NaN comes back as NaN: the run marks such a map unmeasured, it must not look like a map of zeros."""
    assert eg.attribute(reused, images, targets, "shop_methods:broken").maps.isnan().all()


def test_an_unknown_option_lists_the_options(reused, images, targets):
    """A misspelt option is an error that lists the method's options."""
    with pytest.raises(OptionError, match="no option steps; it has baseline, tolerance, max_steps"):
        eg.attribute(reused, images, targets, steps=3)


@pytest.mark.parametrize(
    ("images", "targets", "told"),
    [
        (torch.zeros(3, 8, 8), [0], "images must be floating point"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), [0], "images must be floating point"),
        (torch.zeros(2, 3, 8, 8), [0], "targets and keys must be one per image"),
        (torch.zeros(0, 3, 8, 8), [], "at least one"),
    ],
)
def test_batches_that_cannot_be_used(reused, images, targets, told):
    """Images and targets must fit together."""
    with pytest.raises(OptionError, match=told):
        eg.attribute(reused, images, targets, "gradient")


def test_the_result_is_a_record(reused, images, targets):
    """Maps come back detached, float32, on the images' device."""
    result = eg.attribute(reused, images.double(), targets, "gradient")
    assert isinstance(result, Attribution)
    assert result.maps.dtype == torch.float32
    assert not result.maps.requires_grad
