"""A version is its weights, however often it was judged: its latest verdict stands for it, its runs lie below it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from explain_gate.records import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One gate run of a version. `link` leads to its record, `report` to its report.

    `terms` are the conditions under which its values may be compared with another run's, by name, as text; a method's
    settings stand under `settings of NAME`, a metric's under `parameters of CHECK`.
    """

    verdict: str
    findings: tuple[Finding, ...]
    time: datetime | None = None
    exit_code: int = 0
    run_id: str = ""
    dataset_digest: str = ""
    images: int | None = None
    terms: Mapping[str, str] = field(default_factory=dict)
    config_digest: str = ""
    git_commit: str | None = None
    git_dirty: bool = False
    started_by: str = ""
    link: str | None = None
    report: str | None = None

    @property
    def judged(self) -> bool:
        """Whether it came to a verdict."""
        return self.verdict in ("passed", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What people did with a version: `at` is ISO 8601, `kind` is alias, approval, waiver, lesson or methods."""

    at: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of the weights with all its runs, oldest first; at least one. Oldest first in any list.

    `label` names it on an axis: "14" in the registry, "epoch-07" by its file, "3f9a1c2b…" by its weights. `moves` tell
    how aliases came to it, oldest first.
    """

    label: str
    runs: tuple[Run, ...]
    model_digest: str = ""
    aliases: tuple[str, ...] = ()
    moves: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def latest(self) -> Run:
        """Its latest run with a verdict; where none came to one, its latest run."""
        return next((run for run in reversed(self.runs) if run.judged), self.runs[-1])

    @property
    def verdict(self) -> str:
        """Its latest verdict."""
        return self.latest.verdict

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What its latest verdict found."""
        return self.latest.findings

    @property
    def time(self) -> datetime | None:
        """When its latest verdict was."""
        return self.latest.time

    @property
    def blocked(self) -> bool:
        """Whether the gate did not let it through."""
        return self.verdict != "passed"

    @property
    def named(self) -> str:
        """As a sentence calls it: a registered one by its number, others by their weights or their file."""
        if self.label.isdigit():
            return f"version {self.label}"
        return f"weights {self.label}" if self.label.endswith("…") else self.label
