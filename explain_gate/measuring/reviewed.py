"""What people found of a version's maps: added to its profile after it is measured, so that no map is made again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np

from explain_gate.decisions.holding import excluded_by, opinions_of
from explain_gate.errors import NotMeasurable
from explain_gate.metrics import review
from explain_gate.records import Decision, Measurement, Profile, Rule


def with_reviews(profile: Profile, decisions: Sequence[Decision], rules: Sequence[Rule]) -> Profile:
    """The profile with the scores of every rule of reviews, and with the images that people took out of their rules.

    It is the same one where no rule asks and no image is out.

    Args:
        profile: in its folder.
        decisions: all that there are, oldest first.
        rules: of the run.
    """
    wanted = {(rule.check, rule.method): rule for rule in rules if rule.metric.startswith("review.")}
    excluded = excluded_by(profile, decisions)
    if not wanted and not excluded:
        return profile
    opinions: dict[str, list[dict[str, str]]] = {}
    measurements = []
    for (check, method), rule in wanted.items():
        name = method or ""
        if name not in opinions:
            holding = opinions_of(profile, name, decisions)
            opinions[name] = [{who: one.opinion for who, one in given.items()} for given in holding]
        measurements.append(_measurement(check, method, _values(rule, opinions[name]), _asked(profile, rule)))
    manifest = {**profile.manifest, "excluded": [_plain(asdict(one)) for one in excluded]}
    return replace(profile, manifest=manifest, measurements=(*profile.measurements, *measurements))


def _values(rule: Rule, opinions: Sequence[dict[str, str]]) -> list[float | str]:
    if rule.metric == "review.agreement":
        return review.agreement(opinions)
    metric = review.coverage if rule.metric == "review.coverage" else review.implausible
    values: list[float | str] = []
    for given in opinions:
        try:
            values.append(metric(given, **rule.parameters))
        except NotMeasurable as error:
            values.append(error.reason)
    return values


def _asked(profile: Profile, rule: Rule) -> list[int]:
    """All rows, or that of the one image that is looked at alone."""
    return [row for row, image in enumerate(profile.images) if rule.image in (None, image.image)]


def _measurement(check: str, method: str | None, values: Sequence[float | str], rows: Sequence[int]) -> Measurement:
    asked = [values[row] for row in rows]
    return Measurement(
        check=check,
        method=method,
        rows=np.array(rows, dtype=np.int64),
        values=np.array([np.nan if isinstance(value, str) else value for value in asked], dtype=np.float64),
        reasons=tuple(value if isinstance(value, str) else None for value in asked),
    )


def _plain(fields: dict[str, object]) -> dict[str, object]:
    """As JSON holds them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
