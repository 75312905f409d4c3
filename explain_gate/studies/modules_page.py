"""What the study of parts found, in words, as a chart over depth, and as a page that opens from disk."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from markupsafe import Markup

from explain_gate.digits import number, plural
from explain_gate.publishing.pages.page import render
from explain_gate.studies.channels import Ablated
from explain_gate.studies.modules import WAYS, ModulesRecord, Restored

_SHOWN = 6
"""Channels named in the table; the record has all."""
_NAMES = {"whole": "the whole output", "beside": "places beside the object", "on": "places on the object"}
_WIDTH, _HEIGHT, _LEFT, _TOP, _BASE = 720, 260, 44, 14, 216


def told_modules(record: ModulesRecord) -> list[str]:
    """What was found, a sentence each, the answer first."""
    cue = "the background" if record.cue == "background" else "a patch of the frame"
    low = record.effect_interval
    span = f" ({number(low[0])} to {number(low[1])})" if low else ""
    moved = f"{cue} of another class moves the margin by {number(record.effect)}{span}"
    moved += f" over {plural(record.images, 'image')}"
    if not record.answered:
        return [f"There is no cue to place: {moved}, which is no more than chance or than 1 % of the margin."]
    lines = [_of_head(record), f"{moved[:1].upper()}{moved[1:]}."]
    lines += _of_places(record)
    around = [one.block.name for one in record.parts if _below(one, "whole")]
    if around:
        lines.append(f"Less than half of it passes through {', '.join(around)}: it has another way.")
    lines += _of_channels(record)
    if record.left_out:
        lines.append(f"{plural(record.left_out, 'image')} without a region or a twin left out.")
    return lines


def render_modules(record: ModulesRecord) -> str:
    """The page: chart, its numbers, backbone against head."""
    rows = [
        (one.block.name, one.block.kind, " x ".join(map(str, one.block.shape)), *(_cell(one, way) for way in WAYS))
        for one in record.parts
    ]
    honest = record.honest
    heads = [
        ("its own head, cue of its own class", number(honest.on_base)),
        ("its own head, cue of another class", number(honest.on_twin)),
        ("its own head, both", number(honest.own)),
        (
            "an honest head on the same features, both",
            number(honest.honest) if honest.honest is not None else "not fitted",
        ),
        ("share regained", _regained(record)),
    ]
    return render(
        "study.html.j2",
        title=f"{record.model}: which part carries the cue",
        told=told_modules(record),
        sections=[
            {
                "title": "Over depth",
                "lead": "Share of the cue's effect that is taken back when one part puts out what it put out with the "
                "cue of the object's own class. 1: all of the cue passes there; 0: none does.",
                "drawing": Markup(_chart(record.parts)),  # noqa: S704 - drawn here, names escaped
                "columns": ("part", "kind", "one image's output", *(_NAMES[way] for way in WAYS)),
                "rows": rows,
            },
            {
                "title": "Backbone or head",
                "lead": f"A new linear head in place of {record.head}, fitted where the cue tells nothing and asked "
                "about other images. What it regains, the features still hold: the old head chose the cue.",
                "drawing": "",
                "columns": ("share of right answers", "value"),
                "rows": heads,
            },
            *_channels(record),
        ],
        note=f"Model {record.model_digest[:12]}, seed {record.seed}, {plural(record.images, 'image')}. "
        "Intervals: 95 %, over images.",
    )


def _of_head(record: ModulesRecord) -> str:
    honest = record.honest
    match honest.part:
        case "head":
            regained = _regained(record)
            return f"The head ({record.head}) carries the cue: an honest head on its features regains {regained}."
        case "backbone":
            return f"The backbone carries the cue: an honest head on its features regains only {_regained(record)}."
        case "unclear":
            return f"Backbone or head is not told: an honest head regains {_regained(record)} of what the cue costs."
    return f"Backbone or head is not told: {honest.reason}."


def _of_places(record: ModulesRecord) -> list[str]:
    """How deep the cue lies beside the object, over the parts that it passes through."""
    spatial = [one for one in record.parts if one.share["beside"] is not None and not _below(one, "whole")]
    names = [one.block.name for one in spatial]
    lying = [at for at, one in enumerate(spatial) if not _below(one, "beside")]
    if not spatial:
        return []
    if not lying:
        return [f"Already in {names[0]} less than half of the cue lies at the places beside the object."]
    if lying[-1] == len(spatial) - 1:
        return [f"It lies beside the object up to {names[-1]}, the last part on its way that has places."]
    return [f"From {names[lying[-1] + 1]} on less than half of the cue is left at the places beside the object."]


def most_gone(record: ModulesRecord) -> Ablated | None:
    """The part whose channels take most with them beyond random ones, by the lower end of that interval, if above 0."""
    told = [one for one in record.channels if one.more is not None and one.more[0] > 0]
    return max(told, key=lambda one: one.more[0] if one.more else 0.0, default=None)


def _of_channels(record: ModulesRecord) -> list[str]:
    one, parts = most_gone(record), plural(len(record.channels), "part")
    if not record.channels:
        return []
    if one is None:
        return [f"In none of {parts} do a few channels take more of it with them than random ones, beyond chance."]
    span = f" ({number(one.interval[0])} to {number(one.interval[1])})" if one.interval else ""
    told = (
        f"The most of {parts}: without {plural(len(one.channels), 'channel')} of {one.of} in {one.part}, "
        f"{number(one.gone)}{span} of it goes, and without as many random ones {number(one.gone_random)}; right "
        f"answers without the cue are {number(one.right[1])} then, before {number(one.right[0])}."
    )
    return [told]


def _channels(record: ModulesRecord) -> list[dict[str, Any]]:
    if not record.channels:
        return []
    rows = [
        (one.part, f"{len(one.channels)} of {one.of}", ", ".join(map(str, one.channels[:_SHOWN])),
         number(one.gone) + (f" ({number(one.interval[0])} to {number(one.interval[1])})" if one.interval else ""),
         number(one.gone_random), *(number(share) for share in one.right))
        for one in record.channels
    ]  # fmt: skip
    return [
        {
            "title": "Channels that answer to the cue",
            "lead": "The channels of a part that differ most between the two cues, chosen on one half of the images, "
            f"are set to their mean on the other {plural(record.channels[0].images, 'image')}: the share of the "
            "effect that goes, and right answers about objects without the cue, beside as many random channels.",
            "drawing": "",
            "columns": ("part", "channels", "the strongest", "effect gone", "random: effect gone",
                        "right without cue", "without channels", "without random ones"),
            "rows": rows,
        }
    ]  # fmt: skip


def _regained(record: ModulesRecord) -> str:
    honest = record.honest
    if honest.regained is None:
        return honest.reason or "not measured"
    span = f" ({number(honest.interval[0])} to {number(honest.interval[1])})" if honest.interval else ""
    return f"{number(honest.regained)}{span}"


def _below(one: Restored, way: str) -> bool:
    share = one.share[way]
    return share is not None and share < 0.5


def _cell(one: Restored, way: str) -> str:
    share, interval = one.share[way], one.interval[way]
    if share is None:
        return "no places" if one.share["whole"] is not None else "no effect"
    return f"{number(share)} ({number(interval[0])} to {number(interval[1])})" if interval else number(share)


def _chart(parts: Sequence[Restored]) -> str:
    """Three lines over depth; parts without places have a mark for the whole alone."""
    seen = [share for one in parts for share in one.share.values() if share is not None]
    low, high = min([0.0, *seen]), max([1.0, *seen])
    step = (_WIDTH - _LEFT - 20) / max(1, len(parts) - 1)

    def spot(at: int, share: float) -> str:
        return f"{_LEFT + 10 + at * step:.1f} {_BASE - (share - low) / (high - low) * (_BASE - _TOP):.1f}"

    drawn = [f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH}" y1="{_BASE}" y2="{_BASE}"/>']
    for mark in (0.0, 0.5, 1.0):
        y = spot(0, mark).split()[1]
        drawn.append(f'<text class="label" x="{_LEFT - 8}" y="{float(y) + 3.5:.1f}" text-anchor="end">{mark:g}</text>')
    for number_of, way in enumerate(WAYS):
        spots = [spot(at, share) for at, one in enumerate(parts) if (share := one.share[way]) is not None]
        if spots:
            drawn.append(f'<path class="fall course-{number_of} dash-{number_of}" d="M{"L".join(spots)}"/>')
            drawn += [
                f'<circle class="spot course-{number_of}" cx="{x}" cy="{y}" r="2.6"/>' for x, y in map(str.split, spots)
            ]
        left = _LEFT + 10 + 220 * number_of
        drawn.append(
            f'<path class="fall course-{number_of} dash-{number_of}" d="M{left} 248h26"/>'
            f'<text class="label" x="{left + 32}" y="252">{_NAMES[way]}</text>'
        )
    names = {0: "start", len(parts) - 1: "end"}
    drawn += [
        f'<text class="label" x="{spot(at, low).split()[0]}" y="{_BASE + 16}" text-anchor="{anchor}">'
        f"{escape(parts[at].block.name)}</text>"
        for at, anchor in names.items()
    ]
    return (
        f'<svg class="distribution" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Share of the cue\'s effect '
        f'restored by each part, over depth; the table has its numbers">{"".join(drawn)}</svg>'
    )
