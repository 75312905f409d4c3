"""Findings as JSON values, for the way from the process that judges to those that test and conclude."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from explain_gate.records import Evidence, Finding


def finding_to_plain(finding: Finding) -> dict[str, Any]:
    """A finding as JSON values."""
    return asdict(finding)


def finding_from_plain(plain: dict[str, Any]) -> Finding:
    """The inverse of `finding_to_plain`."""
    for name in ("interval", "change_interval", "worst"):
        if plain[name] is not None:
            plain[name] = tuple(plain[name])
    if plain["evidence"] is not None:
        plain["evidence"] = Evidence.from_plain(plain["evidence"])
    return Finding(**plain)
