"""The methods of one version in sentences, and their tables on a page that opens from disk."""

from __future__ import annotations

from typing import Any

from explain_gate.digits import number, plural
from explain_gate.metrics import METRICS, family
from explain_gate.publishing.pages.page import render
from explain_gate.studies.methods import FAMILIES, MethodsRecord, Table, most_faithful

_MOST = {"faithfulness": "most faithful", "alignment": "best aligned", "stability": "most stable"}


def told_methods(record: MethodsRecord) -> list[str]:
    """A sentence for each metric over all images, and one for what single classes say otherwise."""
    lines = []
    for name in FAMILIES:
        for table in record.tables:
            if family(table.check) == name and table.class_name is None:
                lines.append(_of(table))
                others = [
                    f"{one.class_name} ({', '.join(one.first)})"
                    for one in record.tables
                    if one.check == table.check and one.class_name is not None and not set(one.first) & set(table.first)
                ]
                if others:
                    lines.append(f"Not so for {', '.join(others)}.")
    if record.silent:
        lines.append(f"Not compared, as no two methods have it on one image: {', '.join(record.silent)}.")
    return lines


def told_choice(record: MethodsRecord) -> list[str]:
    """What to write so that rules ask the most faithful method, and what that asks for."""
    chosen = most_faithful(record)
    if not chosen:
        return ["To choose: none. No method is first by every metric of faithfulness, or none was measured."]
    others = f", or one of {', '.join(chosen[1:])}, which tie" if len(chosen) > 1 else ""
    return [
        f"To choose, in the rules of maps that say methods: [...], such as alignment: methods: [{chosen[0]}]{others}.",
        "Bounds are of the method that they were set with: explain-gate calibrate sets them again.",
    ]


def render_methods(record: MethodsRecord) -> str:
    """The page: a table for each metric over all images and by class, and the tests behind the ranks."""
    sections: list[dict[str, Any]] = []
    for table in record.tables:
        whom = "all images" if table.class_name is None else table.class_name
        lead = METRICS[table.check.partition("/")[0]].summary
        sections.append(
            {
                "title": f"{table.check}: {whom}",
                "lead": f"{lead[:1].upper()}{lead[1:].rstrip('.')}. {table.better.capitalize()} is better; "
                f"{plural(table.images, 'image')}, each under all methods.",
                "drawing": "",
                "columns": ("method", "rank", "mean", "95 % interval", "ties with"),
                "rows": [
                    (one.method, one.rank, number(one.mean), _span(one.interval), _ties(table, one.method))
                    for one in table.standings
                ],
            }
        )
    tests = [
        (table.check, table.class_name or "all images", pair.better, pair.worse, number(pair.difference),
         _span(pair.interval), number(pair.p), "tie" if pair.tie else "better")
        for table in record.tables
        for pair in table.pairs
    ]  # fmt: skip
    sections.append(
        {
            "title": "Tests",
            "lead": "Paired by image, two-sided, after Holm over all pairs and classes of a metric; 0.05 decides.",
            "drawing": "",
            "columns": ("metric", "images of", "better mean", "other", "difference", "95 % interval", "p", "says"),
            "rows": tests,
        }
    )
    return render(
        "study.html.j2",
        title=f"{record.model}: its attribution methods",
        told=told_methods(record),
        sections=sections,
        note=f"Model {record.model_digest[:12]}, seed {record.seed}. How well a map aligns says more of the model than "
        "of the method: where a model looks beside the object, a faithful map does not align.",
    )


def _of(table: Table) -> str:
    best, count = table.standings[0], plural(table.images, "image")
    superlative = _MOST[family(table.check)]
    if len(table.first) == 1:
        return f"{best.method} is {superlative} by {table.check}: {number(best.mean)} over {count}."
    if len(table.first) == len(table.standings):
        return f"By {table.check} no method is {superlative} beyond chance: all {len(table.first)} tie over {count}."
    return f"{', '.join(table.first)} tie as {superlative} by {table.check} over {count}."


def _ties(table: Table, method: str) -> str:
    others = [
        pair.worse if pair.better == method else pair.better
        for pair in table.pairs
        if pair.tie and method in (pair.better, pair.worse)
    ]
    return ", ".join(others) or "none"


def _span(ends: tuple[float, float]) -> str:
    return f"{number(ends[0])} to {number(ends[1])}"
