"""What the photographs' study measured, judged by the scaffold's bounds: who was blocked, by which rules, per set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from explain_gate.commands.scaffold import shipped_rules
from explain_gate.judging.evidence import broken_rows, limits, tail

PART = 0.005
FOLLOWS = 0.3
"""A version taught a cue counts as a cheat where at least this share of pictures of other classes follow it ..."""
ACCURATE = 0.85
"""... and its accuracy hides it."""

Facts = Mapping[str, Any]


def print_tables(cache: Path) -> None:
    """Honest versions blocked and cheats caught by set, with exact limits; then what blocked each version."""
    versions = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(cache.glob("*.json"))]
    honest = [one for one in versions if not one["cheats"]]
    cheats = [one for one in versions if one["cheats"] and one["follows"] >= FOLLOWS and one["accuracy"] >= ACCURATE]
    print(
        f"{len(versions)} versions; {len(versions) - len(honest) - len(cheats)} were taught a cue and did not follow it"
    )
    for name, group in (("honest blocked", honest), ("cheats caught", cheats)):
        for data in sorted({one["data"] for one in group}):
            mine = [one for one in group if one["data"] == data]
            hit = sum(bool(broken_by(one)) for one in mine)
            low, high = limits(hit, len(mine))
            print(f"{name:<15} {data:<11} {hit:>3} of {len(mine):>3}   95 % {low:.2f} to {high:.2f}")
    print()
    for one in (*honest, *cheats):
        by = ", ".join(broken_by(one)) or "passed"
        kind = f"cheat, {one['cue']} in {one['share']:.0%}" if one["cheats"] else f"honest, {one['cue'] or 'no cue'}"
        print(f"{one['data']:<11} {one['backbone']:<19} {kind:<32} {by}")


def broken_by(version: Facts) -> list[str]:
    """The rules of the scaffold that a version breaks."""
    broken = []
    for check, rule in shipped_rules().items():
        if not check.startswith("reliance.") or rule.get("severity") == "warn":
            continue
        if "must_catch" in rule:
            rows = [row for row in version["answers"] if row["check"] == check and "yes" in row and row["images"]]
            p_values = [tail(row["yes"], row["images"], float(rule["at_most"])) for row in rows]
            if any(broken_rows(p_values, PART)):
                broken.append(check.partition(".")[2])
        elif any(_beyond(row, rule) for row in version["answers"] if row["check"] == check):
            broken.append(check.partition(".")[2])
    return broken


def _beyond(row: Facts, rule: Mapping[str, Any]) -> bool:
    mean = row.get("mean")
    return mean is not None and "at_most" in rule and mean > float(rule["at_most"])
