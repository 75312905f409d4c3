"""What `first_contact` measured, judged by the rules that `init` writes today: by set, by kind of cue, by version.

A cheat is caught where a rule about behaviour or explanations fails. Any other failure blocks it by luck.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.detection.first_contact import write_thresholds
from benchmarks.detection.photographs import CUES
from explain_gate.config import load_config
from explain_gate.judging.evidence import limits
from explain_gate.judging.gate import judge
from explain_gate.plan import plan
from explain_gate.profile.profile import load_profile
from explain_gate.records import Finding

_TELLING = ("reliance", "alignment", "strategies", "faithfulness", "agreement")
"""Families whose rules are about what a version rests on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One version: what was measured of it before, and what the rules say. `findings` is None where it is no cheat."""

    facts: dict[str, Any]
    findings: Sequence[Finding] | None

    def of(self, *statuses: str) -> list[Finding]:
        """Its findings with one of these."""
        return [one for one in self.findings or () if one.status in statuses]

    @property
    def blocked(self) -> list[Finding]:
        """What makes a run exit with 1."""
        return self.of("failed", "unmeasured")

    @property
    def outcome(self) -> str:
        """The one word that the tables count."""
        if any(one.check.partition(".")[0] in _TELLING for one in self.of("failed")):
            return "caught"
        if self.blocked:
            return "blocked"
        return "inconclusive" if self.of("inconclusive") else "passed"


def print_tables(cache: Path) -> None:
    """Honest versions, then cheats, by set and by kind of cue; then every version; then the worst honest shares."""
    files = sorted(cache.glob("*/facts.json"))
    versions = [_judged(file.parent, json.loads(file.read_text(encoding="utf-8"))) for file in files]
    honest = [one for one in versions if not one.facts["cheats"]]
    cheats = [one for one in versions if one.facts["cheats"] and one.findings is not None]
    idle = ", ".join(one.facts["cue"] for one in versions if one.findings is None) or "none"
    print(f"{len(honest)} honest, {len(cheats)} cheats; taught and not followed, so no cheats: {idle}")
    print("\n| group | versions | caught | blocked otherwise | inconclusive | passed | 95 % of caught or blocked |")
    print("|---|---|---|---|---|---|---|")
    _print_groups("honest, ", honest, lambda one: one.facts["data"])
    _print_groups("cheats, ", cheats, lambda one: one.facts["data"])
    _print_groups("cue of kind ", cheats, lambda one: CUES[one.facts["cue"]].kind)
    _print_groups("cue in ", cheats, lambda one: f"{one.facts['share']:.0%}")
    _print_rules(honest, cheats)
    _print_versions([*honest, *cheats])
    _print_worst(honest)


def _judged(folder: Path, facts: dict[str, Any]) -> Judged:
    if not (folder / "manifest.json").is_file():
        return Judged(facts=facts, findings=None)
    profile = load_profile(folder)
    with tempfile.TemporaryDirectory() as fresh:
        config = load_config(write_thresholds(Path(fresh), {}, {}, light=facts["light"]))
        return Judged(facts=facts, findings=judge(profile, plan(config, list(profile.classes))))


def _print_groups(name: str, versions: Sequence[Judged], key: Callable[[Judged], str]) -> None:
    for group in sorted({key(one) for one in versions}):
        mine = [one for one in versions if key(one) == group]
        counts = [sum(one.outcome == outcome for one in mine) for outcome in ("caught", "blocked")]
        rest = [sum(one.outcome == outcome for one in mine) for outcome in ("inconclusive", "passed")]
        low, high = limits(sum(counts), len(mine))
        told = " | ".join(map(str, (len(mine), *counts, *rest)))
        print(f"| {name}{group} | {told} | {low:.2f} to {high:.2f} |")


def _print_rules(honest: Sequence[Judged], cheats: Sequence[Judged]) -> None:
    """How many cheats each rule blocks, how many of them no other does, and how many honest versions."""
    print("\n| rule | cheats blocked | by it alone | honest blocked |\n|---|---|---|---|")
    blocked, caught = ([{finding.check for finding in one.blocked} for one in group] for group in (honest, cheats))
    for check in sorted({check for checks in (*blocked, *caught) for check in checks}):
        alone = sum(checks == {check} for checks in caught)
        by_it, honestly = (sum(check in checks for checks in group) for group in (caught, blocked))
        print(f"| {check} | {by_it} | {alone} | {honestly} |")


def _print_versions(versions: Sequence[Judged]) -> None:
    print("\n| version | accuracy, follows | outcome | what says so | seconds |\n|---|---|---|---|---|")
    for one in versions:
        facts = one.facts
        cue = f"{facts['cue']} in {facts['share']:.0%}" if facts["cheats"] else "honest"
        told = one.blocked or one.of("inconclusive")
        says = "; ".join(dict.fromkeys(_said(finding) for finding in told))
        print(
            f"| {facts['data']}, {facts['backbone']}, {cue}, seed {facts['seed']} | {facts['accuracy']:.2f}, "
            f"{facts['follows']:.2f} | {one.outcome} | {says} | {facts['seconds_measured']:.0f} |"
        )


def _said(finding: Finding) -> str:
    name = finding.check.removeprefix("reliance.")
    where = finding.class_name or "all"
    if finding.evidence is not None:
        return f"{name} {where} {finding.evidence.yes} of {finding.evidence.images}"
    value = finding.status if finding.value is None else f"{finding.value:.3g}"
    return f"{name} {where} {value}"


def _print_worst(honest: Sequence[Judged]) -> None:
    """By rule that counts images: the largest share of any row of any honest version, and how many images fail it."""
    print("\n| rule | bound | largest honest share | of which version | rows inconclusive |\n|---|---|---|---|---|")
    rows = [(one, finding) for one in honest for finding in one.findings or () if finding.evidence is not None]
    for check in dict.fromkeys(finding.check for _, finding in rows):
        mine = [(one, finding) for one, finding in rows if finding.check == check]
        worst, finding = max(mine, key=lambda pair: pair[1].evidence.yes / max(1, pair[1].evidence.images))
        counted = finding.evidence
        undecided = sum(other.status == "inconclusive" for _, other in mine)
        print(
            f"| {check} | {counted.bound} | {counted.yes} of {counted.images} "
            f"({counted.yes / max(1, counted.images):.2f}) | {worst.facts['data']}, {worst.facts['backbone']}, "
            f"{finding.class_name or 'all'} | {undecided} of {len(mine)} |"
        )
