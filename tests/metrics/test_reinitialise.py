"""Re-initialised models: everything is drawn anew, by the model's own initialisers, and nothing else is touched."""
# ruff: noqa: D102 - forward is what forward is

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from explain_gate.metrics.reinitialise import find_blocks, randomize


class Token(nn.Module):
    """Bare parameters, an attention layer and a normalisation layer."""

    def __init__(self) -> None:
        super().__init__()
        self.class_token = nn.Parameter(torch.randn(1, 1, 8))
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.BatchNorm1d(8)
        self.head = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = torch.cat([self.class_token.expand(len(x), 1, 8), x], dim=1)
        mixed, _ = self.attention(tokens, tokens, tokens)
        out: torch.Tensor = self.head(self.norm(mixed[:, 0]))
        return out


def _trained() -> Token:
    torch.manual_seed(0)
    module = Token()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter))
        module.norm.running_mean.fill_(3.0)  # type: ignore[union-attr]
    return module.eval()


@pytest.mark.parametrize("rebuild", [None, Token])
def test_every_parameter_is_drawn_anew(rebuild: type[nn.Module] | None) -> None:
    """Also class tokens, attention projections and running statistics; the trained module stays as it was."""
    module = _trained()
    before = copy.deepcopy(module.state_dict())
    fresh = randomize(module, 1, rebuild).state_dict()
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])
        if value.is_floating_point() and not name.endswith("running_var"):
            assert not torch.equal(fresh[name], value), name
    assert torch.equal(fresh["norm.weight"], torch.ones(8))
    assert torch.equal(fresh["norm.running_mean"], torch.zeros(8))


def test_the_seed_decides_and_the_global_state_is_left_alone() -> None:
    """One seed gives one model, another another; torch's own generator goes on as if nothing had happened."""
    module = _trained()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (randomize(module, seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first["head.weight"], again["head.weight"])
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_the_models_own_initialisers_draw() -> None:
    """A builder that starts from a spread of 7 gives weights of that spread, not those of the layer's default."""

    def build() -> nn.Module:
        module = nn.Sequential(nn.Linear(50, 50))
        nn.init.normal_(module[0].weight, std=7.0)
        return module

    fresh = randomize(build(), 3, build)
    assert fresh[0].weight.std().item() == pytest.approx(7.0, rel=0.1)  # type: ignore[index]


def test_weights_that_the_builder_loads_are_drawn_all_the_same() -> None:
    """A builder that always gives the same weights has loaded them: the layer's own initialiser draws instead."""
    torch.manual_seed(0)
    loaded = nn.Sequential(nn.Linear(6, 6)).state_dict()

    def build() -> nn.Module:
        module = nn.Sequential(nn.Linear(6, 6))
        module.load_state_dict(loaded)
        return module

    fresh = randomize(build(), 3, build)
    assert not torch.equal(fresh.state_dict()["0.weight"], loaded["0.weight"])


def test_layers_of_one_shape_differ() -> None:
    """Two layers of equal shape are not given the same numbers."""
    fresh = randomize(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)), 0).state_dict()
    assert not torch.equal(fresh["0.weight"], fresh["1.weight"])


class Crooked(nn.Module):
    """Registered in another order than it runs, with a part that never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 2)
        self.unused = nn.Linear(4, 4)
        self.stem = nn.Linear(4, 4)
        self.body = nn.Sequential(*(nn.Linear(4, 4) for _ in range(6)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.head(self.body(self.stem(x)))
        return out


def test_blocks_follow_execution_from_the_output_down() -> None:
    """The head first, alone; every unit once; what does not run comes last."""
    module = Crooked()
    blocks = find_blocks(module, lambda: module(torch.zeros(1, 4)), 4)
    units = [unit for block in blocks for unit in block.units]
    assert blocks[0].units == ("head",)
    assert units == ["head", *(f"body.{place}" for place in range(5, -1, -1)), "stem", "unused"]
    assert len(blocks) == 4


def test_one_step_takes_everything() -> None:
    """A cascade of one step is the whole model; no step is an error."""
    module = Crooked()
    (block,) = find_blocks(module, lambda: module(torch.zeros(1, 4)), 1)
    assert len(block.units) == 9
    with pytest.raises(ValueError, match="at least 1"):
        find_blocks(module, lambda: None, 0)
