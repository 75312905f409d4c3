"""A story: an honest and a cheating version of one model go through one gate, and accuracy does not tell them apart."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

LOOKS = ("alignment", "reliance", "randomization", "agreement", "strategies")
"""Families that say what a model looks at or depends on."""
VERSIONS = ("honest", "cheating")
Loss = Callable[[Tensor, Tensor], Tensor]


def train(
    model: nn.Module, pixels: Tensor, truth: Tensor, loss: Loss, *, seed: int, epochs: int, rate: float = 6e-3
) -> nn.Module:
    """Fit a model, on one thread, the same for the same seed. Shapes: pixels (N, C, H, W), truth (N,)."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-3)
    steps = epochs * -(-len(pixels) // 32)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=steps)
    model.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(pixels), generator=generator).split(32):
            optimizer.zero_grad()
            loss(model(pixels[rows]), truth[rows]).backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def save(model: nn.Module, path: Path) -> None:
    """Write a model's weights."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, path)


def gate(example: Path, project: Path) -> bool:
    """Gate both versions by the example's thresholds.yaml; True where the story came out as it should.

    That is: the honest version passes, the cheating one is blocked by a rule of explanation or behaviour, and the rules
    of performance hold for both.

    Args:
        example: the example's folder, with thresholds.yaml and model.py.
        project: holds images, annotations and checkpoints/VERSION.safetensors; reports go there too.
    """
    (project / "thresholds.yaml").write_text((example / "thresholds.yaml").read_text(encoding="utf-8"), "utf-8")
    (project / "model.py").write_text((example / "model.py").read_text(encoding="utf-8"), "utf-8")
    verdicts = {version: _verdict(project, version) for version in VERSIONS}
    for version, verdict in verdicts.items():
        accuracy = next(one["value"] for one in verdict["findings"] if one["check"] == "performance.accuracy")
        print(f"{version}: {verdict['verdict']}, accuracy {accuracy:.2f}; broken: {', '.join(_broken(verdict)) or '-'}")
    broken = _broken(verdicts["cheating"])
    return (
        verdicts["honest"]["verdict"] == "passed"
        and verdicts["cheating"]["verdict"] == "failed"
        and any(check.startswith(LOOKS) for check in broken)
        and not any(check.startswith("performance") for check in broken)
    )


def _verdict(project: Path, version: str) -> dict[str, Any]:
    output = project / f"report-{version}"
    command = [sys.executable, "-m", "explain_gate.cli", "run", "--config", "thresholds.yaml", "--no-tracking"]
    command += ["--checkpoint", f"checkpoints/{version}.safetensors", "--output", output.name]
    subprocess.run(command, cwd=project, check=False, stdout=subprocess.DEVNULL)
    document: dict[str, Any] = json.loads((output / "verdict.json").read_text(encoding="utf-8"))
    return document


def _broken(verdict: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(one["check"] for one in verdict["findings"] if one["status"] == "failed"))
