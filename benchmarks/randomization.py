"""Randomization against Quantus MPRT over the same blocks: the same network, images, method and number of maps.

    python benchmarks/randomization.py [--images 16] [--size 224] [--threads 1] [--network mobilenet_v2] [--steps 6]

Needs quantus (pip install quantus captum). Contenders: ours; Quantus told to randomize our blocks, so that both make
the same number of maps; with --as-it-comes also Quantus with every layer a step. Times are CPU seconds (with one
thread, what an idle core would take) of the metric alone, after the map of the trained model was made. Quantus is
given Captum's LayerGradCam over the same layer.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from explain_gate.attribution.attribute import explain
from explain_gate.attribution.base import Probe
from explain_gate.attribution.target_layer import find_target_layers
from explain_gate.measuring.asking.cascade import Cascade
from explain_gate.metrics.correlation import pearson, ranks
from explain_gate.metrics.reinitialise import Block, randomize
from explain_gate.vision import torchvision


def main() -> None:
    """Measure and print one JSON line per contender, then the ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--network", default="mobilenet_v2")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--as-it-comes", action="store_true", help="also Quantus with every layer a step (minutes)")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(0)
    module = torchvision.models.get_model(chosen.network, weights=None).eval()
    pixels = torch.randn(chosen.images, 3, chosen.size, chosen.size)
    labels = torch.arange(chosen.images) % 10
    (layer,) = find_target_layers(module, pixels[:1])
    ours, blocks, curve = _ours(module, pixels, labels, layer, chosen.steps)
    told = {"images": chosen.images, "steps": len(blocks), "curve": [round(value, 3) for value in curve]}
    print(json.dumps({"who": "explain-gate", "seconds": round(ours, 2), **told}))
    theirs, maps = _quantus(module, pixels, labels, layer, blocks)
    print(json.dumps({"who": "quantus, same blocks", "seconds": round(theirs, 2), "maps": maps}))
    print(json.dumps({"ratio": round(theirs / ours, 1)}))
    if chosen.as_it_comes:
        theirs, maps = _quantus(module, pixels, labels, layer, None)
        print(json.dumps({"who": "quantus as it comes", "seconds": round(theirs, 2), "maps": maps}))
        print(json.dumps({"ratio": round(theirs / ours, 1)}))


def _ours(
    module: nn.Module, pixels: torch.Tensor, labels: torch.Tensor, layer: str, steps: int
) -> tuple[float, tuple[Block, ...], list[float]]:
    """Seconds of a whole cascade, drawing included; blocks; the curve."""

    def run(given: nn.Module) -> Any:
        with torch.no_grad():
            return given(pixels[:1])

    keys = [str(row) for row in range(len(pixels))]
    with Probe(module, target_layers=[layer]) as probe:
        before = explain(probe, "grad_cam", pixels, labels, keys).maps
    began = time.process_time()
    cascade = Cascade(module, randomize(module, 1), run, steps)
    fixed = ranks(before.flatten(1))
    curve = []
    with Probe(cascade.module, target_layers=[layer], fold_norms=False) as probe:
        # One image first, as in a run: its memory is metered, and from then on chunks are cut alike at every step.
        explain(probe, "grad_cam", pixels[:1], labels[:1], keys[:1])
        cascade.restore(reuse=True)
        for step in range(len(cascade.blocks)):
            cascade.randomize(step)
            maps = explain(probe, "grad_cam", pixels, labels, keys).maps
            curve.append(pearson(fixed, ranks(maps.flatten(1))).mean().item())
    return time.process_time() - began, cascade.blocks, curve


def _quantus(
    module: nn.Module, pixels: torch.Tensor, labels: torch.Tensor, layer: str, blocks: tuple[Block, ...] | None
) -> tuple[float, int]:
    """Seconds of Quantus MPRT, top-down, and the number of times it asked for maps."""
    import quantus
    from captum.attr import LayerAttribution, LayerGradCam

    asked = 0

    def explain_func(model: nn.Module, inputs: Any, targets: Any, **_: Any) -> Any:
        nonlocal asked
        asked += 1
        images = torch.as_tensor(np.asarray(inputs)).float()
        cam = LayerGradCam(model, model.get_submodule(layer))
        found = cam.attribute(images, target=torch.as_tensor(np.asarray(targets)).long(), relu_attributions=True)
        return LayerAttribution.interpolate(found, tuple(images.shape[-2:])).detach().numpy()

    noise = np.random.default_rng(0)

    def similarity(first: Any, second: Any, **named: Any) -> Any:
        # Its own Spearman fails on the constant maps that re-initialised networks give; a trace of noise lets it pass.
        traced = [np.asarray(m, float) + 1e-9 * noise.standard_normal(np.shape(m)) for m in (first, second)]
        return quantus.similarity_func.correlation_spearman(*traced, **named)

    metric = quantus.MPRT(
        similarity_func=similarity,
        layer_order="top_down",
        disable_warnings=True,
        display_progressbar=False,
    )
    images, targets = pixels.numpy(), labels.numpy()
    before = explain_func(module, images, targets)
    asked = 0
    with _over_blocks(blocks):
        began = time.process_time()
        metric(
            model=module,
            x_batch=images,
            y_batch=targets,
            a_batch=before,
            explain_func=explain_func,
            device="cpu",
            batch_size=len(images),
        )
        return time.process_time() - began, asked


class _over_blocks:  # noqa: N801 - used as a function
    """Quantus' generator of randomized models yields one per block instead of one per layer."""

    def __init__(self, blocks: tuple[Block, ...] | None) -> None:
        self._blocks = blocks

    def __enter__(self) -> None:
        from quantus.helpers.model.pytorch_model import PyTorchModel

        self._home: Any = PyTorchModel
        self._before: Callable[..., Any] = PyTorchModel.get_random_layer_generator
        if self._blocks is None:
            return
        blocks = self._blocks

        def by_block(self: Any, order: str = "top_down", seed: int = 42) -> Iterator[tuple[str, nn.Module]]:
            import copy

            original = self.state_dict()
            copied = copy.deepcopy(self.model)
            copied.load_state_dict(original)
            for block in blocks:
                for unit in block.units:
                    for part in copied.get_submodule(unit).modules():
                        if hasattr(part, "reset_parameters"):
                            torch.manual_seed(seed + 1)
                            part.reset_parameters()
                yield block.name, copied

        self._home.get_random_layer_generator = by_block
        if isinstance(getattr(self._home, "random_layer_generator_length", None), property):
            self._length = self._home.random_layer_generator_length
            self._home.random_layer_generator_length = property(lambda _: len(blocks))

    def __exit__(self, *_: object) -> None:
        self._home.get_random_layer_generator = self._before
        if hasattr(self, "_length"):
            self._home.random_layer_generator_length = self._length


if __name__ == "__main__":
    main()
