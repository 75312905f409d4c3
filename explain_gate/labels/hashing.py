"""What a picture looks like in 255 bits, and which pictures are alike: a perceptual hash by the cosine transform.

After pHash (Zauner 2010), with 16 x 16 frequencies in place of 8 x 8, so that pictures of one kind (cells, scans) still
differ. Of a mirrored picture the odd columns change their sign, so that mirrored copies are met too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from explain_gate.data.decoding import decode
from explain_gate.data.preprocessing import Preprocessing
from explain_gate.errors import DataError
from explain_gate.labels.grid import coarse
from explain_gate.studies.kept import Kept

BITS = 255
ALIKE = 60
"""Bits that two pictures may differ by and be called alike: of pictures without relation about half of them differ."""
_SIDE, _FREQUENCIES = 64, 16
_AT_ONCE = 256
_FLAT = 1e-9

Bits = NDArray[np.bool_]


def bits_of(gray: NDArray[np.floating]) -> Bits | None:
    """The hash of a picture (H, W), (255,) bool; None for a picture of one colour, which is like any other."""
    waves = dctn(coarse(gray, _SIDE, _SIDE), norm="ortho")[:_FREQUENCIES, :_FREQUENCIES].flatten()[1:]
    if np.abs(waves).max() <= _FLAT * max(1.0, float(np.abs(gray).max())):
        return None
    bits: Bits = waves > np.median(waves)
    return bits


def mirrored(gray: NDArray[np.floating]) -> NDArray[np.floating]:
    """The same picture left to right."""
    return gray[:, ::-1]


def hashes(
    paths: Sequence[Path], preprocessing: Preprocessing, kept: Kept, tell: Callable[[int, int], None]
) -> tuple[dict[Path, tuple[Bits, Bits]], list[str]]:
    """The hash of every picture and of its mirror image, and a sentence for each that cannot be read.

    Files are known by path, size and time of change; what `kept` holds of them is not read again.
    """
    read: dict[Path, tuple[Bits, Bits]] = {}
    faults: list[str] = []
    for start in range(0, len(paths), _AT_ONCE):
        some = paths[start : start + _AT_ONCE]
        key = hashlib.sha256("\n".join(_identity(path) for path in some).encode()).hexdigest()
        if key not in kept.answers:
            kept.keep(key, [_hashed(path, preprocessing) for path in some])
        for path, answer in zip(some, kept.answers[key], strict=True):
            if answer is None:
                continue
            if len(answer) == 1:
                faults.append(answer[0])
            else:
                read[path] = (_from_text(answer[0]), _from_text(answer[1]))
        tell(min(start + _AT_ONCE, len(paths)), len(paths))
    return read, faults


def near(
    one: Sequence[tuple[Bits, Bits]], others: Sequence[tuple[Bits, Bits]], most: int = ALIKE
) -> Iterator[tuple[int, int, int]]:
    """Positions of pictures that differ by at most so many bits, mirrored or not, and by how many."""
    if not one or not others:
        return
    signs = np.stack([bits for bits, _ in others]).astype(np.float32) * 2 - 1
    for start in range(0, len(one), _AT_ONCE):
        some = one[start : start + _AT_ONCE]
        alike = [np.stack(side).astype(np.float32) * 2 - 1 for side in zip(*some, strict=True)]
        apart = (BITS - np.maximum(alike[0] @ signs.T, alike[1] @ signs.T)) / 2
        for row, column in zip(*np.nonzero(apart <= most), strict=True):
            yield start + int(row), int(column), round(float(apart[row, column]))


def _identity(path: Path) -> str:
    stat = path.stat()
    return f"{path}\t{stat.st_size}\t{stat.st_mtime_ns}"


def _hashed(path: Path, preprocessing: Preprocessing) -> list[str] | None:
    """Two hashes as text, one fault, or None for a picture of one colour."""
    try:
        gray = decode(path, preprocessing).values.double().mean(dim=0).numpy()
    except (DataError, OSError) as error:
        return [str(error)]
    bits, other = bits_of(gray), bits_of(mirrored(gray))
    return None if bits is None or other is None else [_to_text(bits), _to_text(other)]


def _to_text(bits: Bits) -> str:
    return np.packbits(bits).tobytes().hex()


def _from_text(text: str) -> Bits:
    return np.unpackbits(np.frombuffer(bytes.fromhex(text), dtype=np.uint8), count=BITS).astype(bool)
