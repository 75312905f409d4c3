"""Clues -> lines of thresholds.yaml, each with where it was seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from explain_gate.commands.survey.clue import Clue

_PLACES = {
    "model.name": ("FILL_IN", "as reports and tracking shall call it"),
    "model.source": ("FILL_IN.module:build", "package.module:callable that builds it, torchvision:NAME, or timm:NAME"),
    "model.arguments": ("{}", ""),
    "model.checkpoint": (
        "FILL_IN.safetensors",
        "as your trainer writes it (.ckpt, a folder); no line where the source reads it",
    ),
    "model.task": (None, ""),
    "data.images": ("FILL_IN/images", "a folder of image files"),
    "data.annotations": ("FILL_IN/annotations.coco.json", "COCO JSON, VOC, YOLO, labelme, CVAT, a CSV, or masks"),
    "data.classes": (None, "{name: logit index}, or the names in the order of the logits"),
    "data.preprocessing": (
        '{transform: "FILL_IN.module:evaluate"}',
        "that of your evaluation: {resize: 256, crop: 224, mean: [...], std: [...]}, {weights: ...}, {timm: ...}",
    ),
}
"""What a line says that nothing is known of, and what to write there; None: there is no line then."""
_WIDEST = 120
_AFTER = {"model.task": "model.checkpoint", "data.classes": "data.annotations"}


def plain(value: Any) -> str:
    """A value as one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def fill_in(text: str, clues: Mapping[str, Clue], left: Mapping[str, str]) -> str:
    """The text of a thresholds.yaml with model and data as the clues say, and FILL IN where there is none."""
    for key, (placeholder, what) in _PLACES.items():
        name = key.partition(".")[2]
        if key in clues:
            value = clues[key].value
            line = f"  {name}: {plain(value)}" if value is not None else f"  # {name}: none"
            lines = [f"  # guessed: {clues[key].seen}", line]
        elif placeholder is not None:
            beside = f"  {name}: {placeholder}   # FILL IN: {what}"
            above = [f"  # FILL IN: {what}", f"  {name}: {placeholder}"]
            lines = [f"  {name}: {placeholder}"] if not what else [beside] if len(beside) <= _WIDEST else above
        elif key in left:
            lines = [f"  # FILL IN {name}: {left[key]}", f"  {name}: {{FILL_IN: 0}}   # {what}"]
        else:
            continue
        text = _put(text, key, "\n".join(lines))
    return _of_a_detector(text) if "model.task" in clues and clues["model.task"].value == "detection" else text


def _of_a_detector(text: str) -> str:
    """Boxes come and go along a path, so that few maps add up; occlusion asks for no path and no gradient."""
    text = re.sub(r"(?m)^  (?=integrated_gradients: )", "  # ", text)
    text = re.sub(r"(?m)^    (?=relative_error: )", "    # ", text)
    return re.sub(r"(?m)^  # (?=occlusion: )", "  ", text)


def _put(text: str, key: str, lines: str) -> str:
    """In place of the key's line; behind another's where there is none."""
    section, _, name = key.partition(".")
    head, mark, body = text.partition(f"\n{section}:\n")
    after = _AFTER.get(key, "").partition(".")[2]
    pattern = rf"(?m)^  (?:# )?{after or name}: .*$"
    return head + mark + re.sub(pattern, lambda old: f"{old[0]}\n{lines}" if after else lines, body, count=1)
