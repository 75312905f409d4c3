"""The cascade: what it reuses changes no number, on networks of several shapes."""
# ruff: noqa: D102 - forward is what forward is

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from explain_gate.attribution.attribute import explain
from explain_gate.attribution.base import Probe
from explain_gate.measuring.asking.cascade import Cascade
from explain_gate.metrics.reinitialise import randomize


class Residual(nn.Module):
    """A block whose output the next one overwrites, as in ResNets."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.relu(self.norm(self.conv(x)) + x)
        return out


class Dense(nn.Module):
    """Blocks whose outputs are all used again at the end, in place ReLUs between them; one block runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.shared = nn.Conv2d(6, 6, 3, padding=1)
        self.first = Residual(6)
        self.second = Residual(6)
        self.last = nn.Conv2d(18, 8, 3, padding=1)
        self.head = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        stem = self.shared(self.shared(torch.relu_(self.stem(x))))
        first = self.first(stem)
        second = self.second(first)
        out: torch.Tensor = self.head(torch.relu_(self.last(torch.cat([stem, first, second], 1))).mean((2, 3)))
        return out


def _chain() -> nn.Module:
    stem = [nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6), nn.ReLU(inplace=True)]
    blocks = [Residual(6) for _ in range(4)]
    return nn.Sequential(nn.Sequential(*stem), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))


NETWORKS: dict[str, Callable[[], nn.Module]] = {"chain": _chain, "dense": Dense}


def _run(module: nn.Module) -> Any:
    with torch.no_grad():
        return module(torch.zeros(1, 3, 24, 24))


def _maps(cascade: Cascade, pixels: torch.Tensor, method: str, *, reuse: bool) -> list[torch.Tensor]:
    """Maps of every step."""
    maps = []
    labels = torch.zeros(len(pixels), dtype=torch.int64)
    cascade.restore(reuse=reuse)
    with Probe(cascade.module, batch=2, fold_norms=False) as probe:
        for step in range(len(cascade.blocks)):
            cascade.randomize(step)
            found = explain(probe, method, pixels, labels, [str(row) for row in range(len(pixels))])
            maps.append(found.maps)
    return maps


@pytest.mark.parametrize("method", ["grad_cam", "gradient"])
@pytest.mark.parametrize("network", NETWORKS)
def test_reuse_changes_no_map(network: str, method: str) -> None:
    """Every step gives the same maps whether what lies below the cut is remembered or run again."""
    torch.manual_seed(0)
    module = NETWORKS[network]().eval()
    cascade = Cascade(module, randomize(module, 1), _run, 5)
    pixels = torch.randn(5, 3, 24, 24, generator=torch.Generator().manual_seed(2))
    plain = _maps(cascade, pixels, method, reuse=False)
    reused = _maps(cascade, pixels, method, reuse=True)
    for one, other in zip(plain, reused, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    assert not torch.equal(plain[0], plain[-1])


def test_blocks_below_the_cut_run_once_per_image() -> None:
    """Over five steps the stem computes for every image about twice, not five times."""
    torch.manual_seed(0)
    module = _chain().eval()
    cascade = Cascade(module, randomize(module, 1), _run, 5)
    computed = 0
    stem = cascade.module.get_submodule("0.0")
    original = torch.nn.functional.conv2d

    def counting(images: torch.Tensor, weight: torch.Tensor, *rest: Any, **named: Any) -> torch.Tensor:
        nonlocal computed
        if weight is stem.weight:
            computed += len(images)
        return original(images, weight, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.functional, "conv2d", counting)
        _maps(cascade, torch.randn(4, 3, 24, 24), "grad_cam", reuse=True)
    # Twice for the first images, whose chunk is cut smaller to meter its memory; once more when it is re-initialised.
    assert 4 + 4 <= computed <= 4 + 4 + 4 + 1


def test_the_trained_weights_come_back() -> None:
    """After the last step, restoring gives the trained model's scores again; the module itself never changed."""
    torch.manual_seed(0)
    module = Dense().eval()
    pixels = torch.randn(2, 3, 24, 24)
    with torch.no_grad():
        before = module(pixels)
        cascade = Cascade(module, randomize(module, 1), _run, 3)
        for step in range(len(cascade.blocks)):
            cascade.randomize(step)
        assert not torch.allclose(cascade.module(pixels), before)
        cascade.restore(reuse=False)
        torch.testing.assert_close(cascade.module(pixels), before)
        torch.testing.assert_close(module(pixels), before)


def test_the_last_step_is_the_re_initialised_model() -> None:
    """When every block is drawn, the scores are those of the model that was drawn at once."""
    torch.manual_seed(0)
    module = _chain().eval()
    fresh = randomize(module, 1)
    cascade = Cascade(module, fresh, _run, 4)
    for step in range(len(cascade.blocks)):
        cascade.randomize(step)
    pixels = torch.randn(2, 3, 24, 24)
    with torch.no_grad():
        torch.testing.assert_close(cascade.module(pixels), fresh.eval()(pixels))
