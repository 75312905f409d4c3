"""Integrated Gradients on every photograph of a folder: does the tolerance hold, and how far is the map?

    python benchmarks/integrated_gradients.py --pictures photos/ --state mobilenet_v2.pt
    python benchmarks/integrated_gradients.py --pictures photos/ --builder my_models:build --mean 0.5 --std 0.5
    python benchmarks/integrated_gradients.py --pictures photos/ --state mobilenet_v2.pt --hardest 3 --reference 4096

Explained is the class that the model predicts, or with `--class-rank 2` its second choice and so on: the lower it is,
the less the score changes from the baseline, and the more its parts cancel. `--reference N` compares the maps of the
images with the smallest change with a trapezoid of N uniform steps in float64. Images whose budget ran out are named
with what it takes. Exits 1 where an image is neither within the tolerance nor named; without the folder or the weights
there is nothing to measure, which is said, and exit 0.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

import torch
from torch import Tensor

from explain_gate.attribution.attribute import explain
from explain_gate.attribution.base import Probe
from explain_gate.vision import torchvision, transforms

TOLERANCE = 0.01
PART = 8


def main() -> None:
    """Print one line per image that matters, and the totals."""
    arguments = _arguments()
    for path in (arguments.pictures, arguments.state):
        if path is not None and not Path(path).exists():
            print(f"skipped: {path} is not there")
            return
    torch.set_num_threads(arguments.threads)
    module = _module(arguments).eval().requires_grad_(requires_grad=False)
    files = sorted(path for path in Path(arguments.pictures).rglob("*") if path.suffix.lower() in {".jpg", ".png"})
    files = files[:: arguments.every]
    rows: list[dict[str, float]] = []
    with Probe(module) as probe:
        for start in range(0, len(files), PART):
            images = _pictures(files[start : start + PART], arguments)
            with torch.no_grad():
                targets = module(images).argsort(dim=1, descending=True)[:, arguments.class_rank - 1]
            keys = [file.stem for file in files[start : start + PART]]
            found = explain(probe, "integrated_gradients", images, targets, keys, {"max_steps": arguments.max_steps})
            for row, target in enumerate(targets.tolist()):
                numbers = {name: float(column[row]) for name, column in found.details.items()}
                rows.append({**numbers, "file": start + row, "target": target})
    silent = _report(files, rows)
    smallest = sorted(rows, key=lambda row: abs(row["score_difference"]))[: arguments.hardest]
    for row in smallest if arguments.reference else ():
        _compare(module, files[int(row["file"])], row, arguments)
    sys.exit(1 if silent else 0)


def _report(files: list[Path], rows: list[dict[str, float]]) -> int:
    """Print the totals; returns how many images are neither within the tolerance nor named."""
    steps = sorted(row["steps"] for row in rows)
    short = [row for row in rows if row["steps_needed"] > row["steps"]]
    fine = [row for row in rows if row["steps_needed"] == row["steps"]]
    silent = sum(not row["completeness_error"] <= TOLERANCE for row in fine)
    print(
        f"{len(rows)} images: {sum(steps) / len(steps):.0f} gradients on average, {steps[len(steps) // 2]:.0f} in the "
        f"middle, {steps[-1]:.0f} at most; {len(short)} ran out of them; {silent} beyond the tolerance without a word"
    )
    print(
        f"worst completeness error {max((row['completeness_error'] for row in fine), default=0):.2%}, "
        f"worst estimated distance of a map {max((row['map_error'] for row in fine), default=0):.2%}, "
        f"largest sum of the path's errors {max((row['path_residual'] for row in fine), default=0):.2f} of the change"
    )
    for row in short:
        print(f"  out of budget: {files[int(row['file'])].name}, about {row['steps_needed']:.0f} gradients would do")
    return silent


def _compare(module: torch.nn.Module, file: Path, row: dict[str, float], arguments: argparse.Namespace) -> None:
    images = _pictures([file], arguments)
    target = torch.tensor([int(row["target"])])
    with Probe(module) as probe:
        options = {"max_steps": arguments.max_steps}
        ours = explain(probe, "integrated_gradients", images, target, ["a"], options).maps[0].double()
    exact = _trapezoid(module.double(), images.double(), int(target), arguments.reference)
    module.float()
    print(
        f"{file.name}: change {row['score_difference']:+.3f}, magnitudes {float(exact.abs().sum()):.1f}, "
        f"{row['steps']:.0f} gradients, {float((ours - exact).norm() / exact.norm()):.2%} from {arguments.reference} "
        f"uniform steps in float64 (told: {row['map_error']:.2%})",
        flush=True,
    )


def _trapezoid(module: torch.nn.Module, image: Tensor, target: int, steps: int) -> Tensor:
    whole = torch.zeros(image.shape[-2:], dtype=torch.float64)
    for alphas in torch.linspace(0, 1, steps + 1, dtype=torch.float64).split(PART):
        points = (alphas.view(-1, 1, 1, 1) * image).requires_grad_()
        (gradients,) = torch.autograd.grad(module(points)[:, target].sum(), points)
        weights = torch.where((alphas == 0) | (alphas == 1), 0.5, 1.0) / steps
        whole += (gradients * image * weights.view(-1, 1, 1, 1)).sum((0, 1))
    return whole


def _module(arguments: argparse.Namespace) -> torch.nn.Module:
    if arguments.builder:
        name, _, function = arguments.builder.partition(":")
        built: torch.nn.Module = getattr(importlib.import_module(name), function)()
        return built
    module = torchvision.models.get_model(arguments.model, weights=None)
    if arguments.state:
        state = torch.load(arguments.state, map_location="cpu", weights_only=True)
        module.load_state_dict({key: value.float() for key, value in state.items()})
    return module


def _pictures(files: list[Path], arguments: argparse.Namespace) -> Tensor:
    from PIL import Image

    mean, std = ((value * 3)[:3] for value in (arguments.mean, arguments.std))
    steps = [transforms.PILToTensor(), transforms.Resize(256), transforms.CenterCrop(224)]
    transform = transforms.Compose(
        [*steps, transforms.ToDtype(torch.float32, scale=True), transforms.Normalize(mean, std)]
    )
    return torch.stack([transform(Image.open(file).convert("RGB")) for file in files])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", required=True, help="a folder of photographs")
    parser.add_argument("--model", default="mobilenet_v2", help="of torchvision")
    parser.add_argument("--state", help="its state dict")
    parser.add_argument("--builder", help="package.module:function that returns a module, in place of --model")
    parser.add_argument("--mean", nargs="+", type=float, default=[0.485, 0.456, 0.406])
    parser.add_argument("--std", nargs="+", type=float, default=[0.229, 0.224, 0.225])
    parser.add_argument("--class-rank", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="take every so manieth photograph")
    parser.add_argument("--max-steps", type=int, default=512)
    parser.add_argument("--hardest", type=int, default=3)
    parser.add_argument("--reference", type=int, default=0, help="uniform steps to compare with")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args()


if __name__ == "__main__":
    main()
