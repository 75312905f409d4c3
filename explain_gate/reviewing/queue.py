"""Which maps a person should judge first, and why. Verdict and profile in, questions out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from explain_gate.decisions.likeness import distance, sketch_of
from explain_gate.metrics import PAIR, family
from explain_gate.profile.files import REGIONS_FILE, maps_file
from explain_gate.profile.profile import holds, load_maps, load_region
from explain_gate.publishing.words.wording import by_severity
from explain_gate.records import Finding, Profile, Verdict

GROUPS: Mapping[str, str] = {
    "failed": "Worst of a rule that did not pass",
    "new": "A strategy that the reference does not have",
    "differ": "Methods disagree",
    "elsewhere": "Right, and the map lies elsewhere",
    "label": "The label may be wrong",
    "rest": "The rest",
}
"""In the order in which they are asked."""
_DIFFER = 0.5
"""Share of the relevance of two methods' maps that lies in different cells, from which they disagree."""
_SURE = 0.9
"""Probability of a wrong answer from which its label is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One map to judge: the row of its image, its method, why it is asked, and the first group that names it."""

    row: int
    method: str
    group: str
    reasons: tuple[str, ...]


def questions_of(profile: Profile, verdict: Verdict | None) -> tuple[Question, ...]:
    """Every image once, and once more for each further method whose rule it is worst of; the suspicious ones first.

    The order is the same whenever the same run is asked, so that a review can be gone on with.

    Args:
        profile: in its folder.
        verdict: of the run; without one no rule has worst images.
    """
    methods = methods_of(profile, verdict)
    if not methods:
        return ()
    usual = methods[0]
    rows = {image.image: row for row, image in enumerate(profile.images)}
    reasons: dict[tuple[int, str], list[tuple[str, str]]] = {}
    for group, row, method, why in (
        *_failed(verdict, rows, methods),
        *_new(profile, methods),
        *_differing(profile, methods),
        *_elsewhere(profile, usual),
        *_labels(profile, usual),
        *(("rest", row, usual, "") for row in sorted(rows.values(), key=lambda row: profile.images[row].image)),
    ):
        reasons.setdefault((row, method), []).append((group, why))
    order = list(GROUPS)
    asked = sorted(reasons, key=lambda key: order.index(reasons[key][0][0]))  # stable: within a group as it came
    kept = {method: load_maps(profile, method) for method in methods}
    return tuple(
        Question(
            row=row,
            method=method,
            group=reasons[row, method][0][0],
            reasons=tuple(dict.fromkeys(why for _, why in reasons[row, method] if why)),
        )
        for row, method in asked
        if np.isfinite(kept[method][row]).all()
    )


def methods_of(profile: Profile, verdict: Verdict | None) -> tuple[str, ...]:
    """The methods with maps: first that which rules of reviews ask about, or else rules of alignment."""
    there = [name for name in profile.manifest.get("methods", {}) if holds(profile, maps_file(name))]
    asked = [one.method for wanted in ("review", "alignment") for one in _findings(verdict, wanted)]
    first = [method for method in asked if method in there]
    return tuple(dict.fromkeys([*first, *there]))


_Why = tuple[str, int, str, str]
"""Group, row, method and reason."""


def _findings(verdict: Verdict | None, wanted: str) -> list[Finding]:
    return [one for one in verdict.findings if family(one.check) == wanted] if verdict is not None else []


def _failed(verdict: Verdict | None, rows: Mapping[str, int], methods: Sequence[str]) -> Iterator[_Why]:
    """The worst image of every rule that did not pass, then the second worst of every one."""
    if verdict is None:
        return
    broken = [one for one in by_severity(verdict.findings) if one.status != "passed" and family(one.check) != "review"]
    for place in range(max((len(one.worst) for one in broken), default=0)):
        for finding in broken:
            method = next((name for name in (finding.method or "").split(PAIR) if name in methods), methods[0])
            row = rows.get(finding.worst[place]) if place < len(finding.worst) else None
            if row is not None:
                yield "failed", row, method, f"among the worst of {finding.key} ({finding.status})"


def _new(profile: Profile, methods: Sequence[str]) -> Iterator[_Why]:
    for method in methods:
        measured = profile.measurement("drift.new_strategy", method)
        if measured is not None:
            for row in measured.rows[measured.measured & (measured.values > 0.5)].tolist():
                yield "new", row, method, f"{method} explains it as no image of the reference"


def _differing(profile: Profile, methods: Sequence[str]) -> Iterator[_Why]:
    """Images on which another method's map lies elsewhere than the usual one's, the farthest first."""
    usual = _sketches(profile, methods[0]) if len(methods) > 1 else []
    far = []
    for method in methods[1:]:
        for row, (one, other) in enumerate(zip(usual, _sketches(profile, method), strict=True)):
            apart = distance(one, other) if one and other else 0.0
            if apart > _DIFFER:
                far.append((apart, row, method))
    for apart, row, method in sorted(far, key=lambda one: (-one[0], one[1])):
        why = f"{apart:.0%} of the relevance of {methods[0]} and {method} lies in different places"
        yield "differ", row, methods[0], why


def _elsewhere(profile: Profile, method: str) -> Iterator[_Why]:
    """Images that the model is right about with less of the map on the region than an even map would have."""
    maps = load_maps(profile, method)
    if not holds(profile, REGIONS_FILE):
        return
    lifts = []
    for row, image in enumerate(profile.images):
        region, kept = load_region(profile, row), np.maximum(np.asarray(maps[row], dtype=np.float32), 0)
        if not (image.answered and image.correct and region.any() and np.isfinite(kept).all() and kept.any()):
            continue
        share, area = float(kept[region].sum() / kept.sum()), float(region.mean())
        if share < area:
            lifts.append((share / area, row, f"right, with {share:.0%} of the map on a region of {area:.0%}"))
    for _, row, why in sorted(lifts):
        yield "elsewhere", row, method, why


def _labels(profile: Profile, method: str) -> Iterator[_Why]:
    """Images that the model is sure of and wrong about, the surest first."""
    doubted = [
        (-image.probability, row)
        for row, image in enumerate(profile.images)
        if image.answered and not image.correct and image.probability is not None and image.probability >= _SURE
    ]
    for probability, row in sorted(doubted):
        yield "label", row, method, f"the model says something else with {-probability:.0%}"


def _sketches(profile: Profile, method: str) -> list[str]:
    """Of the maps' positive parts, so that signed maps and others can be laid on each other; empty for no map."""
    maps = load_maps(profile, method)
    return [sketch_of(np.maximum(kept, 0)) if np.isfinite(kept).all() else "" for kept in maps]
