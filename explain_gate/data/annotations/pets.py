"""Oxford-IIIT Pet as torchvision lays it out: list.txt, trainval.txt or test.txt beside trimaps/, one class a breed."""

from __future__ import annotations

from pathlib import Path

from explain_gate.data.annotations.annotated import Annotated
from explain_gate.data.regions import Drawn, Shape
from explain_gate.errors import DataError

_ANIMAL, _BORDER = 1, 3


def fits(source: Path) -> bool:
    """Whether this is the data set's `annotations` folder or one of its lists."""
    folder = source.parent if source.suffix == ".txt" else source
    return source.exists() and (folder / "trimaps").is_dir()


def read(source: Path) -> Annotated:
    """What the list says of each image, and the breeds in the order of their numbers; a folder means its list.txt.

    The trimap's animal is the region; its border, which belongs to neither side, is ignored.

    Raises:
        DataError: the list cannot be read, or lines or trimaps are faulty, all of them listed.
    """
    table = source if source.is_file() else source / "list.txt"
    try:
        lines = table.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{table}: not a readable list ({error})") from error
    drawn, faults = [], []
    breeds: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        name = words[0].rpartition("_")[0]
        mask = table.parent / "trimaps" / f"{words[0]}.png"
        if not name or Path(words[0]).name != words[0] or len(words) < 2 or not words[1].isdigit():
            faults.append(f"line {number}: must be <breed>_<number> <class> ..., got {line[:80]!r}")
        elif not mask.is_file():
            faults.append(f"line {number}: no trimap {mask.name}")
        else:
            breeds[name] = int(words[1])
            shapes = (Shape(file=mask, values=(_ANIMAL,)), Shape(file=mask, values=(_BORDER,), ignore=True))
            drawn.append(Drawn(file_name=f"{words[0]}.jpg", class_name=name, shapes=shapes))
    if faults:
        raise DataError(f"{table}: {len(faults)} faulty lines:\n" + "\n".join(faults[:20]))
    return Annotated(drawn=tuple(drawn), classes=tuple(sorted(breeds, key=lambda name: (breeds[name], name))))
