"""Images that people took out of their rules: out of every number, told with every row, and not too many. Pure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from explain_gate.judging import sentences
from explain_gate.judging.findings import at_least_status, classes_about
from explain_gate.records import Excluded, Finding, Measurement, Profile, Rule

_OF_REVIEWS = ("review.coverage", "review.agreement")
"""Say what people did, so that an image which they judged to be wrong counts in them."""


def excluded_of(profile: Profile | None) -> tuple[Excluded, ...]:
    """The images that people took out of their rules, as the profile's manifest holds them."""
    listed = profile.manifest.get("excluded", ()) if profile is not None else ()
    return tuple(Excluded.from_plain(one) for one in listed)


def without_excluded(profile: Profile) -> Profile:
    """The profile without the scores of images that are out; the images themselves keep their places."""
    names = {one.image for one in excluded_of(profile)}
    if not names:
        return profile
    out = np.array([row for row, image in enumerate(profile.images) if image.image in names], dtype=np.int64)
    kept = tuple(one if _counts_all(one.check) else _without(one, out) for one in profile.measurements)
    return replace(profile, measurements=kept)


def told_excluded(profile: Profile, rule: Rule, finding: Finding) -> Finding:
    """The finding with what is out of its images; unmeasured where that is more than `max_excluded`.

    Args:
        profile: the whole one.
        rule: that was judged.
        finding: of the rule, without the images that are out.
    """
    measurement = profile.measurement(rule.check, rule.method)
    excluded = {one.image: one for one in excluded_of(profile)}
    if measurement is None or not excluded or _counts_all(rule.check):
        return finding
    about = classes_about(profile, measurement)
    images = {
        profile.images[row].image
        for row, name in zip(measurement.rows.tolist(), about, strict=True)
        if rule.class_name in (None, name)
    }
    out = [excluded[name] for name in sorted(images & set(excluded))]
    if not out:
        return finding
    text = sentences.of_images_out(rule, out, len(images))
    told = replace(finding, excluded=len(out), message=f"{finding.message} {text}".strip())
    if len(out) <= sentences.allowed_out(rule, len(images)):
        return told
    return at_least_status(told, "unmeasured", "excluded")


def _counts_all(check: str) -> bool:
    return check.partition("/")[0] in _OF_REVIEWS


def _without(measurement: Measurement, out: NDArray[np.int64]) -> Measurement:
    keep = ~np.isin(measurement.rows, out)
    exempt = measurement.not_applicable
    return replace(
        measurement,
        rows=measurement.rows[keep],
        values=measurement.values[keep],
        reasons=tuple(reason for reason, kept in zip(measurement.reasons, keep.tolist(), strict=True) if kept),
        about=None if measurement.about is None else measurement.about[keep],
        not_applicable=None if exempt is None else exempt[keep],
    )
