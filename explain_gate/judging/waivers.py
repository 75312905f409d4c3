"""Waivers: which broken row one lets through, until when, and what one says that is not so. Pure: today is given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from explain_gate.judging import sentences
from explain_gate.judging.findings import WORST_LISTED
from explain_gate.records import Finding, Rule, Waiver

TOLD_BEFORE = 14
"""Days before its end from which a waiver says that it ends."""


def waive(finding: Finding, waivers: Sequence[Waiver], today: str) -> Finding:
    """A broken row under a waiver that covers it, else the row as it was with what its waiver lacks.

    A row without a measurement needs a waiver that says `unmeasured: true`: to let a known number through is one
    decision, to let through that nobody knows it is another.

    Args:
        finding: any row; one that does not break comes back as it is.
        waivers: of the file.
        today: ISO date; a waiver counts on its last day.
    """
    if finding.status not in ("failed", "unmeasured"):
        return finding
    named = [waiver for waiver in waivers if _names(waiver, finding)]
    covering = [waiver for waiver in named if _covers(waiver, finding)]
    if covering:
        waiver = max(covering, key=lambda one: one.expires)
        valid = waiver.expires >= today
        told = f"{finding.message} {sentences.of_waiver(waiver, valid=valid)}"
        return replace(finding, status="waived" if valid else finding.status, message=told)
    if named:
        return replace(finding, message=f"{finding.message} {sentences.of_waiver_of_values(named[0])}")
    return finding


def waiver_messages(
    planned: Sequence[Rule], findings: Sequence[Finding], waivers: Sequence[Waiver], today: str, *, whole: bool = True
) -> tuple[str, ...]:
    """What a waiver says that is not so, and which ones end soon; one that is needed and holds says nothing.

    Args:
        planned: the rules of the file.
        findings: as `waive` left them.
        waivers: of the file.
        today: ISO date; empty where nobody knows.
        whole: whether every rule of the file is planned, so that a waiver without a rule has none at all.
    """
    return tuple(
        f"The waiver of {waiver.check} ({waiver.place}, {waiver.owner}) {told}"
        for waiver in waivers
        if (whole or any(_names(waiver, rule) for rule in planned))
        and (told := _told(waiver, planned, findings, today))
    )


def _told(waiver: Waiver, planned: Sequence[Rule], findings: Sequence[Finding], today: str) -> str:
    rows = [finding for finding in findings if _names(waiver, finding)]
    if not any(_names(waiver, rule) for rule in planned):
        return f"matches no rule: {_unmatched(waiver, planned)}. Correct or remove it."
    if today and waiver.expires < today:
        return f"expired on {waiver.expires}; remove or renew it."
    if not rows:
        return "is not used: its rule has no result."
    if not any(row.status == "waived" for row in rows):
        if any(row.status == "unmeasured" for row in rows) and not waiver.unmeasured:
            return "is not used: its rule is unmeasured, which takes `unmeasured: true` in the waiver."
        return "is not used: its rule does not break. Remove it."
    left = (dt.date.fromisoformat(waiver.expires) - dt.date.fromisoformat(today)).days if today else TOLD_BEFORE + 1
    return sentences.of_end(waiver.expires, left) if left <= TOLD_BEFORE else ""


def _names(waiver: Waiver, row: Rule | Finding) -> bool:
    return (
        waiver.check == row.check
        and waiver.method in (None, row.method)
        and waiver.class_name in (None, row.class_name)
    )


def _covers(waiver: Waiver, finding: Finding) -> bool:
    return waiver.unmeasured or finding.status != "unmeasured"


def _unmatched(waiver: Waiver, planned: Sequence[Rule]) -> str:
    """The first part of a waiver that no planned rule has, with what is planned instead."""
    rows = [rule for rule in planned if rule.check == waiver.check]
    if not rows:
        return f"no rule is called {waiver.check}"
    methods = list(dict.fromkeys(rule.method or "none" for rule in rows))
    if waiver.method is not None and waiver.method not in methods:
        return f"{waiver.check} has no row for method {waiver.method}, only for {', '.join(methods)}"
    rows = [rule for rule in rows if waiver.method in (None, rule.method)]
    classes = list(dict.fromkeys(rule.class_name or "all classes together" for rule in rows))
    return f"{waiver.check} has no row for class {waiver.class_name}, only for {', '.join(classes[:WORST_LISTED])}"
