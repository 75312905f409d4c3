"""DICOM through pydicom (extra `medical`): modality values, a window, MONOCHROME1 the right way round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain_gate.data.preprocessing import Preprocessing
from explain_gate.errors import DataError

_BYTE = 255.0


def read(path: Path, preprocessing: Preprocessing) -> tuple[NDArray[Any], float | None]:
    """Values (H, W, C) and what the largest would be: of preprocessing.range, else of the window, else of the bits.

    Raises:
        DataError: pydicom is missing, several frames, or values whose meaning has to be said.
    """
    try:
        import pydicom.pixels
    except ImportError as error:
        raise DataError("a DICOM file needs pydicom: pip install 'explain-gate[medical]'") from error
    data = pydicom.dcmread(path)
    frames = int(data.get("NumberOfFrames", 1) or 1)
    if frames > 1:
        raise DataError(f"is a DICOM file of {frames} frames; a model of pictures takes one: save the frame to look at")
    raw = data.pixel_array
    if raw.ndim == 3:
        return raw, _BYTE
    modality = pydicom.pixels.apply_modality_lut(raw, data)  # type: ignore[attr-defined]
    values = np.asarray(modality, dtype=np.float64)
    low, high = _limits(data, values, preprocessing)
    if str(data.get("PhotometricInterpretation", "")) == "MONOCHROME1":
        # The smallest value is white.
        values = low + high - values
    if preprocessing.range is not None:
        return values[..., None], None
    return np.clip((values - low) / (high - low), 0.0, 1.0)[..., None], 1.0


def _limits(data: Any, values: NDArray[Any], preprocessing: Preprocessing) -> tuple[float, float]:
    """The modality values that become 0 and 1."""
    if preprocessing.range is not None:
        return preprocessing.range
    window = preprocessing.window
    if window == "file":
        if "WindowCenter" not in data or "WindowWidth" not in data:
            raise DataError("names no window, and preprocessing.window says file; write window: [centre, width]")
        window = (_first(data.WindowCenter), _first(data.WindowWidth))
    if isinstance(window, tuple):
        centre, width = window
        # PS3.3 C.11.2.1.2: the window's ends, in whole steps around its centre.
        low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
        return low, max(high, low + 1)
    plain = float(data.get("RescaleSlope", 1) or 1) == 1 and float(data.get("RescaleIntercept", 0) or 0) == 0
    if plain and int(data.get("PixelRepresentation", 0)) == 0 and "ModalityLUTSequence" not in data:
        return 0.0, float(2 ** int(data.BitsStored) - 1)
    raise DataError(
        f"is DICOM with values from {values.min():g} to {values.max():g}; write preprocessing.window: [centre, width], "
        "window: file for the one it names, or range: [low, high]"
    )


def _first(value: Any) -> float:
    """A window's number; a file may name several windows, of which the first is shown."""
    return float(value[0] if hasattr(value, "__len__") and not isinstance(value, str) else value)
