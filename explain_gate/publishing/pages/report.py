"""index.html: one page that opens from disk, without a server and without any other host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from explain_gate import digits
from explain_gate.attribution import METHODS, Method
from explain_gate.comparing.per_image import CONTROL_PREFIX, PerImage
from explain_gate.publishing.pages.cues import TELLING, CueView
from explain_gate.publishing.pages.drift import Drift
from explain_gate.publishing.pages.evidence import EvidenceView, most_telling
from explain_gate.publishing.pages.image_table import build_table
from explain_gate.publishing.pages.page import render
from explain_gate.publishing.pages.sections import build_rules
from explain_gate.publishing.pages.strategies import StrategyView
from explain_gate.publishing.pictures.charts import colour_bar
from explain_gate.publishing.pictures.gallery import Gallery, Shown
from explain_gate.publishing.words import wording
from explain_gate.publishing.words.headline import reason
from explain_gate.records import BLOCKING, Finding, Verdict
from explain_gate.redact import redact

STARTED = {
    "started": "at",
    "started_by": "by",
    "started_from": "from",
    "job": "job",
    "command": "command",
    "git_commit": "git commit",
    "git_dirty": "uncommitted changes",
    "git_diff_digest": "their digest",
}
"""What the environment tells of the run as an event, and what the report calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """One of the images beside the headline: the picture, the method whose map is shown, and why it is there."""

    shown: Shown
    method: str | None
    finding: Finding | None
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodCard:
    """A method as the report explains it; `card` is None for a user's own."""

    name: str
    card: Method | None
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Views:
    """What the page shows of the profile beside its rules; empty where nothing was measured."""

    cues: Sequence[CueView] = ()
    strategies: Sequence[StrategyView] = ()
    evidence: EvidenceView | None = None
    drift: Drift | None = None


def render_html(
    verdict: Verdict,
    per_image: PerImage | None,
    gallery: Gallery,
    views: Views,
    *,
    config_text: str | None = None,
    left_out: Sequence[str] = (),
) -> str:
    """The report's page; its pictures lie beside it in assets/. `left_out` are sentences about those that do not."""
    rules = build_rules(verdict, per_image, config_text)
    table = build_table(verdict, per_image, gallery)
    evidence = views.evidence or EvidenceView(strips={})
    return render(
        "index.html.j2",
        scripts=("rules.js", "images.js", "wipe.js"),
        verdict=verdict,
        word=wording.VERDICT_WORDS[verdict.verdict],
        reason=reason(verdict),
        counts=wording.counts(verdict),
        rules=rules,
        attention=rules.attention(),
        untold=wording.untold(verdict),
        notes=wording.notes_of(verdict),
        exhibits=_exhibits(verdict, gallery, per_image),
        gallery=gallery,
        drift=views.drift,
        cues=views.cues,
        strategies=views.strategies,
        evidence=evidence,
        telling=most_telling(evidence, wording.by_severity(verdict.findings)),
        left_out=left_out,
        telling_share=TELLING,
        by_image=gallery.by_image(),
        table=table,
        anchors=table.anchors,
        pictured={shown.row for shown in gallery.shown},
        methods=_methods(verdict, gallery, per_image),
        colour_bars={scale: Markup(colour_bar(scale)) for scale in ("sequential", "diverging")},  # noqa: S704 - an SVG of ours, no text in it
        config_lines=redact(config_text).splitlines() if config_text else [],
        facts=_facts(verdict),
        started=wording.started(verdict.environment),
    )


def _exhibits(verdict: Verdict, gallery: Gallery, per_image: PerImage | None) -> list[Exhibit]:
    """Up to three different images: in turn the worst of each rule that needs attention, maps before behaviour."""
    by_image = gallery.by_image()
    findings = [finding for finding in wording.by_severity(verdict.findings) if finding.worst]
    wanted = [f for f in findings if f.status in BLOCKING] or findings
    chosen: dict[str, Exhibit] = {}
    for depth in range(max((len(finding.worst) for finding in wanted), default=0)):
        for finding in wanted:
            image = finding.worst[depth] if depth < len(finding.worst) else ""
            if image in by_image and image not in chosen and len(chosen) < 3:
                chosen[image] = _exhibit(by_image[image], finding, per_image)
    for shown in gallery.shown:
        if len(chosen) < 3 and shown.image.image not in chosen:
            chosen[shown.image.image] = _exhibit(shown, None, per_image)
    return list(chosen.values())


def _exhibit(shown: Shown, finding: Finding | None, per_image: PerImage | None) -> Exhibit:
    method = next((name for name in wording.methods_of(finding) if name in shown.layers), None) if finding else None
    value = ""
    if finding is not None and per_image is not None:
        rows, values = per_image.values(finding)
        own = values[rows == shown.row]
        value = digits.number(float(own[0])) if own.size else ""
    return Exhibit(shown=shown, method=method or next(iter(shown.layers), None), finding=finding, value=value)


def _methods(verdict: Verdict, gallery: Gallery, per_image: PerImage | None) -> list[MethodCard]:
    options: Mapping[str, Any] = per_image.profile.manifest.get("methods", {}) if per_image is not None else {}
    names = [name for finding in verdict.findings for name in wording.methods_of(finding)]
    names += [*gallery.scales, *options]
    return [
        MethodCard(
            name=name,
            card=METHODS.get(name),
            options=options.get(name, {}),
        )
        for name in dict.fromkeys(names)
        if not name.startswith(CONTROL_PREFIX)
    ]


def _facts(verdict: Verdict) -> dict[str, dict[str, str]]:
    """What an auditor needs to repeat the run, by heading."""
    run = {
        "verdict": f"{verdict.verdict} (exit code {verdict.exit_code})",
        "rules": f"{len(verdict.planned):,} planned, {len(verdict.judged):,} judged",
        "time": f"{verdict.seconds:,.1f} s",
        "passes": ", ".join(f"{count:,} {name}" for name, count in verdict.passes.items()),
        "thresholds.yaml": verdict.config_digest,
    }
    started = {name: verdict.environment[key] for key, name in STARTED.items() if key in verdict.environment}
    conditions = {name: value for name, value in verdict.environment.items() if name not in STARTED}
    groups = {
        "Started": _flat(started),
        "Model": _flat(verdict.model),
        "Reference": _flat(verdict.reference or {}),
        "Regression set": _flat(verdict.dataset),
        "Environment": _flat(conditions),
        "Run": {name: text for name, text in run.items() if text},
    }
    return {name: facts for name, facts in groups.items() if facts}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in values.items():
        if value is None or value in ("", [], {}):
            continue
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name} ")
        elif isinstance(value, list | tuple):
            told = ", ".join(str(entry) for entry in value[:30])
            flat[prefix + name] = told + (f" and {len(value) - 30:,} more" if len(value) > 30 else "")
        elif isinstance(value, bool):
            flat[prefix + name] = "yes" if value else "no"
        else:
            flat[prefix + name] = redact(str(value))
    return flat
