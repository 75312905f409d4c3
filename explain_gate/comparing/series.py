"""One rule over all versions, in the reviewer's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from explain_gate.comparing.versions import Version
from explain_gate.metrics import family_rank
from explain_gate.records import BLOCKING, Finding, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One rule over all versions; `findings` has an entry per version, None where it was not judged."""

    check: str
    method: str | None
    class_name: str | None
    findings: tuple[Finding | None, ...]

    @property
    def latest(self) -> Finding | None:
        """The newest finding there is."""
        return next((finding for finding in reversed(self.findings) if finding is not None), None)


def series_of(versions: Sequence[Version]) -> list[Series]:
    """All rules in the reviewer's order of families; within a check those that break now come first."""
    findings_of: dict[tuple[str, str | None, str | None], list[Finding | None]] = {}
    for position, version in enumerate(versions):
        for finding in version.findings:
            findings_of.setdefault(rule_of(finding), [None] * len(versions))[position] = finding
    every = [
        Series(check=check, method=method, class_name=class_name, findings=tuple(findings))
        for (check, method, class_name), findings in findings_of.items()
    ]
    return sorted(every, key=lambda one: (family_rank(one.check), not breaks(one.latest), one.class_name is not None))


def rule_of(finding: Finding) -> tuple[str, str | None, str | None]:
    """What a rule's findings have in common in every version: check, method, class."""
    return finding.check, finding.method, finding.class_name


def breaks(finding: Finding | None) -> bool:
    """Whether a rule was measured and holds a version up."""
    statuses: frozenset[Status] = BLOCKING
    return finding is not None and finding.status in statuses and finding.value is not None


def rule_named(finding: Finding) -> str:
    """A rule as a sentence calls it."""
    return f"{finding.check} for {finding.class_name}" if finding.class_name else finding.check
