"""Mask PNGs: `<annotations>/<class>/<image name>.png`, or `<annotations>/labels.csv` with image, class and mask.

labels.csv may also have the columns annotator and part.
"""

from __future__ import annotations

import csv
from pathlib import Path

from explain_gate.data.annotations.annotated import Annotated
from explain_gate.data.annotations.names import with_stem
from explain_gate.data.git_lfs import pointer_fault
from explain_gate.data.regions import Drawn, Shape
from explain_gate.errors import DataError


def read(folder: Path, images: Path) -> Annotated:
    """What each mask says, and the class names (order of the folders' names, or of first mention in labels.csv).

    A mask belongs to the image of the same name, in the images folder or in its subfolder named like the class.

    Raises:
        DataError: no masks, masks without an image (all listed), or a labels.csv that misses columns or files.
    """
    table = folder / "labels.csv"
    drawn = _from_table(table, folder) if table.is_file() else _from_folders(folder, images)
    return Annotated(drawn=tuple(drawn), classes=tuple(dict.fromkeys(item.class_name for item in drawn)))


def _from_table(table: Path, folder: Path) -> list[Drawn]:
    try:
        with table.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = {"image", "class"} - set(reader.fieldnames or ())
            if missing:
                if fault := pointer_fault(table):
                    raise DataError(fault)
                raise DataError(f"{table}: must have the columns image, class and (optional) mask, misses {missing}")
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table}: not a readable CSV file ({error})") from error
    drawn, faults = [], []
    root = folder.resolve()
    for line, row in enumerate(rows, start=2):
        if not row["image"] or not row["class"]:
            faults.append(f"line {line}: image and class must not be empty")
            continue
        name = row.get("mask") or f"{Path(row['image']).stem}.png"
        try:
            mask = (folder / name).resolve()
            usable = mask.is_relative_to(root) and mask.is_file()
        except (OSError, ValueError):
            usable = False
        if not usable:
            faults.append(f"line {line}: no mask {name[:80]!r} in {folder}")
            continue
        shape = Shape(file=mask, annotator=row.get("annotator") or None, part=row.get("part") or None)
        drawn.append(Drawn(file_name=row["image"], class_name=row["class"], shapes=(shape,)))
    if faults:
        raise DataError(f"{table}: {len(faults)} faulty lines:\n" + "\n".join(faults[:20]))
    return drawn


def _from_folders(folder: Path, images: Path) -> list[Drawn]:
    drawn, faults = [], []
    for class_folder in sorted(path for path in folder.iterdir() if path.is_dir()):
        for mask in sorted(class_folder.glob("*.png")):
            name = with_stem(images, mask.stem, f"{class_folder.name}/{mask.stem}")
            if name is None:
                faults.append(f"{class_folder.name}/{mask.name}")
                continue
            drawn.append(Drawn(file_name=name, class_name=class_folder.name, shapes=(Shape(file=mask),)))
    if faults:
        raise DataError(f"{folder}: masks without an image of the same name in {images}: {', '.join(faults)}")
    if not drawn:
        raise DataError(f"{folder}: must hold <class>/<image name>.png masks, or a labels.csv; found neither")
    return drawn
