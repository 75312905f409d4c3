"""metrics.txt: the verdict's numbers as OpenMetrics text, for CI systems that compare them between branches."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from explain_gate.publishing.words.wording import missing
from explain_gate.records import STATUS_ORDER, Finding, Verdict

_FAMILIES: tuple[tuple[str, str, Callable[[Finding], float | None]], ...] = (
    ("explain_gate_value", "What a rule was judged by.", lambda finding: finding.value),
    ("explain_gate_change", "Difference of the value to the reference.", lambda finding: finding.change),
    (
        "explain_gate_rule_held",
        "1 where the rule passed or is waived, 0 where it did not.",
        lambda finding: float(finding.status in {"passed", "waived"}),
    ),
    (
        "explain_gate_rule_inconclusive",
        "1 where the images do not tell whether the rule holds, 0 where they do.",
        lambda finding: float(finding.status == "inconclusive"),
    ),
)


def verdict_to_openmetrics(verdict: Verdict) -> str:
    """Gauges for every finding and the totals of the run, in the order of the plan; ends with `# EOF`."""
    lines: list[str] = []
    findings = list({finding.key: finding for finding in verdict.findings}.values())
    for name, meaning, read in _FAMILIES:
        samples = [(finding, read(finding)) for finding in findings]
        lines += [f"# TYPE {name} gauge", f"# HELP {name} {meaning}"]
        lines += [_sample(name, _labels(finding), value) for finding, value in samples if _usable(value)]
    lines += ["# TYPE explain_gate_rules gauge", "# HELP explain_gate_rules Rules by status."]
    totals: dict[str, int] = {s: sum(finding.status == s for finding in verdict.findings) for s in STATUS_ORDER}
    totals["missing"] = len(missing(verdict))
    lines += [_sample("explain_gate_rules", {"status": status}, float(count)) for status, count in totals.items()]
    lines += ["# TYPE explain_gate_passed gauge", "# HELP explain_gate_passed 1 where the gate let the model through."]
    lines.append(_sample("explain_gate_passed", {}, float(verdict.verdict == "passed")))
    return "\n".join([*lines, "# EOF"]) + "\n"


def _usable(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _labels(finding: Finding) -> dict[str, str]:
    labels = {"check": finding.check, "method": finding.method, "class": finding.class_name}
    return {name: text for name, text in labels.items() if text is not None} | {"statistic": finding.statistic}


def _sample(name: str, labels: Mapping[str, str], value: float | None) -> str:
    inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{inside}}} {value!r}" if inside else f"{name} {value!r}"


def _escaped(text: str) -> str:
    """Text for a label: backslash, quote and line feed escaped; other control characters become spaces."""
    escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return "".join(character if character.isprintable() else " " for character in escaped)
