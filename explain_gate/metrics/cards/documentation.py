"""docs/metrics.md: how each number is defined, from the cards; `python -m explain_gate.metrics.cards.documentation`."""

from __future__ import annotations

from explain_gate.metrics.cards import FAMILIES, METRICS
from explain_gate.metrics.cards.card import Metric


def documentation() -> str:
    """The page, a section a family and a heading a metric, so that each has an address of its own."""
    lines = [
        "# Metrics",
        "",
        "Each is asked for under `checks` of thresholds.yaml by its family and name. A value is per image; a rule",
        "bounds a statistic of the values or, where the metric asks a question, counts the images that say yes.",
    ]
    for family in FAMILIES.values():
        lines += ["", f"## {family.name}", "", _sentence(family.question)]
        for metric in METRICS.values():
            if metric.key.partition(".")[0] == family.name:
                lines += _metric(metric)
    return "\n".join(lines) + "\n"


def _metric(metric: Metric) -> list[str]:
    low = "-∞" if metric.low is None else f"{metric.low:g}"
    high = "∞" if metric.high is None else f"{metric.high:g}"
    rows = {
        "unit and range": f"{metric.unit}, {low} to {high}; {metric.better} is better",
        "source": metric.source,
        "costs, beside the map": metric.cost,
        "known failure": metric.caveat,
        "counts, as evidence": metric.question and f"images that {metric.question.format(whom='the class')}",
        "needs": ", ".join(metric.needs),
    }
    lines = ["", f"### {metric.key}", "", _sentence(metric.summary), "", "| | |", "|---|---|"]
    lines += [f"| {name} | {_cell(text)} |" for name, text in rows.items() if text]
    for option in metric.parameters:
        lines.append(f"| `{option.name}` | {_cell(option.meaning)}; default: `{option.default}` |")
    return lines


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    print(documentation(), end="")  # noqa: T201 - printing is what the module does when it is run
