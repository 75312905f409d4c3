"""What GitHub shows of a verdict beside the log: annotations on lines of thresholds.yaml."""

from __future__ import annotations

from pathlib import Path

from explain_gate.digits import plural
from explain_gate.publishing.words.headline import headline
from explain_gate.publishing.words.wording import by_severity, untold
from explain_gate.records import STATUS_ORDER, Finding, Verdict

SHOWN = 9
"""Annotations of single rules; GitHub drops what a step says beyond ten, so the tenth tells of the rest."""
_MESSAGE = 1_000


def verdict_to_annotations(verdict: Verdict, *, file: str = "thresholds.yaml") -> list[str]:
    """One workflow command per rule that did not pass, worst first: at most nine, and a tenth that sums up.

    Print the lines where GITHUB_ACTIONS is true, and nowhere else.

    Args:
        verdict: the result of the run.
        file: thresholds.yaml as the repository names it; every annotation points at the line of its rule.
    """
    told = [finding for finding in by_severity(verdict.findings) if finding.status not in ("passed", "waived")]
    lines = [_command(level_of(finding), file, finding.line, _title(finding), finding.message) for finding in told]
    lines[:0] = [
        _command("error", file, 0, "explain-gate: no result", f"{key} was planned and has no result.")
        for key in untold(verdict)
    ]
    if verdict.verdict == "error" and not lines:
        lines = [_command("error", file, 0, "explain-gate", "\n".join((headline(verdict), *verdict.messages)))]
    if len(lines) <= SHOWN:
        return lines
    level = "warning" if verdict.verdict == "passed" else "error"
    rest = f"{headline(verdict)}. {plural(len(lines) - SHOWN, 'more rule')} in the job summary and in the report."
    return [*lines[:SHOWN], _command(level, file, 0, "explain-gate", rest)]


def repository_path(file: Path, workspace: str | None) -> str:
    """A file as GitHub names it: from the repository's root, which is not always where the job's step runs.

    Args:
        file: relative to the folder the process was started in, or absolute.
        workspace: GITHUB_WORKSPACE, the root; None, empty or another place leaves the path from that folder.
    """
    absolute = file.absolute()
    for root in (Path(workspace) if workspace else Path.cwd(), Path.cwd()):
        if absolute.resolve().is_relative_to(root.resolve()):
            return absolute.resolve().relative_to(root.resolve()).as_posix()
    return absolute.as_posix()


def level_of(finding: Finding) -> str:
    """How loud a host tells of a rule that did not pass: error or warning."""
    return "warning" if STATUS_ORDER.index(finding.status) >= STATUS_ORDER.index("warned") else "error"


def _title(finding: Finding) -> str:
    return f"explain-gate: {finding.key} {finding.status}"


def _command(level: str, file: str, line: int, title: str, message: str) -> str:
    place = f"file={_property(file)},line={line}" if line else f"file={_property(file)}"
    cut = message if len(message) <= _MESSAGE else message[: _MESSAGE - 1] + "…"
    return f"::{level} {place},title={_property(title)}::{_data(cut)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
