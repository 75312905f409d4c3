"""What a model takes its classes to be, in sentences and as a sheet for each on a page that opens from disk."""

from __future__ import annotations

from html import escape

from markupsafe import Markup

from explain_gate.digits import number
from explain_gate.publishing.pages.page import render
from explain_gate.studies.classes import ClassesRecord, Sheet


def told_classes(record: ClassesRecord) -> list[str]:
    """A sentence a class."""
    return [_of(sheet) for sheet in record.sheets]


def render_classes(record: ClassesRecord) -> str:
    """The page; its pictures lie beside it."""
    return render(
        "study.html.j2",
        title=f"{record.model}: what it takes each class to be",
        told=told_classes(record),
        sections=[
            {
                "title": sheet.class_name,
                "lead": "Above: what makes the logit largest; below it: what makes the softmax largest.",
                "drawing": Markup(_pictures(sheet)),  # noqa: S704 - our own files, names escaped
                "columns": ("picture of", "logit", "probability", "like objects alone", "like backgrounds alone"),
                "rows": [
                    (
                        "the logit",
                        *map(number, sheet.scores[0]),
                        _told(sheet.like_objects),
                        _told(sheet.like_backgrounds),
                    ),
                    ("the softmax", *map(number, sheet.scores[1]), "", ""),
                ],
            }
            for sheet in record.sheets
        ],
        note=f"Model {record.model_digest[:12]}, seed {record.seed}, {record.steps} steps. Likeness: cosine of what "
        "enters the head, less the mean of all objects and backgrounds.",
    )


def _rows(sheet: Sheet) -> list[tuple[str, ...]]:
    likeness = (_told(sheet.like_objects), _told(sheet.like_backgrounds))
    return [
        ("the logit", *map(number, sheet.scores[0]), *likeness),
        ("the softmax", *map(number, sheet.scores[1]), "", ""),
    ]


def _of(sheet: Sheet) -> str:
    if sheet.like_objects is None or sheet.like_backgrounds is None:
        return f"{sheet.class_name}: no regions to compare its picture with."
    what = "its objects" if sheet.like_objects > sheet.like_backgrounds else "its backgrounds"
    return (
        f"{sheet.class_name}: its picture is more like {what} alone ({number(sheet.like_objects)} like objects, "
        f"{number(sheet.like_backgrounds)} like backgrounds, over {sheet.images} images)."
    )


def _told(value: float | None) -> str:
    return "no regions" if value is None else number(value)


def _pictures(sheet: Sheet) -> str:
    name = escape(sheet.class_name, quote=True)
    return "".join(
        f'<img src="{file}" alt="picture that makes the {what} of {name} largest" width="256">'
        for file, what in ((sheet.logit, "logit"), (sheet.softmax, "softmax"))
    )
