"""Annotations of any supported format -> one list of entries, and what was dropped or read otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from explain_gate.config import GateConfig
from explain_gate.data.annotations.annotated import Annotated, Leftovers, first
from explain_gate.data.annotations.by_task import for_task
from explain_gate.data.annotations.entries import Entries, Entry, classes_of, entries_of
from explain_gate.data.annotations.formats import read_annotated
from explain_gate.data.annotations.names import Names
from explain_gate.data.regions import Drawn
from explain_gate.errors import DataError
from explain_gate.seeds import lowest_of_each
from explain_gate.tasks import TASKS, SetFacts

_ROUNDING = 2
"""Pixels that a shape may reach beyond its picture without a word: tools round, and count from 0 or from 1."""


def read_entries(config: GateConfig) -> Entries:
    """The entries that thresholds.yaml describes, limited and stratified as it says.

    Raises:
        DataError: annotations that cannot be read, point outside the images folder or name missing files (all listed).
    """
    section = config.sections.data
    folder, source = config.resolve(section.images), config.resolve(section.annotations)
    if not folder.is_dir():
        raise DataError(f"{folder}: data.images is not a folder ({config.path}:{config.line('data', 'images')})")
    annotated = read_annotated(
        source,
        folder,
        f"{config.path}:{config.line('data', 'annotations')}",
        values=config.sections.model.task.name == "regression",
    )
    if not annotated.drawn:
        raise DataError(
            "\n".join([f"{source}: no annotated image in it; a gate over nothing would always pass", *annotated.notes])
        )
    own = for_task(annotated, config.sections, source)
    classes = classes_of(own.classes, own.order, own.drawn, source)
    names = Names(folder)
    per_object = config.sections.model.task.name in TASKS and TASKS[config.sections.model.task.name].per_object
    entries = entries_of(own.drawn, classes, names, source, per_object=per_object)
    facts = SetFacts(
        classes=classes,
        nothing=None if own.nothing is None else classes[own.nothing],
        bare=frozenset(_bare(entries)),
        mean=own.mean,
        deviation=own.deviation,
    )
    if section.limit is not None:
        entries = stratified(entries, section.limit, config.sections.seed)
    notes = (
        *annotated.notes,
        *names.notes(source.name),
        *_cut(annotated.drawn, source),
        *_without(annotated, own.drawn, source),
    )
    return Entries(entries=tuple(entries), classes=classes, notes=notes, facts=facts)


def _without(annotated: Annotated, drawn: Sequence[Drawn], source: Path) -> list[str]:
    """Images on which nothing is drawn are not measured; that they are there is told."""
    shown = {item.file_name for item in drawn}
    without = [name for name in dict.fromkeys(annotated.without) if name not in shown]
    if not without:
        return []
    told = (
        f"{source.name}: {len(without)} of {len(without) + len(shown)} images have no object and are not measured, "
        f"since a classifier has no right answer for them ({first(without)}); "
        "data.background_class names the class that is right for them"
    )
    return [told]


def _bare(entries: Sequence[Entry]) -> set[int]:
    """Classes all of whose pictures are known to show no object."""
    return {entry.label for entry in entries if entry.empty} - {entry.label for entry in entries if not entry.empty}


def _cut(drawn: Sequence[Drawn], source: Path) -> tuple[str, ...]:
    """Shapes that reach beyond the picture they state, by more than rounding."""
    left = Leftovers()
    for item in drawn:
        for shape in item.shapes:
            if item.size is None or (extent := shape.extent()) is None:
                continue
            height, width = item.size
            over = max(-extent[0], -extent[1], extent[2] - width, extent[3] - height)
            if over > max(_ROUNDING, 0.02 * max(item.size)):
                left.add("shapes reach beyond their picture and are cut at its edge", f"{item.file_name} by {over:.0f}")
    return left.notes(source.name)


def stratified(entries: Sequence[Entry], limit: int, seed: int) -> list[Entry]:
    """At most `limit` entries, as evenly over the classes as they allow, seeded, in their old order.

    Drawn by the files' names: to read every file and then leave most of them out would cost what a limit saves.
    """
    if len(entries) <= limit:
        return list(entries)
    rows = lowest_of_each(
        range(len(entries)),
        limit,
        group=lambda row: entries[row].class_name,
        digest=lambda row: entries[row].image,
        name=lambda row: entries[row].image,
        seed=seed,
        purpose="limit",
    )
    return [entries[row] for row in sorted(rows)]
