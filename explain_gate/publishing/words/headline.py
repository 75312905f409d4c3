"""The verdict in one sentence: why the merge is blocked, for somebody who reads nothing else."""

from __future__ import annotations

from explain_gate.digits import plural
from explain_gate.metrics import broken
from explain_gate.publishing.words.wording import VERDICT_WORDS, by_severity, counts_text, join_words, missing
from explain_gate.records import BLOCKING, Finding, Verdict

_CLAUSES = 3


def headline(verdict: Verdict) -> str:
    """`Blocked: on Bengal images the model looks outside the annotated region, and ...`."""
    return f"{VERDICT_WORDS[verdict.verdict]}: {reason(verdict)}"


def reason(verdict: Verdict) -> str:
    """The sentence behind the colon."""
    if verdict.verdict == "error":
        return _no_verdict(verdict)
    blocking = [finding for finding in by_severity(verdict.findings) if finding.status in BLOCKING]
    if verdict.verdict == "failed":
        return _clauses(blocking, verdict.task) if blocking else _failed_elsewhere(verdict)
    if not verdict.findings:
        return "no rules were planned"
    if verdict.selection == "quick":
        asked, left = plural(len(verdict.planned), "quick rule"), len(verdict.left_out)
        return f"nothing blocks among the {asked}; {left:,} were left out"
    held = sum(finding.status == "passed" for finding in verdict.findings)
    if held == len(verdict.findings):
        return "the rule holds" if held == 1 else f"all {held:,} rules hold"
    return f"nothing blocks ({counts_text(verdict)})"


def _no_verdict(verdict: Verdict) -> str:
    absent = missing(verdict)
    if absent:
        return f"{len(absent):,} of {plural(len(verdict.planned), 'planned rule')} gave no result"
    if verdict.messages:
        return verdict.messages[0].splitlines()[0] if verdict.messages[0].strip() else "the run did not finish"
    if not verdict.planned:
        return "nothing was planned"
    return "the run did not finish"


def _failed_elsewhere(verdict: Verdict) -> str:
    if verdict.failed_tests:
        return f"{plural(len(verdict.failed_tests), 'test')} beside the rules failed: {verdict.failed_tests[0].test}"
    if verdict.weaker:
        return f"it asks for less than its reference did: {verdict.weaker[0]}"
    return verdict.messages[0].splitlines()[0] if verdict.messages else "the run failed outside its rules"


def _clauses(blocking: list[Finding], task: str) -> str:
    grouped: dict[str, list[Finding]] = {}
    for finding in blocking:
        grouped.setdefault(_phrase(finding, task), []).append(finding)
    clauses = [_clause(phrase, findings) for phrase, findings in grouped.items()]
    if len(clauses) > _CLAUSES:
        rest = sum(len(findings) for findings in list(grouped.values())[_CLAUSES - 1 :])
        clauses = [*clauses[: _CLAUSES - 1], f"{plural(rest, 'more rule')} {'breaks' if rest == 1 else 'break'}"]
    return clauses[0] if len(clauses) == 1 else f"{', '.join(clauses[:-1])}, and {clauses[-1]}"


def _phrase(finding: Finding, task: str) -> str:
    if finding.status == "unmeasured":
        return f"{finding.check} could not be measured"
    if finding.cause == "change":
        return f"{finding.check} is worse than in the approved version"
    if finding.cause == "undecided" and finding.evidence is None:
        return f"{finding.check} may be worse than in the approved version"
    return broken(finding.check, task) or f"{finding.check} breaks its bound"


def _clause(phrase: str, findings: list[Finding]) -> str:
    classes = list(dict.fromkeys(finding.class_name for finding in findings if finding.class_name is not None))
    if not classes:
        return phrase
    where = f"{join_words(classes)} images" if len(classes) <= 3 else f"images of {len(classes):,} classes"
    if all(finding.class_name is not None for finding in findings):
        return f"on {where} {phrase}"
    return f"{phrase}, mostly on {where}" if len(classes) == 1 else phrase  # all classes together break it too
