"""How a verdict is said in words and digits: one wording for terminal, job summary, JUnit and HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from explain_gate.comparing.per_image import bound_side
from explain_gate.digits import NONE, exact, number, numbers, one_in
from explain_gate.metrics import PAIR, family_rank
from explain_gate.records import STATUS_ORDER, Finding, Verdict

STATUS_MARKS: Mapping[str, str] = {
    "failed": "✕",
    "unmeasured": "?",
    "warned": "!",
    "waived": "~",
    "passed": "✓",
    "missing": "?",
    "inconclusive": "≈",
}
VERDICT_WORDS: Mapping[str, str] = {"passed": "Passed", "failed": "Blocked", "error": "No verdict"}

_MINUS = "\u2212"
_BOUND_WORDS = {
    "at_least": "at least",
    "at_most": "at most",
    "max_drop": "drop at most",
    "max_rise": "rise at most",
}


def span(interval: tuple[float, float] | None) -> str:
    """The two ends with a dash between them, or " to " where a minus sign would be misread; empty for None."""
    if interval is None:
        return ""
    low, high = numbers(interval)
    return f"{low} to {high}" if min(interval) < 0 else f"{low}{NONE}{high}"


def bound_text(bound: Mapping[str, float]) -> str:
    """`at least 0.40, drop at most 0.03`."""
    return ", ".join(f"{_BOUND_WORDS.get(name, name)} {exact(value)}" for name, value in bound.items()) or "no bound"


def bounds_of(finding: Finding) -> str:
    """What a rule asks for: `at least 0.40`, or `at most 1 in 20 images, must find 1 in 2` where images are counted."""
    counted = finding.evidence
    if counted is None:
        return bound_text(finding.bound)
    honest = "no image" if counted.bound == 0 else f"at most {one_in(counted.bound)} images"
    asked = f"{honest}, must find {one_in(counted.must_catch)}"
    return f"{asked}, {bound_text(finding.bound)}" if finding.bound else asked


def span_of(finding: Finding) -> str:
    """The interval of what `value_text` says."""
    return span(finding.interval if finding.evidence is None else finding.evidence.limits)


def value_text(finding: Finding) -> str:
    """The value with enough digits to tell it from its bound; `17 of 40` where images are counted."""
    if finding.evidence is not None:
        return f"{finding.evidence.yes:,} of {finding.evidence.images:,}"
    side = bound_side(finding.bound)
    return number(finding.value, against=side[1] if side else None)


def change_text(finding: Finding) -> str:
    """`-0.04 (-0.07 to -0.01)`: the difference to the reference with its interval; empty without a reference."""
    if finding.change is None:
        return ""
    change = f" ({signed_span(finding.change_interval)})" if finding.change_interval else ""
    return f"{signed(finding.change)}{change}"


def signed(value: float) -> str:
    """A difference with its sign, a true minus; zero has none."""
    return _with_sign(value, number(value))


def signed_span(interval: tuple[float, float]) -> str:
    """`-0.07 to +0.01`, with true minus signs."""
    return " to ".join(map(_with_sign, interval, numbers(interval)))


def _with_sign(value: float, text: str) -> str:
    return text if value == 0 else f"{_MINUS if value < 0 else '+'}{text.removeprefix('-')}"


def methods_of(finding: Finding) -> list[str]:
    """The methods a finding is about: none, one, or the two that `agreement` compares ("grad_cam+occlusion")."""
    return finding.method.split(PAIR) if finding.method else []


def by_severity(findings: tuple[Finding, ...]) -> list[Finding]:
    """Failures first, then the families in the reviewer's order, then as planned."""
    return sorted(findings, key=lambda finding: (STATUS_ORDER.index(finding.status), family_rank(finding.check)))


def missing(verdict: Verdict) -> list[str]:
    """Planned rules without a finding."""
    answered = {finding.key for finding in verdict.findings}
    return [key for key in verdict.planned if key not in answered]


def started(environment: Mapping[str, Any]) -> str:
    """When, by whom and from which code a run was started, in a line: `2026-11-26 02:28 +01:00 by ann, commit ...`."""
    when = str(environment.get("started") or "")
    parts = [f"{when[:10]} {when[11:16]} {when[19:]}".strip()] if when else []
    if environment.get("started_by"):
        parts.append(f"by {environment['started_by']}")
    commit = str(environment.get("git_commit") or "")[:10]
    if commit:
        dirty = environment.get("git_dirty")
        parts.append(f"from commit {commit}" + (" with uncommitted changes" if dirty else ""))
    return " ".join(parts)


def untold(verdict: Verdict) -> list[str]:
    """Planned rules without a finding that no message names yet."""
    return [key for key in missing(verdict) if not any(key in message for message in verdict.messages)]


def counts(verdict: Verdict) -> dict[str, int]:
    """How many rules have each status, in the order of severity, only those that occur."""
    absent = len(missing(verdict))
    return {**({"missing": absent} if absent else {}), **counts_by_status(verdict.findings)}


def counts_by_status(findings: Iterable[Finding]) -> dict[str, int]:
    """How many rules have each status, worst first, only what occurs."""
    statuses = [finding.status for finding in findings]
    return {name: statuses.count(name) for name in STATUS_ORDER if name in statuses}


def counts_text(verdict: Verdict) -> str:
    """`2 failed, 1 waived, 9 passed`."""
    words = {"missing": "without result"}
    return ", ".join(f"{count:,} {words.get(name, name)}" for name, count in counts(verdict).items()) or "no rules"


def join_words(words: list[str], last: str = "and") -> str:
    """`a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""


def notes_of(verdict: Verdict) -> list[str]:
    """What is told beside the rules: messages, then what is asked for less than of the reference."""
    return [*verdict.messages, *(f"Weaker than the reference's run: {told}" for told in verdict.weaker)]
