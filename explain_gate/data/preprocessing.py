"""How a picture becomes the model's input: from thresholds.yaml, a library's preset, or a team's own function."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from explain_gate.config import PadSection, PreprocessingSection
from explain_gate.data import presets, transforming
from explain_gate.own_code import make_importable

_COLOURS = 3
_ALWAYS = ("resize", "crop", "mean", "std", "interpolation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """Resize or pad, centre crop and normalisation, as numbers. `resize`, `crop`, `pad`: sides or (height, width).

    `pad` fits the whole picture into its size and fills the rest with `pad_colour`, 0 to 255 a channel. `channels` are
    those of the model's input, `order` is that of the three colours, `range` the stored values that become 0 and 1,
    `window` the centre and width of a DICOM window, or "file". `transform` names a team's function, which does all of
    it; `mean` and `std` then only say how its output is shown as a picture.
    """

    resize: int | tuple[int, int] | None
    crop: int | tuple[int, int] | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bilinear"
    pad: tuple[int, int] | None = None
    pad_colour: tuple[float, ...] = (0.0,)
    order: str = "rgb"
    channels: int = _COLOURS
    range: tuple[float, float] | None = None
    window: tuple[float, float] | str | None = None
    transform: str | None = None

    def describe(self) -> dict[str, Any]:
        """JSON for the manifest and the dataset's digest; what was not asked for is left out."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        defaults = {field.name: field.default for field in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) and name not in ("resize", "crop") else value
            for name, value in plain.items()
            if name in _ALWAYS or value != defaults[name]
        }


def preprocessing_of(section: PreprocessingSection, folder: Path | None = None) -> Preprocessing:
    """Numbers from thresholds.yaml, from a preset (nothing is downloaded), or measured on a team's own function.

    `folder` is that of thresholds.yaml: a processor's folder is relative to it, and modules are looked for in it.

    Raises:
        ConfigError: there is no such preset, or it asks for what is not done here.
        DataError: the function cannot be used: it moves the picture and not the mask, is random, or raises.
    """
    common: dict[str, Any] = {"channels": section.channels, "order": section.order, "range": section.range}
    common["window"] = section.window
    if section.transform is not None:
        if folder is not None:
            make_importable(folder)
        black, white = transforming.probe(section.transform, section.channels)
        spread = [high - low for low, high in zip(black, white, strict=True)]
        mean = tuple(-low / one for low, one in zip(black, spread, strict=True))
        std = tuple(1 / one for one in spread)
        common["channels"] = len(mean)
        return Preprocessing(resize=None, crop=None, mean=mean, std=std, transform=section.transform, **common)
    preset: dict[str, Any] | None = None
    if section.weights is not None:
        preset = presets.torchvision_weights(section.weights)
    elif section.timm is not None:
        preset = presets.timm_model(section.timm)
    elif section.processor is not None:
        preset = presets.processor(section.processor if folder is None else folder / section.processor)
    if preset is not None:
        return Preprocessing(**{**common, **preset})
    pad, colour = _pad(section.pad)
    return Preprocessing(
        resize=section.resize,
        crop=section.crop,
        mean=tuple(section.mean or (0.0,) * section.channels),
        std=tuple(section.std or (1.0,) * section.channels),
        interpolation=section.interpolation or "bilinear",
        pad=pad,
        pad_colour=colour,
        **common,
    )


def _pad(section: Any) -> tuple[tuple[int, int] | None, tuple[float, ...]]:
    if section is None:
        return None, (0.0,)
    size = section.size if isinstance(section, PadSection) else section
    colour = section.colour if isinstance(section, PadSection) else 0.0
    sides = (size, size) if isinstance(size, int) else (size[0], size[1])
    return sides, tuple(map(float, colour)) if isinstance(colour, list) else (float(colour),)


def normalize(pixels: torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
    """(..., C, H, W) in [0, 1] -> normalised."""
    mean = torch.tensor(preprocessing.mean, dtype=pixels.dtype, device=pixels.device).view(-1, 1, 1)
    std = torch.tensor(preprocessing.std, dtype=pixels.dtype, device=pixels.device).view(-1, 1, 1)
    return (pixels - mean) / std


def denormalize(pixels: torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
    """The inverse of `normalize`."""
    mean = torch.tensor(preprocessing.mean, dtype=pixels.dtype, device=pixels.device).view(-1, 1, 1)
    std = torch.tensor(preprocessing.std, dtype=pixels.dtype, device=pixels.device).view(-1, 1, 1)
    return pixels * std + mean


def visible(pixels: torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
    """Normalised pixels (C, H, W) as people see them: red, green and blue (3, H, W) in [0, 1].

    One channel is shown as gray, and of more than three the first one is.
    """
    shown = denormalize(pixels, preprocessing).clamp(0, 1)
    if len(shown) != _COLOURS:
        return shown[:1].expand(_COLOURS, -1, -1)
    return shown.flip(0) if preprocessing.order == "bgr" else shown
