"""results.sarif: every rule that did not pass as a result on its line of thresholds.yaml, for code scanning."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from explain_gate import __version__
from explain_gate.metrics import metric_of
from explain_gate.publishing.text.github import level_of
from explain_gate.publishing.words.headline import headline
from explain_gate.publishing.words.wording import by_severity, untold
from explain_gate.records import Finding, Verdict

SHOWN = 5_000
"""Results; GitHub shows no more of one file, and takes no file of more than 10 MB."""
_MESSAGE = 1_000
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_MENTION = re.compile(r"@(?=\w)")


def verdict_to_sarif(verdict: Verdict, place: Callable[[str], str] = str) -> str:
    """The verdict as SARIF 2.1.0 (OASIS 2020).

    A failed, unmeasured or missing rule is an error, a warned or inconclusive one a warning; a waived one is
    suppressed, with the reason. What passed is no result. A result's fingerprint is its rule's key, so that an alert
    stays the same one when lines move.

    Args:
        verdict: the result of the run.
        place: turns the name of a rule's file into its path from the repository's root.
    """
    told = [finding for finding in by_severity(verdict.findings) if finding.status != "passed"]
    results = [_of_finding(finding, place) for finding in told]
    results[:0] = [_without_result(key, verdict, place) for key in untold(verdict)]
    names = list(dict.fromkeys(result["ruleId"] for result in results[:SHOWN]))
    for result in results:
        result["ruleIndex"] = names.index(result["ruleId"]) if result["ruleId"] in names else -1
    driver = {
        "name": "explain-gate",
        "semanticVersion": __version__,
        "rules": [_rule(name) for name in names],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": "explain-gate/"},
        "columnKind": "utf16CodeUnits",
        "invocations": [_invocation(verdict, len(results) - SHOWN)],
        "results": results[:SHOWN],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1, allow_nan=False) + "\n"


def _of_finding(finding: Finding, place: Callable[[str], str]) -> dict[str, Any]:
    text = f"{finding.key}: {finding.status}. {finding.message}"
    result = _result(finding.check, finding.key, level_of(finding), text, place(finding.file), finding.line)
    if finding.status == "waived":
        result["suppressions"] = [{"kind": "external", "justification": _plain(finding.message)}]
    return result


def _without_result(key: str, verdict: Verdict, place: Callable[[str], str]) -> dict[str, Any]:
    file = verdict.findings[0].file if verdict.findings else "thresholds.yaml"
    return _result(key.partition("[")[0], key, "error", f"{key}: planned, and has no result.", place(file), 0)


def _result(rule: str, key: str, level: str, text: str, file: str, line: int) -> dict[str, Any]:
    where = {"uri": quote(file.encode("utf-8", "replace"))}
    if not file.startswith("/"):
        where["uriBaseId"] = "%SRCROOT%"
    return {
        "ruleId": _plain(rule),
        "level": level,
        "message": {"text": _message(text)},
        "locations": [{"physicalLocation": {"artifactLocation": where, "region": {"startLine": max(line, 1)}}}],
        "partialFingerprints": {"explainGateRule/v1": hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()},
    }


def _rule(name: str) -> dict[str, Any]:
    metric = metric_of(name)
    told = f"{metric.summary}. Beware: {metric.caveat}." if metric is not None else "A metric of this project."
    return {
        "id": name,
        "shortDescription": {"text": _message(metric.summary if metric is not None else name)},
        "help": {"text": _message(told)},
    }


def _invocation(verdict: Verdict, left_out: int) -> dict[str, Any]:
    notes: Sequence[str] = verdict.messages if verdict.verdict == "error" else ()
    notes = [*notes, *([f"{left_out:,} more results are in verdict.json"] if left_out > 0 else [])]
    return {
        "executionSuccessful": verdict.verdict != "error",
        "exitCode": verdict.exit_code,
        "exitCodeDescription": _plain(headline(verdict)),
        "toolExecutionNotifications": [
            {"level": "error" if verdict.verdict == "error" else "note", "message": {"text": _message(note)}}
            for note in notes[:20]
        ],
    }


def _message(text: str) -> str:
    """Text that a viewer shows as it is: brackets would be links, and names of files must call nobody."""
    cut = _plain(text)
    cut = cut if len(cut) <= _MESSAGE else cut[: _MESSAGE - 1] + "…"
    return _MENTION.sub("@\u200b", re.sub(r"([\\\[\]])", r"\\\1", cut))


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
