"""Preprocessing that libraries write down: torchvision's weights, timm's models, Hugging Face's processors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from explain_gate.errors import ConfigError

_TOP = 255.0
_RESAMPLE = {0: "nearest", 2: "bilinear", 3: "bicubic"}
"""Pillow's numbers, which processors write, of what torch does as well."""
_HARMLESS = {"do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_convert_rgb", "do_flip_channel_order",
             "do_reduce_labels", "do_convert_annotations"}  # fmt: skip
_CONVNEXT_SIDE = 384


def torchvision_weights(name: str) -> dict[str, Any]:
    """Of a torchvision weights entry; nothing is downloaded.

    Raises:
        ConfigError: there is none of that name.
    """
    from explain_gate.vision import torchvision

    try:
        preset = torchvision.models.get_weight(name).transforms()
    except (ValueError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"data.preprocessing.weights must be a torchvision weights entry such as ResNet50_Weights.IMAGENET1K_V2, "
            f"got {name}"
        ) from error
    if not hasattr(preset, "crop_size"):
        raise ConfigError(
            f"data.preprocessing.weights: {name} belongs to a {type(preset).__name__}, not to a classifier; write "
            "resize, mean and std"
        )
    return {
        "resize": preset.resize_size[0],
        "crop": preset.crop_size[0],
        "mean": tuple(preset.mean),
        "std": tuple(preset.std),
        "interpolation": preset.interpolation.value,
    }


def timm_model(name: str) -> dict[str, Any]:
    """Of a timm model, as its evaluation transform: resize by its crop share, centre crop, normalise.

    Raises:
        ConfigError: timm is not installed, does not know the model, or its evaluation is not done here.
    """
    from explain_gate import vision

    _ = vision.torchvision  # timm imports it
    try:
        import timm
    except ImportError as error:
        raise ConfigError("data.preprocessing.timm needs timm: pip install 'explain-gate[timm]'") from error
    known = timm.models.get_pretrained_cfg(name.removeprefix("timm:"))
    if known is None:
        raise ConfigError(f"data.preprocessing.timm must be a model that timm knows, got {name}")
    settings = timm.data.resolve_data_config(pretrained_cfg=known.to_dict())  # type: ignore[no-untyped-call, attr-defined]
    height, width = settings["input_size"][1:]
    share, mode = settings["crop_pct"], settings.get("crop_mode") or "center"
    if mode == "border" or (height != width and mode == "center"):
        raise ConfigError(
            f"data.preprocessing.timm: {name} is evaluated with crop mode {mode} at {width} x {height}, which is not "
            "done here; write resize or pad, crop, mean and std"
        )
    resize: int | tuple[int, int] = int(height / share)
    if mode == "squash":
        resize = (int(height / share), int(width / share))
    interpolation = "bilinear" if settings["interpolation"] == "random" else settings["interpolation"]
    return {
        "resize": resize,
        "crop": (height, width),
        "mean": tuple(settings["mean"]),
        "std": tuple(settings["std"]),
        "interpolation": _usable(interpolation, f"timm: {name}"),
        "channels": settings["input_size"][0],
    }


def processor(folder: Path) -> dict[str, Any]:
    """Of a Hugging Face folder's preprocessor_config.json; transformers is not needed for it.

    Raises:
        ConfigError: there is no such file, or it asks for what is not done here.
    """
    path = folder if folder.is_file() else folder / "preprocessor_config.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"data.preprocessing.processor must be a folder with a preprocessor_config.json, got {path} ({error})"
        ) from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: must be a mapping")
    asked = sorted(key for key, value in data.items() if key.startswith("do_") and value and key not in _HARMLESS)
    if asked:
        raise ConfigError(
            f"{path}: asks for {', '.join(asked)}, which is not done here; write resize or pad, crop, mean and std"
        )
    try:
        return _processor(data, path)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise ConfigError(f"{path}: cannot be understood ({error!r}); write resize, crop, mean and std") from error


def _processor(data: Mapping[str, Any], path: Path) -> dict[str, Any]:
    crops = bool(data.get("do_center_crop"))
    resize = _size(data.get("size"), crops=crops, path=path) if data.get("do_resize", True) else None
    crop: Any = _sides(data.get("crop_size")) if crops else None
    share = data.get("crop_pct")
    if share and isinstance(resize, int) and resize < _CONVNEXT_SIDE:
        # ConvNeXt: the shorter side becomes larger by the share, then the centre is cut out.
        resize, crop = int(resize / share), (resize, resize)
    elif share and isinstance(resize, int):
        resize = (resize, resize)
    # The model gets pixel * factor (- 1 with an offset), less the mean, over the spread; here pixels are in [0, 1].
    factor = _TOP * data.get("rescale_factor", 1 / _TOP) if data.get("do_rescale", True) else _TOP
    offset = 1.0 if data.get("rescale_offset") else 0.0
    normalised = data.get("do_normalize", True)
    mean = data.get("image_mean") if normalised else None
    std = data.get("image_std") if normalised else None
    if normalised and (mean is None or std is None):
        raise KeyError("image_mean and image_std")
    return {
        "resize": resize,
        "crop": crop,
        "mean": tuple((float(one) + offset) / factor for one in mean or (0.0,) * 3),
        "std": tuple(float(one) / factor for one in std or (1.0,) * 3),
        "interpolation": _usable(_RESAMPLE.get(data.get("resample", 2), data.get("resample")), str(path)),
        "order": "bgr" if data.get("do_flip_channel_order") else "rgb",
    }


def _size(size: Any, *, crops: bool, path: Path) -> Any:
    if isinstance(size, Mapping) and set(size) == {"shortest_edge"}:
        return int(size["shortest_edge"])
    if isinstance(size, Mapping) and {"height", "width"} != set(size):
        raise ConfigError(f"{path}: a size of {dict(size)} is not done here; write resize or pad, crop, mean and std")
    # An old file writes one number: the shorter side where a crop follows (CLIP), both sides where none does (ViT).
    return size if isinstance(size, int) and crops else _sides(size)


def _sides(size: Any) -> tuple[int, int]:
    if isinstance(size, Mapping):
        return int(size["height"]), int(size["width"])
    if isinstance(size, int):
        return size, size
    height, width = size
    return int(height), int(width)


def _usable(interpolation: Any, where: str) -> str:
    if interpolation not in ("nearest", "bilinear", "bicubic"):
        raise ConfigError(
            f"data.preprocessing: {where} resizes with {interpolation}; nearest, bilinear and bicubic are done here"
        )
    return str(interpolation)
