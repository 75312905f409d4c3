"""The tables of the detection study: caught and false alarms by kind, by rule, and what the gate loses without one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from scipy import stats

from benchmarks.detection.versions import Version
from explain_gate.records import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """One version against one gate. `broken` holds the findings that block it, `rules` all checks of the gate."""

    version: Version
    regression_set: str
    bounds: str
    broken: tuple[Finding, ...]
    rules: tuple[str, ...]

    def blocked(self, keep: Callable[[str], bool] = lambda check: True) -> bool:  # noqa: ARG005 - any check
        """Whether the gate blocks it, by the checks that `keep` names alone."""
        return any(keep(finding.check) for finding in self.broken)

    @property
    def checks(self) -> list[str]:
        """The checks that block it."""
        return sorted({finding.check for finding in self.broken})


def print_tables(gated: Sequence[Gated], facts: Mapping[str, tuple[float, float, bool]]) -> None:
    """Everything, for the file's bounds and for calibrated ones."""
    print("| version | accuracy | cue exchanged | counts |\n|---|---|---|---|")
    for name, (right, fooled, counts) in facts.items():
        print(f"| {name} | {100 * right:.0f} | {100 * fooled:.0f} | {'yes' if counts else 'no'} |")
    for title, chosen in (
        ("bounds of the file", [one for one in gated if one.bounds == "file"]),
        ("bounds calibrated on half of the honest versions", [one for one in gated if one.bounds != "file"]),
    ):
        honest = [one for one in chosen if one.version.kind == "honest"]
        cheats = [one for one in chosen if one.version.cue is not None and facts[one.version.name][2]]
        permuted = [one for one in chosen if one.version.permuted]
        print(f"\n## {title}\n")
        _by_kind(honest, cheats, permuted)
        _by_rule(honest, cheats)


def share(blocked: Iterable[bool]) -> str:
    """`5 of 6 (42 to 99 %)`, Wilson's interval."""
    outcomes = list(blocked)
    if not outcomes:
        return "none"
    interval = stats.binomtest(sum(outcomes), len(outcomes)).proportion_ci(method="wilson")
    return f"{sum(outcomes)} of {len(outcomes)} ({100 * interval.low:.0f} to {100 * interval.high:.0f} %)"


def _by_kind(honest: Sequence[Gated], cheats: Sequence[Gated], permuted: Sequence[Gated]) -> None:
    print("| kind | blocked | checks that block, with how many versions | escaped |\n|---|---|---|---|")
    kinds = list(dict.fromkeys(one.version.kind for one in cheats))
    groups = {kind: [one for one in cheats if one.version.kind == kind] for kind in kinds}
    for name, group in {**groups, "all cheats": cheats, "permuted labels": permuted, "honest": honest}.items():
        told = Counter(check for one in group for check in one.checks)
        shown = ", ".join(f"{check} {count}" for check, count in told.most_common(6))
        escaped = (
            ""
            if name == "honest"
            else ", ".join(f"{one.version.name} ({one.bounds})" for one in group if not one.blocked())
        )
        print(f"| {name} | {share(one.blocked() for one in group)} | {shown} | {escaped} |")
    alarms = Counter(f"{f.key} {f.value if f.value is not None else f.status}" for one in honest for f in one.broken)
    if alarms:
        print("\nFalse alarms: " + "; ".join(f"{what} x{count}" for what, count in alarms.most_common(12)))


def _by_rule(honest: Sequence[Gated], cheats: Sequence[Gated]) -> None:
    print("\n| check | catches alone | false alarms alone | caught without it | false alarms without it |")
    print("|---|---|---|---|---|")
    for check in sorted({check for one in (*honest, *cheats) for check in one.rules}):
        alone = [sum(one.blocked(lambda name, c=check: name == c) for one in group) for group in (cheats, honest)]
        without = [sum(one.blocked(lambda name, c=check: name != c) for one in group) for group in (cheats, honest)]
        print(
            f"| {check} | {alone[0]} of {len(cheats)} | {alone[1]} of {len(honest)} | "
            f"{without[0]} of {len(cheats)} | {without[1]} of {len(honest)} |"
        )
