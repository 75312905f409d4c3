"""audit.html: for whoever asks a year later what was asked, of what, on what, by what, and what could not be seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explain_gate.attribution import METHODS
from explain_gate.comparing.per_image import CONTROL_PREFIX
from explain_gate.digits import number, one_in, plural
from explain_gate.metrics import metric_of
from explain_gate.profile.manifest import FILES
from explain_gate.publishing.pages.page import render
from explain_gate.publishing.words import wording
from explain_gate.publishing.words.headline import reason
from explain_gate.records import Finding, Profile, Verdict
from explain_gate.redact import redact

FILE = "audit.html"
ROWS = 2_000
"""Rules and files that are listed one by one; the rest is counted, and stands in verdict.json and manifest.json."""
UNTOLD = "not recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRow:
    """One rule: what it asked, what came of it, and what it could not have seen.

    `power` says what share of images the row finds; `blind` how many images say nothing about it.
    """

    finding: Finding
    bound: str
    value: str
    interval: str
    power: str
    blind: str


def render_audit(verdict: Verdict, profile: Profile | None, *, config_text: str | None = None) -> str:
    """The auditor's page. It holds no pictures and needs no file beside it."""
    findings = wording.by_severity(verdict.findings)
    manifest: Mapping[str, Any] = profile.manifest if profile is not None else {}
    digests = manifest.get(FILES) or {}
    return render(
        "audit.html.j2",
        verdict=verdict,
        word=wording.VERDICT_WORDS[verdict.verdict],
        reason=reason(verdict),
        started=wording.started(verdict.environment),
        rows=[_asked(finding) for finding in findings[:ROWS]],
        hidden=max(len(findings) - ROWS, 0),
        missing=wording.missing(verdict)[:ROWS],
        classes=_classes(profile),
        dataset=_facts(verdict.dataset, ("classes", "licence")),
        licence=str(verdict.dataset.get("licence") or UNTOLD),
        model=_facts(verdict.model),
        code=_code(verdict.environment),
        conditions=_conditions(verdict, manifest),
        packages=_facts(verdict.environment.get("packages") or {}),
        failures=_known_failures(verdict, manifest),
        digests=list(digests.items())[:ROWS],
        more_digests=max(len(digests) - ROWS, 0),
        config_lines=redact(config_text).splitlines() if config_text else [],
    )


def _asked(finding: Finding) -> AskedRow:
    return AskedRow(
        finding=finding,
        bound=wording.bounds_of(finding),
        value=wording.value_text(finding),
        interval=wording.span_of(finding),
        power=_power(finding),
        blind=_blind(finding),
    )


def _power(finding: Finding) -> str:
    """What the row's images find four times in five; a row that counts no images has no such number, and says so."""
    counted = finding.evidence
    if counted is None:
        wide = f"; its interval is {number(finding.interval[1] - finding.interval[0])} wide" if finding.interval else ""
        return f"not computed for a bound on a value{wide}"
    if counted.finds is None:
        return f"none: {plural(counted.images, 'image')} find nothing"
    told = f"finds {one_in(counted.finds)}, must find {one_in(counted.must_catch)}"
    if counted.needed is not None and counted.images < counted.needed:
        told += f", which takes {plural(counted.needed, 'image')}"
    return told


def _blind(finding: Finding) -> str:
    parts = [f"does not apply to {plural(finding.not_applicable, 'image')}"] if finding.not_applicable else []
    parts += [f"{plural(finding.excluded, 'image')} out by review"] if finding.excluded else []
    parts += [f"{plural(finding.unmeasured, 'image')} unmeasured"] if finding.unmeasured else []
    return ", ".join(parts)


def _classes(profile: Profile | None) -> list[tuple[str, int]]:
    return sorted(Counter(image.class_name for image in profile.images).items()) if profile is not None else []


def _code(environment: Mapping[str, Any]) -> list[tuple[str, str]]:
    dirty = environment.get("git_dirty")
    return [
        ("git commit", str(environment.get("git_commit") or UNTOLD)),
        ("uncommitted changes", UNTOLD if dirty is None else "yes" if dirty else "no"),
        *([("their digest", str(environment["git_diff_digest"]))] if environment.get("git_diff_digest") else []),
    ]


def _conditions(verdict: Verdict, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    seed = manifest.get("seed")
    told = [("seed", str(seed) if seed is not None else UNTOLD), ("time", f"{verdict.seconds:,.1f} s")]
    return told + _facts(verdict.environment, ("packages", "git_commit", "git_dirty", "git_diff_digest"))


def _facts(values: Mapping[str, Any], but: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Names and values as text, nested ones with their path, secrets hidden."""
    told: list[tuple[str, str]] = []
    for name, value in values.items():
        if name in but or value is None or value in ("", [], {}):
            continue
        if isinstance(value, Mapping):
            told += [(f"{name} {inner}", text) for inner, text in _facts(value)]
        elif isinstance(value, bool):
            told.append((name, "yes" if value else "no"))
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            told.append((name, redact(text)))
    return told


def _known_failures(verdict: Verdict, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How each method and metric of the run is known to fail, by name; of a team's own that is not known."""
    own = "of this project: nothing is known here of how it fails"
    names = [name for finding in verdict.findings for name in wording.methods_of(finding)] + [
        *manifest.get("methods", {})
    ]
    methods = [name for name in dict.fromkeys(names) if not name.startswith(CONTROL_PREFIX)]
    told = [(name, METHODS[name].caveat if name in METHODS else own) for name in methods]
    for check in dict.fromkeys(finding.check for finding in verdict.findings):
        metric = metric_of(check)
        told.append((check, (metric.caveat or "no known failure is noted") if metric is not None else own))
    return told
