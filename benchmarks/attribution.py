"""Attribution methods against the libraries that made them, and against the floor: passes times the cost of a pass.

    python benchmarks/attribution.py                                  # random weights, random pictures
    python benchmarks/attribution.py --state weights.pt --pictures photographs/ --models mobilenet_v2
    python benchmarks/attribution.py --memory                         # peak memory of Integrated Gradients

One process measures everything, so that ratios mean something on a busy machine too; `--clock cpu` counts processor
time instead of waiting time. Peers run in float32 on the same frozen module, at most eight images at once, with options
that make their maps ours; Integrated
Gradients of Captum gets the smallest of the step counts 25, 50, 100, 150 ... at which every picture is at most 1 % off.
The cost of a pass is that of the plain module with memory kept from pass to pass, as the methods run it: without that
floors would be up to three times higher. Methods that a model has no layers for are left out of its table.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import resource
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from explain_gate.attribution.allocator import kept_memory
from explain_gate.attribution.attribute import explain
from explain_gate.attribution.base import Probe
from explain_gate.attribution.target_layer import find_target_layers
from explain_gate.errors import ModelError
from explain_gate.vision import torchvision, transforms

GOALS = {"integrated_gradients": 15.0, "score_cam": 5.0, "occlusion": 5.0}
ABOVE_FLOOR = 1.15
OPTIONS: dict[str, dict[str, Any]] = {
    "gradient": {},
    "gradient_x_input": {},
    "smooth_grad": {"samples": 10},
    "guided_backprop": {},
    "integrated_gradients": {},
    "expected_gradients": {"samples": 10},
    "grad_cam": {},
    "grad_cam_plus_plus": {},
    "layer_cam": {},
    "eigen_cam": {},
    "occlusion": {},
    "rise": {"masks": 50},
    "kernel_shap": {"samples": 100},
    "score_cam": {},
    "attention_rollout": {},
    "gradient_attention": {},
}
STEPS = [25, 50, 100, 150, 200, 300, 400, 600, 800]
PART = 8
"""Images that a peer gets at once: on a CPU it takes longer over more."""
MEMORY_GOAL = 2 * 1024**3


def main() -> None:
    """Print the table; exit 1 where a goal is missed."""
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    STEPS[:] = [steps for steps in STEPS if steps >= arguments.from_steps]
    if arguments.memory:
        sys.exit(0 if memory_table() else 1)
    clock = time.process_time if arguments.clock == "cpu" else time.perf_counter
    rows = []
    for model in arguments.models:
        for count in arguments.images:
            rows += measure(model, count, arguments, clock)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    missed = [f"{row['model']} {row['images']} {row['method']}: {row['missed']}" for row in rows if row["missed"]]
    print("goals missed:", *(missed or ["none"]), sep="\n  ")
    sys.exit(1 if missed else 0)


def measure(name: str, count: int, arguments: argparse.Namespace, clock: Callable[[], float]) -> list[dict[str, Any]]:
    """One table: a model, a number of images."""
    device = torch.device(arguments.device)
    module = build(name, arguments.state).to(device)
    images = pictures(arguments.pictures, count).to(device)
    with torch.no_grad():
        targets = torch.cat([module(part).argmax(1) for part in images.split(PART)])
    with kept_memory():
        forward, gradient = cost_of_a_pass(module, images, targets, clock)
    print(f"\n{name}, {count} images at 224 x 224, {device}, {torch.get_num_threads()} threads, {arguments.clock} time")
    print(f"one forward {forward * 1000:.1f} ms, one forward + backward {gradient * 1000:.1f} ms (plain module)")
    print(
        f"{'method':22}{'ours s':>9}{'passes':>8}{'floor s':>9}{'/ floor':>9}{'MiB':>7}{'peer s':>9}{'faster':>8}  note"
    )
    layers = find_target_layers(module, images)
    rows = []
    for method in arguments.methods or OPTIONS:
        peak = Peak(device)
        with Probe(module, target_layers=layers, memory_budget=arguments.budget) as probe:
            try:
                _warm_up(probe, method, images, targets)
            except ModelError as error:
                print(f"{method:22}  {str(error).splitlines()[0][:90]}", flush=True)
                continue
            probe.passes.forward = probe.passes.backward = 0
            start = clock()
            result = explain(probe, method, images, targets, [str(row) for row in range(count)], OPTIONS[method])
            _wait(device)
            ours = clock() - start
            taken = peak.taken()
        to_input = 0 if "cam" in method else probe.passes.backward
        floor = (probe.passes.forward - to_input) * forward + to_input * gradient
        peer, note = (None, "")
        if not arguments.no_peers and method in PEERS:
            few = min(count, arguments.peer_images.get(method, count))
            peer, note = PEERS[method](module, images[:few], targets[:few], layers[0], clock)
            if few < count:
                peer, note = peer * count / few, f"{note}, {few} images, scaled"
        if method == "integrated_gradients":
            steps = result.details["steps"].double()
            worst = result.details["completeness_error"].max().item()
            note += (
                f" ours: {steps.mean():.0f} gradients on average, {steps.max():.0f} at most, worst error {worst:.2%}"
            )
        row = {
            "model": name,
            "images": count,
            "method": method,
            "ours": ours,
            "passes": probe.passes.forward,
            "floor": floor,
            "peak": taken,
            "peer": peer,
            "missed": _missed(method, ours, floor, peer),
            "note": note.strip(),
        }
        rows.append(row)
        print(
            f"{method:22}{ours:9.2f}{probe.passes.forward:8d}{floor:9.2f}{ours / floor:9.2f}"
            + (f"{'-':>7}" if taken is None else f"{taken / 1024**2:7.0f}")
            + (f"{peer:9.2f}{peer / ours:8.1f}" if peer else f"{'-':>9}{'-':>8}")
            + f"  {note.strip()}",
            flush=True,
        )
    return rows


class Peak:
    """The most memory that the process, or its part of the device, takes above what it has now."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        gc.collect()
        with kept_memory():  # at its end what was freed before goes back to the system
            pass
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            self._before: int | None = torch.cuda.memory_allocated(device)
        else:
            self._before = _resident("VmRSS")
            with suppress(OSError):
                Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak counts from here

    def taken(self) -> int | None:
        """Bytes since then; None where the system does not tell."""
        now = torch.cuda.max_memory_allocated(self._device) if self._device.type == "cuda" else _resident("VmHWM")
        return None if now is None or self._before is None else now - self._before


def _resident(line: str) -> int | None:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    return next((int(told.split()[1]) * 1024 for told in status.splitlines() if told.startswith(line)), None)


def build(name: str, state: str | None) -> torch.nn.Module:
    """A torchvision model in eval mode, with a state dict of any precision if there is one."""
    torch.manual_seed(0)
    module = torchvision.models.get_model(name, weights=None)
    if state:
        loaded = torch.load(state, map_location="cpu", weights_only=True)
        module.load_state_dict({key: value.float() for key, value in loaded.items()})
    for layer in module.modules():
        if isinstance(layer, torch.nn.Linear) and not bool(layer.weight.any()):
            torch.nn.init.normal_(layer.weight, std=0.02)  # a ViT's head starts at zero: no score to explain
    return module.eval().requires_grad_(requires_grad=False)


def pictures(folder: str | None, count: int) -> Tensor:
    """Photographs spread over a folder, resized, cropped and normalised; or smooth random pictures."""
    if folder is None:
        coarse = torch.randn(count, 3, 14, 14, generator=torch.Generator().manual_seed(0))
        return torch.nn.functional.interpolate(coarse, size=224, mode="bilinear") * 1.5
    from PIL import Image

    transform = transforms.Compose(
        [
            transforms.PILToTensor(),
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToDtype(torch.float32, scale=True),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    files = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in {".jpg", ".png"})
    chosen = files[3 :: max(1, len(files) // count)][:count]
    return torch.stack([transform(Image.open(file).convert("RGB")) for file in chosen])


def cost_of_a_pass(
    module: torch.nn.Module, images: Tensor, targets: Tensor, clock: Callable[[], float]
) -> tuple[float, float]:
    """Seconds per image of a forward, and of a forward + backward to the input, at the better of two batch sizes."""

    def forward(part: Tensor, _: Tensor) -> None:
        with torch.no_grad():
            module(part)

    def gradient(part: Tensor, chosen: Tensor) -> None:
        part = part.detach().requires_grad_()
        torch.autograd.grad(module(part).gather(1, chosen[:, None]).sum(), part)

    costs = []
    for work in (forward, gradient):
        best = float("inf")
        for batch in (4, 8) if images.device.type == "cpu" else (32, 64):
            repeats = -(-batch // len(images))
            part = images.repeat(repeats, 1, 1, 1)[:batch].contiguous(memory_format=torch.channels_last)
            chosen = targets.repeat(repeats)[:batch]
            work(part, chosen)
            for _ in range(3):
                _wait(images.device)
                start = clock()
                work(part, chosen)
                _wait(images.device)
                best = min(best, (clock() - start) / batch)
        costs.append(best)
    return costs[0], costs[1]


def _captum(name: str, **options: Any) -> Callable[..., tuple[float, str]]:
    def run(
        module: torch.nn.Module, images: Tensor, targets: Tensor, layer: str, clock: Callable[[], float]
    ) -> tuple[float, str]:
        import captum.attr

        method = getattr(captum.attr, name)
        explainer = method(module, module.get_submodule(layer)) if name.startswith("Layer") else method(module)
        if name == "Saliency" and options.get("nt_samples"):
            explainer = captum.attr.NoiseTunnel(explainer)
        chosen = dict(options)
        size = 1 if name == "KernelShap" else PART  # KernelShap explains one image a call
        if name == "GradientShap":
            chosen["baselines"] = torch.randn_like(images[:PART])
        if name == "KernelShap":
            squares = torch.arange(224, device=images.device) * 7 // 224
            chosen["feature_mask"] = (squares[:, None] * 7 + squares).expand(1, 3, 224, 224).contiguous()
        start = clock()
        for part, classes in zip(images.split(size), targets.split(size), strict=True):
            explainer.attribute(part.clone().requires_grad_(), target=classes, **chosen)
        _wait(images.device)
        return clock() - start, f"Captum {name}"

    return run


def _captum_ig(
    module: torch.nn.Module, images: Tensor, targets: Tensor, layer: str, clock: Callable[[], float]
) -> tuple[float, str]:
    from captum.attr import IntegratedGradients

    del layer
    with torch.no_grad():
        change = torch.cat([module(part) for part in images.split(8)]) - module(torch.zeros_like(images[:1]))
    own = change.gather(1, targets[:, None])[:, 0]
    scale = torch.maximum(own.abs(), 0.1 * change.abs().amax(1))
    told, took, steps = "", 0.0, 0
    for steps in STEPS:
        start = clock()
        maps = torch.cat(
            [
                IntegratedGradients(module).attribute(
                    part, torch.zeros_like(part), target=classes, n_steps=steps, internal_batch_size=PART
                )
                for part, classes in zip(images.split(PART), targets.split(PART), strict=True)
            ]
        )
        _wait(images.device)
        took = clock() - start
        error = ((maps.flatten(1).double().sum(1) - own) / scale).abs().max().item()
        told += f" {steps}: {error:.1%}"
        if error <= 0.01:
            break
    return took, f"Captum at {steps} steps (worst error by steps{told});"


def _grad_cam(name: str) -> Callable[..., tuple[float, str]]:
    def run(
        module: torch.nn.Module, images: Tensor, targets: Tensor, layer: str, clock: Callable[[], float]
    ) -> tuple[float, str]:
        import pytorch_grad_cam
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

        module.requires_grad_(requires_grad=True)  # it differentiates towards the parameters
        with getattr(pytorch_grad_cam, name)(module, [module.get_submodule(layer)]) as cam:
            start = clock()
            for part, classes in zip(images.split(PART), targets.split(PART), strict=True):
                cam(part, [ClassifierOutputTarget(int(target)) for target in classes])
            took = clock() - start
        module.requires_grad_(requires_grad=False)
        for parameter in module.parameters():
            parameter.grad = None
        return took, f"pytorch-grad-cam {name}"

    return run


PEERS: dict[str, Callable[..., tuple[float, str]]] = {
    "gradient": _captum("Saliency"),
    "gradient_x_input": _captum("InputXGradient"),
    "smooth_grad": _captum("Saliency", nt_samples=10),
    "guided_backprop": _captum("GuidedBackprop"),
    "integrated_gradients": _captum_ig,
    "expected_gradients": _captum("GradientShap", n_samples=10),
    "grad_cam": _captum("LayerGradCam"),
    "grad_cam_plus_plus": _grad_cam("GradCAMPlusPlus"),
    "layer_cam": _grad_cam("LayerCAM"),
    "eigen_cam": _grad_cam("EigenCAM"),
    "occlusion": _captum("Occlusion", sliding_window_shapes=(3, 32, 32), strides=(3, 16, 16)),
    "kernel_shap": _captum("KernelShap", n_samples=100),
    "score_cam": _grad_cam("ScoreCAM"),
}


def memory_table() -> bool:
    """Peak memory of a whole process that runs Integrated Gradients on large models; True where all stay below."""
    print(f"{'model':14}{'peak MiB':>10}{'goal MiB':>10}  4 images at 224 x 224, budget 512 MiB, whole process")
    fine = True
    for name in ("vgg16", "densenet201", "resnet50"):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            peak = pool.apply(_peak, (name,))
        fine &= peak <= MEMORY_GOAL
        print(f"{name:14}{peak / 1024**2:10.0f}{MEMORY_GOAL / 1024**2:10.0f}", flush=True)
    return fine


def _peak(name: str) -> int:
    torch.set_num_threads(2)
    module = build(name, None)
    images = pictures(None, 4)
    with Probe(module, memory_budget=512 * 1024**2) as probe:
        explain(probe, "integrated_gradients", images, torch.arange(4), "abcd", {})
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _missed(method: str, ours: float, floor: float, peer: float | None) -> str:
    missed = []
    if ours > ABOVE_FLOOR * floor:
        missed.append(f"{ours / floor:.2f} x its floor, goal {ABOVE_FLOOR}")
    if peer and method in GOALS and peer < GOALS[method] * ours:
        missed.append(f"{peer / ours:.1f} times faster than the peer, goal {GOALS[method]:.0f}")
    return "; ".join(missed)


def _warm_up(probe: Probe, method: str, images: Tensor, targets: Tensor) -> None:
    """An untimed call that takes the memory that the timed one reuses, as in a run of many batches."""
    few = min(len(images), {"occlusion": 1, "score_cam": 1}.get(method, PART))
    short = {"integrated_gradients": {"max_steps": 9}, "rise": {"masks": 4}, "kernel_shap": {"samples": 50}}
    options = {**OPTIONS[method], **short.get(method, {})}
    explain(probe, method, images[:few], targets[:few], [str(row) for row in range(few)], options)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["mobilenet_v2", "resnet50"])
    parser.add_argument("--images", nargs="+", type=int, default=[8, 32])
    parser.add_argument("--methods", nargs="+", choices=list(OPTIONS))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--state", help="state dict of the models")
    parser.add_argument("--pictures", help="a folder of photographs")
    parser.add_argument("--budget", type=int, help="bytes that passes may take")
    parser.add_argument("--from-steps", type=int, default=0, help="leave out smaller step counts of Captum's")
    parser.add_argument(
        "--peer-images", nargs="+", default=[], metavar="METHOD=N", help="measure a slow peer on N images, and scale"
    )
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--memory", action="store_true", help="measure peak memory instead")
    parser.add_argument("--json", help="write the rows to this file as well")
    arguments = parser.parse_args()
    arguments.peer_images = {
        method: int(number) for method, number in (told.split("=") for told in arguments.peer_images)
    }
    return arguments


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
