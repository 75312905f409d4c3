"""When values of two runs may be compared, and what changed between them where they may not.

Values are compared only between runs on the same terms: the same regression set, preprocessing, settings of methods
and metrics, seed, model.target, torch, device and dtype. Where the terms differ, a sentence says in what.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from explain_gate.comparing.series import rule_named, rule_of
from explain_gate.comparing.versions import Run, Version
from explain_gate.digits import number

SEED = "seed"
"""The term that every run of today records; a run without it was recorded before parameters of metrics were."""
_SHORT = 60
"""Characters of two values that a sentence can quote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What differs from the version before, from `position` on; `comparable` is False where values are not."""

    position: int
    what: str
    comparable: bool


def unlike(before: Run, after: Run) -> str:
    """Why the values of two runs cannot be compared, as the rest of a sentence; empty where they can.

    A term that only one of them has, such as the settings of a method that was added, keeps nothing from being
    compared. Where thresholds.yaml changed and a run was recorded before seeds and parameters of metrics were, nobody
    can tell, so they are not compared.
    """
    reasons = []
    if before.dataset_digest and after.dataset_digest and before.dataset_digest != after.dataset_digest:
        sizes = f" ({before.images:,} images, then {after.images:,})" if before.images and after.images else ""
        reasons.append(f"the regression set changed{sizes}")
    reasons += [
        f"{name} changed"
        + (f" from {value} to {after.terms[name]}" if len(value + after.terms[name]) <= _SHORT else "")
        for name, value in before.terms.items()
        if name in after.terms and after.terms[name] != value
    ]
    if not reasons and _rules_changed(before, after) and not (SEED in before.terms and SEED in after.terms):
        return "thresholds.yaml changed, and no record tells whether its seed or parameters of metrics did"
    return ", ".join(reasons)


def changes(versions: Sequence[Version]) -> list[Change]:
    """What changed from one version's latest verdict to the next one's, apart from the weights."""
    told = []
    for position, (earlier, later) in enumerate(itertools.pairwise(versions), start=1):
        reason = unlike(earlier.latest, later.latest)
        configs = earlier.latest.config_digest, later.latest.config_digest
        if reason:
            both = _measured_on_both(earlier, later)
            bridge = f"; {both.named} was measured on both" if both is not None else ""
            told.append(Change(position=position, what=f"{reason}{bridge}", comparable=False))
        elif all(configs) and configs[0] != configs[1]:
            told.append(Change(position=position, what="thresholds.yaml changed", comparable=True))
    return told


def reruns(version: Version) -> list[str]:
    """For each run of a version after its first, what it says beside the run before: same weights, so same values."""
    return [_rerun(before, after) for before, after in itertools.pairwise(version.runs)]


def changed_verdicts(versions: Sequence[Version]) -> list[str]:
    """Versions whose runs do not agree, one sentence each without its full stop, with what changed between the runs."""
    sentences = []
    for version in versions:
        judged = [run for run in version.runs if run.judged]
        for before, after in itertools.pairwise(judged):
            if before.verdict != after.verdict:
                words = {"passed": "passed", "failed": "was blocked"}
                reason = unlike(before, after) or _rules_changed(before, after) or "nothing else changed"
                when = f" on {after.time:%Y-%m-%d}" if after.time else ""
                sentences.append(
                    f"{_capital(version.named)} {words[before.verdict]} and {words[after.verdict]} when it was "
                    f"measured again{when}: {reason}"
                )
    return sentences


def _rerun(before: Run, after: Run) -> str:
    reason = unlike(before, after)
    if not (before.judged and after.judged):
        return "not compared with the run before: one of them came to no verdict"
    if reason:
        return f"not compared with the run before: {reason}"
    rules = _rules_changed(before, after)
    told = f"; {rules}" if rules else ""
    earlier = {rule_of(finding): finding for finding in before.findings}
    pairs = [
        (abs(finding.value - earlier[rule_of(finding)].value), earlier[rule_of(finding)], finding)  # type: ignore[operator]
        for finding in after.findings
        if rule_of(finding) in earlier and finding.value is not None and earlier[rule_of(finding)].value is not None
    ]
    if not pairs:
        return f"no rule in common with the run before{told}"
    largest, was, now = max(pairs, key=lambda pair: pair[0])
    if largest == 0:
        return f"the same values as the run before{told}"
    moved = f"{rule_named(now)} {number(was.value)} to {number(now.value)}"
    return f"largest change from the run before: {moved}{told}"


def _rules_changed(before: Run, after: Run) -> str:
    configs = before.config_digest, after.config_digest
    return "thresholds.yaml changed" if all(configs) and configs[0] != configs[1] else ""


def _measured_on_both(earlier: Version, later: Version) -> Version | None:
    """The version of the two with a run on the terms of the other's latest verdict, which links the two."""
    for version, other in ((earlier, later), (later, earlier)):
        if any(run.judged and not unlike(run, other.latest) for run in version.runs if run is not version.latest):
            return version
    return None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
