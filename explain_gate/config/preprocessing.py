"""data.preprocessing: how an image file becomes the model's input."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from explain_gate.config.section import Section, Text

Size = Annotated[int, Field(gt=0, le=8192)]
Sides = Size | tuple[Size, Size]
Colour = Annotated[float, Field(ge=0, le=255)]


class PadSection(Section):
    """Letterbox: the whole picture fits into a size, and what is left over is filled."""

    size: Sides = Field(description="side, or [height, width], in pixels")
    colour: Colour | list[Colour] = Field(default=0, description="0 to 255, one number or one a channel")


class PreprocessingSection(Section):
    """How an image file becomes the model's input; regions move with it."""

    weights: Text | None = Field(default=None, description="a torchvision weights entry whose transforms are used")
    timm: Text | None = Field(default=None, description="a timm model whose evaluation transform is used")
    processor: Path | None = Field(default=None, description="a folder with Hugging Face's preprocessor_config.json")
    transform: Text | None = Field(
        default=None,
        description="package.module:callable of picture and mask: torchvision v2, albumentations, or a function",
    )
    resize: Sides | None = Field(default=None, description="shorter side, or [height, width], in pixels")
    crop: Sides | None = Field(default=None, description="centre crop: side, or [height, width], in pixels")
    pad: Sides | PadSection | None = Field(
        default=None, description="fit the whole picture into a size: side, [height, width], or {size, colour}"
    )
    interpolation: Literal["nearest", "bilinear", "bicubic"] | None = Field(
        default=None, description="of resize and pad"
    )
    mean: list[float] | None = Field(default=None, description="per channel, of values in [0, 1]")
    std: list[Annotated[float, Field(gt=0)]] | None = Field(default=None, description="per channel")
    channels: Annotated[int, Field(gt=0, le=1024)] = Field(default=3, description="of the model's input: 1, 3 or bands")
    order: Literal["rgb", "bgr"] = Field(default="rgb", description="of the three colours in the model's input")
    range: tuple[float, float] | None = Field(
        default=None, description="the stored values that become 0 and 1, such as [0, 4095] for 12 bits"
    )
    window: tuple[float, Annotated[float, Field(gt=0)]] | Literal["file"] | None = Field(
        default=None, description="DICOM: [centre, width], or file for the one that the file names"
    )

    @model_validator(mode="after")
    def _one_way(self) -> PreprocessingSection:
        ways = [name for name in ("weights", "timm", "processor", "transform") if getattr(self, name) is not None]
        if len(ways) > 1:
            raise ValueError(f"must name one of {', '.join(ways)}, got {len(ways)} of them")
        steps = ["resize", "crop", "pad", "interpolation", "mean", "std", "order"]
        steps += ["range"] if self.transform is not None else ["channels"]
        others = [name for name in steps if getattr(self, name) != type(self).model_fields[name].default]
        if ways and others:
            raise ValueError(f"{ways[0]} already says how to resize, crop and normalise; remove {', '.join(others)}")
        if self.pad is not None and (self.resize is not None or self.crop is not None):
            raise ValueError("pad already says the size; remove resize and crop")
        if self.interpolation is not None and self.resize is None and self.pad is None:
            raise ValueError("interpolation says how resize and pad work; write one of them")
        if (self.mean is None) != (self.std is None):
            raise ValueError("mean and std belong together; write both or neither")
        if self.mean is not None and self.std is not None and not len(self.mean) == len(self.std) == self.channels:
            raise ValueError(
                f"mean and std must have {self.channels} numbers each, one per channel, got {len(self.mean)} and "
                f"{len(self.std)}; preprocessing.channels says how many there are"
            )
        return self

    @model_validator(mode="after")
    def _values(self) -> PreprocessingSection:
        if self.order == "bgr" and self.channels != 3:
            raise ValueError(f"order: bgr is of three colours, got channels: {self.channels}")
        if self.range is not None and not self.range[0] < self.range[1]:
            raise ValueError(f"range must be [low, high], low first, got {list(self.range)}")
        if self.range is not None and self.window is not None:
            raise ValueError("range and window both say which values become 0 and 1; write one")
        colour = self.pad.colour if isinstance(self.pad, PadSection) else 0
        if isinstance(colour, list) and len(colour) != self.channels:
            raise ValueError(f"pad.colour must be one number or {self.channels}, got {len(colour)}")
        return self
